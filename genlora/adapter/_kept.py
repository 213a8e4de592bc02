"""The PEFT files of an adapter's factors, kept while the same factors are asked for again.

The few-shot adapter is the same for every request but for its prompt, and so is a bank's expert: making and digesting
ten megabytes anew would be half of what a warm request takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from genlora.files import sha256_bytes
from genlora.lru import Lru

from ._layout import BaseLayout
from ._peft import DType, peft_files
from ._state import AdapterState

_KEPT_BYTES = 24 << 20


@dataclass(frozen=True, eq=False)
class WrittenFiles:
    """Files and their digests."""

    state: AdapterState
    """What they were made of; held, so that its id stays its own."""
    versions: int
    files: Mapping[str, bytes]
    digests: Mapping[str, str]


_kept: Lru[tuple[int, str, DType], WrittenFiles] = Lru(_KEPT_BYTES)


def written_files(state: AdapterState, layout: BaseLayout, dtype: DType) -> WrittenFiles:
    """The files of `peft_files`, made once for the same object as long as nobody writes into its tensors."""
    versions = _versions(state)
    key: tuple[int, str, DType] = (id(state), layout.fingerprint, dtype)
    found = _kept.get(key)
    if found is not None and found.state is state and found.versions == versions:
        return found
    files = peft_files(state, layout, dtype=dtype)
    made = WrittenFiles(state, versions or 0, files, {name: sha256_bytes(data) for name, data in files.items()})
    if versions is not None:
        _kept.put(key, made, sum(map(len, files.values())))
    return made


def _versions(state: AdapterState) -> int | None:
    """A number that changes when a tensor is written into; None for tensors that do not count that."""
    tensors = [t for pair in state.values() for t in (pair.a, pair.b)]
    return None if any(t.is_inference() for t in tensors) else sum(t._version for t in tensors)
