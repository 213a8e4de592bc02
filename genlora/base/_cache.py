"""The cache: fetched files and converted bases, whole or absent, in folders named by digest."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import GenloraError
from genlora.files import read_json, storage_errors

_STAGE = ".tmp-"


def cache_dir() -> Path:
    """Where fetched and converted files live: `$GENLORA_CACHE`, else `genlora` in the platform's user cache.

    The folder need not exist yet.
    """
    if own := os.environ.get("GENLORA_CACHE"):
        return Path(own).expanduser().absolute()
    if sys.platform == "win32":  # pragma: no cover
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "genlora" / "Cache"
    if sys.platform == "darwin":  # pragma: no cover
        return Path.home() / "Library" / "Caches" / "genlora"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genlora"


@dataclass(frozen=True)
class CacheEntry:
    """One thing in the cache."""

    kind: str
    """archive (as fetched), file (taken out of an archive), model (ready to load), ... : the folder's name."""
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


def _size(path: Path) -> int:
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file() and not p.is_symlink())


def cache_entries() -> list[CacheEntry]:
    """Everything in the cache, by kind and name; leftovers of killed runs are of kind "leftover"."""
    root = cache_dir()
    if not root.is_dir():
        return []
    found = []
    for kind in sorted(p for p in root.iterdir() if p.is_dir()):
        for entry in sorted(kind.iterdir()):
            what = "leftover" if entry.name.startswith(_STAGE) else kind.name
            found.append(CacheEntry(what, entry.name, entry, _size(entry)))
    return found


def clear_cache(kind: str | None = None) -> int:
    """Remove everything in the cache, or one kind of it; returns the bytes freed. Raises `StorageError`."""
    freed = 0
    for entry in cache_entries():
        if kind is None or entry.kind == kind:
            with storage_errors(entry.path):
                shutil.rmtree(entry.path) if entry.path.is_dir() else entry.path.unlink()
            freed += entry.size
    return freed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder`; other live processes' work is kept."""
    for stage in folder.glob(f"{_STAGE}*"):
        pid = stage.name.removeprefix(_STAGE).split("-")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not (os.name == "posix" and _alive(int(pid))):
            shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` in one rename when the block ends well.

    If another process made `target` meanwhile, its copy stands and ours is dropped. Raises `StorageError`.
    """
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        stage = Path(tempfile.mkdtemp(prefix=f"{_STAGE}{os.getpid()}-", dir=target.parent))
    try:
        yield stage
        with storage_errors(target):
            stage.chmod(0o755)
            with suppress(OSError):  # a finished twin of another process is as good
                stage.rename(target)
            if not target.is_dir():
                stage.rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
