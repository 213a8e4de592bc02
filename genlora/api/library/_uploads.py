"""Adapters that clients made themselves, taken in under the conditions of an import into a bank."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterFiles, AdapterState, BaseLayout, import_peft, peft_files
from genlora.errors import ConfigError, GenloraError
from genlora.files import canonical_json, sha256_bytes

from .._receipt import Dtype
from ._shelf import PREFIX, narrow

FORMAT = "genlora-upload-1"


@dataclass(frozen=True)
class Upload:
    """A client's adapter as a value: 16 bit, one rank, scales inside B."""

    id: str
    """Of its content: the same adapter has the same id."""
    state: AdapterState
    dtype: Dtype
    receipt: Mapping[str, Any]
    layout: BaseLayout

    @property
    def weights(self) -> str:
        """Digest of the file that its factors are in."""
        return self.receipt["files"][AdapterFiles.WEIGHTS]

    def files(self) -> dict[str, bytes]:
        """The same as a portable PEFT folder, made anew: kept, it would take the memory twice."""
        portable = peft_files(self.state, self.layout, dtype=self.dtype)
        return {**portable, AdapterFiles.RECEIPT: canonical_json(self.receipt)}


def read_upload(files: Mapping[str, bytes], layout: BaseLayout) -> Upload:
    """Read a PEFT adapter, whose `files` by name are a config, weights, and perhaps a card.

    Raises what `import_peft` raises, and `ConfigError` for an adapter that changes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="genlora-") as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        try:
            found = import_peft(Path(folder), layout)
        except GenloraError as err:  # the client is to read of its own files, not of where we put them
            raise type(err)(str(err).replace(f"{folder}/", "")) from err
    if found.nothing:
        raise ConfigError(f"the adapter changes nothing: {found.nothing}. Is it the trained one?")
    state, dtype = narrow(found.state)
    portable = peft_files(state, layout, dtype=dtype)
    digests = {name: sha256_bytes(data) for name, data in sorted(portable.items())}
    receipt = {
        "format": FORMAT,
        "upload": {"weights": found.sha256, "licence": found.licence, "notes": list(found.notes)},
        "fingerprint": layout.fingerprint,
        "files": digests,
    }
    return Upload(PREFIX + sha256_bytes(canonical_json(digests))[:16], state, dtype, receipt, layout)
