"""The cache: fetched files and converted bases, whole or absent, in folders named by digest.

Everything in it is known by what it holds: a folder by its list of files, a JSON file by its format, a blob by its
digest. What is not known so was put there by somebody else, and is listed, named and never touched.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.errors import GenloraError, ManifestError, StorageError
from genlora.files import (
    TEMPORARY,
    at_home,
    canonical_json,
    read_json,
    remove_files,
    sha256_bytes,
    storage_errors,
)

from ._entries import MANIFEST, own_entry, read_manifest, write_manifest

FINGERPRINT_FORMAT = "genlora-fingerprint-1"
CALIBRATION_FORMAT = "genlora-calibration-1"
MEASURED_FORMAT = "genlora-measured-1"
FOLDERS = ("archives", "files", "models", "tasks")
"""Kinds whose entries are folders with a list of their files."""
_HEX = re.compile(r"[0-9a-f]{64}")
_PID = re.compile(rf"{re.escape(TEMPORARY)}(\d+)-\w+")


def cache_dir() -> Path:
    """Where fetched and converted files live: `$GENLORA_CACHE`, else `genlora` in the platform's user cache.

    The folder need not exist yet. Raises `StorageError` for a user whose home is not known.
    """
    if own := os.environ.get("GENLORA_CACHE"):
        return at_home(own).absolute()
    if sys.platform == "win32":  # pragma: no cover
        return Path(os.environ.get("LOCALAPPDATA") or at_home("~/AppData/Local")) / "genlora" / "Cache"
    if sys.platform == "darwin":  # pragma: no cover
        return at_home("~/Library/Caches/genlora")
    return Path(os.environ.get("XDG_CACHE_HOME") or at_home("~/.cache")) / "genlora"


def seal_json(body: Mapping[str, Any], form: str) -> bytes:
    """A JSON file of the cache: `body`, its format, and a digest of both."""
    named = {**body, "format": form}
    return canonical_json({**named, "sha256": sha256_bytes(canonical_json(named))})


def sealed_json(path: Path, form: str) -> dict[str, Any]:
    """What `seal_json` wrote to `path`. Raises `ManifestError` for anything else."""
    found = read_json(path)
    rest = {k: v for k, v in found.items() if k != "sha256"} if isinstance(found, dict) else {}
    if rest.get("format") != form or found.get("sha256") != sha256_bytes(canonical_json(rest)):
        raise ManifestError(f"{path}: is not what genlora wrote. It is made anew.")
    return {k: v for k, v in rest.items() if k != "format"}


@dataclass(frozen=True)
class CacheEntry:
    """One thing in the cache."""

    kind: str
    """archives (as fetched), files (taken out of an archive), models (ready to load), ... : the folder's name."""
    name: str
    path: Path
    size: int
    """Bytes on disk."""

    @property
    def label(self) -> str:
        """A name a person knows: the files in a folder that is itself named by digest."""
        if not self.path.is_dir():
            return self.name
        meta = self.path / "genlora.json"
        if meta.is_file():
            with suppress(GenloraError, AttributeError):
                return f"{read_json(meta).get('name')}  {self.name}"
        inside = sorted(p.name for p in self.path.iterdir() if p.name[0] != ".")
        return f"{', '.join(inside[:3])}{', ...' if len(inside) > 3 else ''}  {self.name[:12]}"


@dataclass(frozen=True)
class CacheContent:
    """What lies in the cache's folder."""

    entries: tuple[CacheEntry, ...]
    """What genlora put there, by kind and name."""
    foreign: tuple[Path, ...]
    """What it did not, so that it is neither used nor removed."""


def _size(path: Path) -> int:
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file() and not p.is_symlink())


def _is_folder(path: Path) -> bool:
    try:
        read_manifest(path)
    except GenloraError:
        return False
    return not path.is_symlink()


def _is_json(form: str) -> Callable[[Path], bool]:
    """Whether a file has a digest for its name and says that it is of this format."""

    def known(path: Path) -> bool:
        if path.is_symlink() or path.suffix != ".json" or not _HEX.fullmatch(path.stem):
            return False
        try:
            found = read_json(path)
        except GenloraError:
            return False
        return isinstance(found, dict) and found.get("format") == form

    return known


def _is_blob(path: Path) -> bool:
    """Whether a file has a digest for its name and begins as the bank's blobs do; readers check all of it."""
    if path.is_symlink() or not path.is_file() or not _HEX.fullmatch(path.name):
        return False
    with path.open("rb") as f:
        return f.read(64)[8:].startswith(b'{"__metadata__":{"genlora":')


def _is_stage(path: Path) -> bool:
    """Whether a killed run of ours left it: a folder that says so, or a temporary file by its name."""
    if path.is_symlink() or not path.name.startswith(TEMPORARY):
        return False
    return path.is_file() or (
        bool(_PID.fullmatch(path.name)) and (not any(path.iterdir()) or (path / MANIFEST).exists())
    )


_KINDS: dict[str, Callable[[Path], bool]] = {
    **dict.fromkeys(FOLDERS, _is_folder),
    "fingerprints": _is_json(FINGERPRINT_FORMAT),
    "calibrations": _is_json(CALIBRATION_FORMAT),
    "measured": _is_json(MEASURED_FORMAT),
    "blobs": _is_blob,
}
"""What is kept in the cache, and how an entry is known. The store of `genlora push` has its own keeper."""
_OTHERS = ("served",)


def cache_content() -> CacheContent:
    """What is in the cache, and what somebody else put into its folder."""
    root, entries, foreign = cache_dir(), list[CacheEntry](), list[Path]()
    for kind in sorted(root.iterdir()) if root.is_dir() else ():
        known = _KINDS.get(kind.name)
        if known is None or kind.is_symlink() or not kind.is_dir():
            foreign += [] if kind.name in _OTHERS else [kind]
            continue
        for path in sorted(kind.iterdir()):
            if _is_stage(path):
                entries.append(CacheEntry("leftover", path.name, path, _size(path)))
            elif known(path):
                entries.append(CacheEntry(kind.name, path.name, path, _size(path)))
            else:
                foreign.append(path)
    return CacheContent(tuple(entries), tuple(foreign))


def cache_entries() -> list[CacheEntry]:
    """Everything that genlora put into the cache; leftovers of killed runs are of kind "leftover"."""
    return list(cache_content().entries)


@dataclass(frozen=True)
class Cleared:
    """What `clear_cache` did."""

    freed: int
    """Bytes."""
    kept: tuple[str, ...]
    """Each thing that genlora did not write, or that is in use, with the reason it is still there."""


def clear_cache(kind: str | None = None) -> Cleared:
    """Remove what genlora put into the cache, or one kind of it. Raises `StorageError` where the disk refuses.

    What somebody else put there is kept, and so is an entry that holds such a file.
    """
    found = cache_content()
    freed, kept = 0, [f"{path}: genlora did not write it" for path in found.foreign if kind in (None, path.parent.name)]
    for entry in found.entries:
        if kind not in (None, entry.kind):
            continue
        try:
            _remove(entry)
        except StorageError as err:
            kept.append(str(err))
        else:
            freed += entry.size
    return Cleared(freed, tuple(kept))


def _remove(entry: CacheEntry) -> None:
    path = entry.path
    with storage_errors(path):
        if path.is_file():
            path.unlink()
        elif entry.kind == "leftover":
            if _alive(path):
                raise StorageError(f"{path}: another process is at work in it")
            shutil.rmtree(path)
        else:
            names = own_entry(path)
            if not remove_files(path, names):
                raise StorageError(f"{path}: not all of it could be removed")


def _alive(stage: Path) -> bool:
    """Whether the process that works in this temporary folder may still run."""
    match = _PID.fullmatch(stage.name)
    if match is None or int(match[1]) == os.getpid() or os.name != "posix":
        return match is not None and int(match[1]) == os.getpid()
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder`; other live processes' work is kept."""
    for stage in folder.glob(f"{TEMPORARY}*"):
        if stage.is_dir() and _is_stage(stage) and not _alive(stage):
            shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` in one rename when the block ends well, with a list of its files.

    If another process made `target` meanwhile, its copy stands and ours is dropped. Raises `StorageError`.
    """
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        stage = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{os.getpid()}-", dir=target.parent))
        (stage / MANIFEST).write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")
    try:
        yield stage
        with storage_errors(target):
            write_manifest(stage)
            stage.chmod(0o755)
            with suppress(OSError):  # a finished twin of another process is as good
                stage.rename(target)
            if not target.is_dir():
                stage.rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
