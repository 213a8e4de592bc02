"""Copies on this machine of blobs that lie in an object store: a folder of bounded size, checked on every read."""

import logging
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from genlora.cache import cache_dir
from genlora.errors import GenloraError
from genlora.files import atomic_write, sha256_bytes

log = logging.getLogger(__name__)

LIMIT_BYTES = 4 << 30
_BLOB = re.compile(r"[0-9a-f]{64}")


@dataclass
class BlobCache:
    """Blobs by digest. A copy that is damaged is thrown away; the least recently used go when it is full."""

    folder: Path
    limit: int = LIMIT_BYTES
    _used: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def default(cls) -> "BlobCache":
        """The one in genlora's cache folder: `genlora cache list` shows it."""
        return cls(cache_dir() / "blobs")

    def get(self, digest: str) -> bytes | None:
        """The verified bytes, or None."""
        path = self.folder / digest
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if sha256_bytes(data) != digest:
            log.info("%s: this copy is damaged; fetching the blob anew", path)
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            path.touch()
        return data

    def put(self, digest: str, data: bytes) -> None:
        """Keep a copy. A disk that refuses costs speed only."""
        try:
            atomic_write(self.folder / digest, data, durable=False)
        except GenloraError as err:
            log.info("a blob is not kept on this machine: %s", err)
            return
        with self._lock:
            if self._used is None:
                self._used = sum(size for _, size, _ in self._entries())
            else:
                self._used += len(data)
            if self._used > self.limit:
                self._used = self._trim()

    def _entries(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self.folder.iterdir():
            if not _BLOB.fullmatch(path.name) or path.is_symlink() or not path.is_file():
                continue  # somebody else's, which is not ours to trim
            with suppress(OSError):  # another process may be trimming, too
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        return found

    def _trim(self) -> int:
        left = 0
        for _, size, path in sorted(self._entries(), reverse=True):
            if left + size > 0.9 * self.limit:
                with suppress(OSError):
                    path.unlink()
            else:
                left += size
        return left
