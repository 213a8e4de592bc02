"""Content-addressed, immutable files, `blobs/<sha256>.safetensors`: read into memory and checked, never mapped."""

import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import BankDamagedError
from genlora.files import TEMPORARY, atomic_write, sha256_bytes, sha256_file, storage_errors, sync_tree

MAX_BLOB = 4 << 30
"""Sixty-four experts of rank 8 on a 7B base, uncompressed, are a quarter of it; hashing as much takes seconds."""
_LARGE = 64 << 20
BLOB_NAME = re.compile(r"([0-9a-f]{64})\.safetensors")


def sweep_temporary(folder: Path) -> int:
    """Delete temporary files that killed writers of ours left in `folder`; how many."""
    found = [e for e in folder.iterdir() if e.name.startswith(TEMPORARY) and e.is_file()] if folder.is_dir() else []
    for entry in found:
        with storage_errors(entry):
            entry.unlink(missing_ok=True)
    return len(found)


@dataclass(frozen=True)
class BlobStore:
    """The folder of a bank that holds factors."""

    folder: Path

    def path(self, digest: str) -> Path:
        """Where the blob of `digest` lies or would lie."""
        return self.folder / f"{digest}.safetensors"

    def put(self, data: bytes, *, durable: bool = True) -> tuple[str, bool]:
        """Store `data` durably, or with the next `sync`: (digest, whether it is new). One that is there already must be
        whole.

        Needs the bank's write lock: `sweep` of another process would take an uncommitted blob for a leftover.
        """
        digest = sha256_bytes(data)
        path = self.path(digest)
        try:
            if sha256_bytes(path.read_bytes()) == digest:
                return digest, False
        except OSError:
            pass
        atomic_write(path, data, durable=durable)
        return digest, True

    def sync(self) -> None:
        """Make durable what was stored without."""
        sync_tree(self.folder)

    def stored(self, digest: str) -> bytes:
        """The file's bytes, unchecked but for large ones: a sparse file of any size takes no room in memory.

        What is missing, or no regular file, is a `BankDamagedError`.
        """
        path = self.path(digest)
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BLOB:
                what = f"{status.st_size:,} bytes" if stat.S_ISREG(status.st_mode) else "not a regular file"
                raise BankDamagedError(
                    f"{path}: is {what}, expected at most {MAX_BLOB:,} bytes of factors. Restore the file from a copy."
                )
            if status.st_size > _LARGE and (found := sha256_file(path)) != digest:
                raise self._damaged(digest, found)
            return path.read_bytes()
        except OSError as err:
            raise BankDamagedError(
                f"{path}: cannot be read ({err.strerror}). Run: genlora bank verify {self.folder.parent}"
            ) from err

    def _damaged(self, digest: str, found: str) -> BankDamagedError:
        return BankDamagedError(
            f"{self.path(digest)}: damaged, its SHA-256 is {found[:16]}... Restore the file from a copy, or remove "
            f"its experts; genlora bank verify {self.folder.parent} names them"
        )

    def read(self, digest: str) -> bytes:
        """The verified bytes. A missing or changed file is a `BankDamagedError`."""
        data = self.stored(digest)
        found = sha256_bytes(data)
        if found != digest:
            raise self._damaged(digest, found)
        return data

    def digests(self) -> Iterator[str]:
        """Every blob on disk."""
        for entry in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            match = BLOB_NAME.fullmatch(entry.name)
            if match:
                yield match[1]

    def tidy(self) -> int:
        """Delete temporary files of killed writers; how many. Needs the bank's write lock."""
        return sweep_temporary(self.folder)

    def discard(self, digests: Iterable[str]) -> int:
        """Delete these blobs, which nobody refers to; how many there were. Needs the bank's write lock."""
        found = [path for path in map(self.path, digests) if path.exists()]
        for path in found:
            with storage_errors(path):
                path.unlink(missing_ok=True)
        return len(found)
