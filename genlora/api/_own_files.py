"""Which files in an adapter's folder genlora wrote: those that the receipt lists, and a refusal figure beside it."""

from pathlib import Path

from genlora.adapter import AdapterFiles
from genlora.errors import ManifestError
from genlora.files import old_files
from genlora.ownership import owned

from ._marks import read_refusals
from ._receipt import read_receipt


def own_adapter(folder: Path) -> list[str]:
    """Names of all files in an adapter's folder, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="an adapter")


def check_folder(folder: Path, *, force: bool) -> None:
    """Before long work: raise the `StorageError` that writing an adapter to `folder` would end in."""
    old_files(folder, own_adapter if force else None)


def _written(folder: Path) -> dict[str, str | None]:
    listed = read_receipt(folder / AdapterFiles.RECEIPT).get("files")
    if not isinstance(listed, dict):
        raise ManifestError(f"{folder / AdapterFiles.RECEIPT}: lists no files. Generate the adapter again.")
    measured = {} if read_refusals(folder) is None else {AdapterFiles.REFUSALS: None}
    return {**listed, AdapterFiles.RECEIPT: None, **measured}
