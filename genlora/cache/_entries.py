"""One list of files per cached folder: digests as it was published, and when each file was last seen to fit.

A file is read in full when its size or times are not those at which it was last seen to fit, and whenever a whole check
is asked for. A warm start reads two small JSON files and asks for the status of a dozen others.
"""

import logging
import os
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genlora.errors import GenloraError, ManifestError, StorageError
from genlora.files import (
    TEMPORARY,
    atomic_write,
    canonical_json,
    read_json,
    remove_files,
    sha256_bytes,
    sha256_file,
    storage_errors,
)
from genlora.ownership import owned

log = logging.getLogger(__name__)

MANIFEST = ".genlora-files.json"
"""In every folder of the cache: which files genlora put there. A folder without it is not ours."""
CHECKED = ".genlora-checked.json"
"""Beside it: the sizes and times at which the files were last seen to fit."""
FORMAT = "genlora-files-1"
LARGE = 16 << 20
"""Files from this size on are looked at while something else is done, where the caller can wait for the verdict."""
_MAX_FILES = 20_000

Files = Mapping[str, tuple[int, str]]
"""{name with slashes: (bytes, SHA-256)}."""


def tree_digest(digests: Mapping[str, str]) -> str:
    """One digest of a folder: of the names and digests of its files."""
    return sha256_bytes(canonical_json(dict(digests)))


def digests_in(folder: Path) -> dict[str, tuple[int, str]]:
    """Size and digest of every file in `folder`, but for our two lists. Links are a `ManifestError`."""
    found = {}
    for name in _names(folder):
        path = folder / name
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise ManifestError(f"{path}: is not a plain file. Move it out of the cache.")
        found[name] = (status.st_size, sha256_file(path))
    return found


def _names(folder: Path) -> list[str]:
    found = []
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        found += [(Path(root) / name).relative_to(folder).as_posix() for name in (*files, *links)]
        if len(found) > _MAX_FILES:
            raise ManifestError(f"{folder}: holds over {_MAX_FILES:,} files. Is it a folder of the cache?")
    return sorted(name for name in found if name not in (MANIFEST, CHECKED))


def write_manifest(folder: Path) -> None:
    """List the files of a folder that is about to be published; they have just been written, so they fit."""
    files = digests_in(folder)
    rows = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in files.items()}
    body = {"format": FORMAT, "files": rows}
    data = canonical_json({**body, "sha256": sha256_bytes(canonical_json(body))})
    atomic_write(folder / MANIFEST, data, durable=False)
    _write_checked(folder, {name: _stamp(folder / name) for name in files})


def read_manifest(folder: Path) -> Files:
    """What `write_manifest` listed. Raises `ManifestError`."""
    path = folder / MANIFEST
    found = read_json(path, max_bytes=16 << 20)
    try:
        rest = {k: v for k, v in found.items() if k != "sha256"}
        if rest["format"] != FORMAT or found["sha256"] != sha256_bytes(canonical_json(rest)):
            raise ValueError("its own digest does not fit")
        return {str(n): (int(row["bytes"]), str(row["sha256"])) for n, row in rest["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise ManifestError(f"{path}: not a list of cached files ({err!r}). Run: genlora cache clear") from err


def own_entry(folder: Path) -> list[str]:
    """Names of all files in a folder of the cache, if its list names each of them; else `StorageError`.

    Their bytes do not matter: what is damaged is thrown away as well.
    """

    def written(at: Path) -> dict[str, str | None]:
        return {**dict.fromkeys(read_manifest(at)), MANIFEST: None, CHECKED: None}

    return owned(folder, written, what="a folder of the cache")


def _stamp(path: Path) -> list[int]:
    status = path.lstat()
    # The time of the last change of the inode too: bytes can be changed and the other times put back.
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _read_checked(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / CHECKED)
    except GenloraError:
        return {}
    return found if isinstance(found, dict) else {}


def _write_checked(folder: Path, stamps: Mapping[str, Any]) -> None:
    with suppress(StorageError):  # a cache that cannot be written is looked at anew each time
        atomic_write(folder / CHECKED, canonical_json(dict(stamps)), durable=False)


@dataclass
class EntryCheck:
    """A look at one folder of the cache: what does not fit so far, and what is still to be read."""

    folder: Path
    faults: list[str] = field(default_factory=list)
    """Names of files that are missing, changed or not plain files."""
    _stamps: dict[str, Any] = field(default_factory=dict)
    _left: dict[str, str] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def read(self, names: Mapping[str, str]) -> None:
        """Compare whole files with their digests."""
        for name, digest in names.items():
            path = self.folder / name
            try:
                before = _stamp(path)
                if sha256_file(path) == digest and _stamp(path) == before:
                    self._stamps[name] = before
                    continue
            except OSError:
                pass
            self.faults.append(name)

    def begin(self) -> None:
        """Read what is left in a thread of its own."""
        if self._left:
            self._thread = threading.Thread(target=self.read, args=(self._left,), name="genlora-check", daemon=True)
            self._thread.start()

    def whole(self) -> bool:
        """Whether everything fits, once all of it has been read."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._left = {}
            _write_checked(self.folder, self._stamps)
        return not self.faults


def check_entry(folder: Path, *, deep: bool = False, later: bool = False) -> EntryCheck:
    """Look at a folder of the cache: at sizes and times, and at the bytes of what was touched since the last look.

    Args:
        folder: a published folder.
        deep: read every byte, whatever the times say.
        later: read large files in a thread; ask `EntryCheck.whole` before what was read from them is used.

    Raises `ManifestError` where its list is missing or damaged, and `StorageError` where a file lies in it that
    genlora did not write and a loader might read.
    """
    files, known = read_manifest(folder), _read_checked(folder)
    # Hidden files are read by no loader: a file manager may leave them.
    extra = [n for n in _names(folder) if n not in files and not Path(n).name.startswith(".")]
    if extra:
        raise StorageError(
            f"{folder / extra[0]}: genlora did not write this file, and what is loaded from that folder would depend "
            "on it. Move it away."
        )
    found, unread = EntryCheck(folder), dict[str, str]()
    for name, (size, digest) in files.items():
        try:
            status = (folder / name).lstat()
        except OSError:
            found.faults.append(name)
            continue
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            found.faults.append(name)
        elif not deep and known.get(name) == _stamp(folder / name):
            found._stamps[name] = known[name]
        else:
            unread[name] = digest
    if found.faults and not deep:  # it is thrown away whole: no need to read the rest
        return found
    if (much := sum(files[n][0] for n in unread)) >= LARGE:
        log.info("%s: reading %d MB, which were touched since they were last seen to fit", folder, much // 10**6)
    found._left = {n: d for n, d in unread.items() if later and files[n][0] >= LARGE}
    found.read({n: d for n, d in unread.items() if n not in found._left})
    if found._left:
        found.begin()
    elif unread:
        _write_checked(folder, found._stamps)
    return found


def usable(folder: Path, *, pinned: str = "", deep: bool = False, later: bool = False) -> EntryCheck | None:
    """A look at `folder` that found no fault (so far, with `later`), or None where it has to be made anew.

    What is damaged is thrown away, what holds no list of ours is put aside, both in words. `pinned` is the
    `tree_digest` that is known beforehand. Raises `StorageError` where somebody else's file is in the way.
    """
    if not os.path.lexists(folder):
        return None
    try:
        found = check_entry(folder, deep=deep, later=later)
        if pinned and tree_digest({n: d for n, (_, d) in read_manifest(folder).items()}) != pinned:
            found.faults.append(MANIFEST)
    except ManifestError:
        if pinned and folder.is_dir() and _is(folder, pinned):
            write_manifest(folder)
            return EntryCheck(folder)
        _put_aside(folder)
        return None
    if found.faults:
        discard(folder, found.faults)
        return None
    if later:
        _unsettled[folder] = found
    return found


_unsettled: dict[Path, EntryCheck] = {}


def settled(folder: Path) -> bool:
    """Whether a folder that was taken with `later` is whole; waits for the verdict. A damaged one is thrown away."""
    found = _unsettled.pop(folder, None)
    if found is None or found.whole():
        return True
    discard(folder, found.faults)
    return False


def _is(folder: Path, pinned: str) -> bool:
    try:
        return tree_digest({name: digest for name, (_, digest) in digests_in(folder).items()}) == pinned
    except (ManifestError, OSError):
        return False


def discard(folder: Path, faults: list[str]) -> None:
    """Throw a damaged folder of the cache away and say so. Raises `StorageError` if not all of it is ours."""
    log.warning("%s is damaged (%s): it is thrown away and made anew", folder, ", ".join(faults[:3]))
    going = own_entry(folder)
    aside = folder.with_name(f"{TEMPORARY}{os.getpid()}-{folder.name}")
    with suppress(FileNotFoundError), storage_errors(folder):  # another process may have found it too
        folder.rename(aside)
        remove_files(aside, going)


def drop_entry(folder: Path) -> None:
    """Remove a folder of the cache that is no longer needed, if all of it is ours."""
    with suppress(StorageError):
        remove_files(folder, own_entry(folder))


def _put_aside(folder: Path) -> None:
    for number in range(1, 1000):
        aside = folder.with_name(f"{folder.name}.unknown-{number}")
        if not os.path.lexists(aside):
            folder.rename(aside)
            log.warning("%s has no list of files that genlora wrote: it is now %s, and made anew", folder, aside)
            return
    raise StorageError(f"{folder}: has no list of files that genlora wrote. Move it out of the cache.")
