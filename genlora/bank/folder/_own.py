"""Which files of a folder a bank wrote: its database, its checksum, its blobs by their names, its index."""

from pathlib import Path

from genlora.ownership import owned

from ._blobs import BLOB_NAME
from ._db import check_header
from ._files import BankFiles


def own_bank(folder: Path) -> list[str]:
    """Names of all files in a bank's folder, each of which genlora wrote; else `StorageError` (see `owned`).

    Generators that were trained beside a bank are no part of it.
    """
    return owned(folder, _written, what="a bank")


def _written(folder: Path) -> dict[str, str | None]:
    files = BankFiles(folder)
    check_header(files.database)
    single = (files.database, Path(f"{files.database}-journal"), files.checksum, files.index, files.lists)
    blobs = sorted(files.blobs.iterdir()) if files.blobs.is_dir() else []
    named = {f"blobs/{p.name}": match[1] for p in blobs if (match := BLOB_NAME.fullmatch(p.name))}
    # The folders themselves, which may be empty.
    return {"blobs/": None, "cache/": None, **{p.relative_to(folder).as_posix(): None for p in single}, **named}
