"""A subject's adapter as a value and as a folder that diffusers loads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterState
from genlora.errors import ManifestError
from genlora.files import canonical_json, old_files, publish_folder, read_bounded
from genlora.images import WEIGHTS, lora_bytes, read_lora
from genlora.ownership import owned

from .._own_files import hold_interrupts
from .._receipt import read_receipt, seal

RECEIPT = "receipt.json"
MAX_LORA = 1 << 30


@dataclass(frozen=True, eq=False)
class SubjectAdapter:
    """A LoRA for a text-to-image model. Equal pictures, generator and versions give equal bytes."""

    state: AdapterState
    body: Mapping[str, Any] = field(repr=False)
    """The receipt but for the digests of files."""

    @property
    def base(self) -> str:
        """Fingerprint of the text-to-image model it is for."""
        return str(self.body["base"]["sha256"])

    def files(self) -> dict[str, bytes]:
        """Every file of its folder by name."""
        files = {WEIGHTS: lora_bytes(self.state)}
        return {**files, RECEIPT: canonical_json(seal(self.body, files))}

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the folder, whole or not at all; `pipeline.load_lora_weights(folder)` loads it.

        Raises `StorageError` if it cannot be written, or exists; with `force` a subject's adapter that genlora wrote is
        replaced, and nothing else.
        """
        with hold_interrupts():
            publish_folder(self.files(), Path(folder), replace=own_subject if force else None)
        return Path(folder)

    @classmethod
    def load(cls, place: str | Path) -> "SubjectAdapter":
        """Read a folder that `save` wrote.

        Raises:
            ManifestError: if it is not one.
            DigestError: if its receipt was changed.
            AdapterFormatError: if its weights are not the LoRA of a U-Net.
        """
        folder = Path(place)
        if not folder.is_dir():
            raise ManifestError(f"{folder}: is no folder. Expected an adapter that genlora personalize wrote.")
        receipt = read_receipt(folder / RECEIPT)
        if receipt.get("kind") != "subject" or not isinstance(receipt.get("base"), dict):
            raise ManifestError(
                f"{folder}: its receipt is not of a subject's adapter. Adapters for text are used with: genlora run"
            )
        data = read_bounded(folder / WEIGHTS, MAX_LORA, expected="a LoRA for a U-Net")
        body = {k: v for k, v in receipt.items() if k not in ("format", "files", "sha256")}
        return cls(read_lora(data, where=str(folder / WEIGHTS)), body)


def own_subject(folder: Path) -> list[str]:
    """Names of all files in a subject's folder, each of which genlora wrote; else `StorageError`."""
    return owned(folder, _written, what="a subject's adapter")


def check_subject_folder(folder: Path, *, force: bool) -> None:
    """Before long work: raise the `StorageError` that writing to `folder` would end in."""
    old_files(folder, own_subject if force else None)


def _written(folder: Path) -> dict[str, str | None]:
    receipt = read_receipt(folder / RECEIPT)
    if receipt.get("kind") != "subject" or not isinstance(receipt.get("files"), dict):
        raise ManifestError(f"{folder / RECEIPT}: is not of a subject's adapter.")
    return {**receipt["files"], RECEIPT: None}
