"""Whose files: a folder is replaced only where its own marker says that genlora wrote every file in it, as it is."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from genlora.errors import GenloraError, StorageError
from genlora.files import sha256_file, storage_errors

Listing = Callable[[Path], Mapping[str, str | None]]
"""{name: SHA-256} of what genlora wrote into a folder, by its marker; names of files below it have slashes. The marker
itself, which holds no digest of itself, has None, and so has a folder, whose name ends in a slash. Raises
`GenloraError` where there is no marker."""


def owned(folder: Path, listing: Listing, *, what: str) -> list[str]:
    """Names of all files in `folder`, each of which genlora wrote and nobody changed since; none for an empty folder.

    Anything else is a `StorageError` that names it: links, files and folders that `listing` does not know, and files
    with other bytes. `what` says what the folder should be, as in "an adapter".
    """
    found = _inside(folder, what)
    if not found:
        return []
    try:
        known = listing(folder)
    except GenloraError as err:
        raise _foreign(folder, f"is not {what} that genlora wrote: it holds {found[0]!r}") from err
    folders = {str(parent) for name in known for parent in Path(name).parents}
    for name in found:
        path = folder / name
        if name.endswith("/"):
            if name not in known and name.rstrip("/") not in folders:
                raise _foreign(folder, f"holds {name!r}, a folder that genlora did not make")
        elif name not in known or not stat.S_ISREG(path.lstat().st_mode):
            raise _foreign(folder, f"holds {name!r}, which genlora did not write")
        elif known[name] is not None and sha256_file(path) != known[name]:
            raise _foreign(folder, f"holds {name!r}, which was changed after genlora wrote it")
    return [name for name in found if not name.endswith("/")]


def _foreign(folder: Path, why: str) -> StorageError:
    return StorageError(
        f"{folder}: {why}. Nothing was replaced, and --force does not change that: choose another folder, or move "
        "away what is in this one."
    )


def _inside(folder: Path, what: str) -> list[str]:
    """All files and folders below `folder`, folders with a slash at the end; links are not followed."""
    if folder.is_symlink():
        raise _foreign(folder, f"is a link to {folder.readlink()}, expected {what}")
    if not folder.is_dir():
        raise _foreign(folder, f"is a file, expected {what}")
    found = []
    with storage_errors(folder):
        for root, folders, files in os.walk(folder, onerror=_raise):
            here = Path(root).relative_to(folder)
            links = [name for name in folders if (Path(root) / name).is_symlink()]
            found += [(here / name).as_posix() for name in (*files, *links)]
            found += [f"{(here / name).as_posix()}/" for name in folders if name not in links]
    return sorted(found)


def _raise(err: OSError) -> None:
    raise err
