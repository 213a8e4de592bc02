"""Where a folder bank's files lie."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class BankFiles:
    """Where things lie under a bank's folder."""

    root: Path

    @cached_property
    def database(self) -> Path:
        """Metadata, embeddings and provenance."""
        return self.root / "bank.sqlite"

    @property
    def checksum(self) -> Path:
        """Digest of the whole database file, for `bank verify`."""
        return self.root / "bank.sum"

    @property
    def blobs(self) -> Path:
        """Content-addressed factors."""
        return self.root / "blobs"

    @property
    def index(self) -> Path:
        """The index cache; may be deleted at any time."""
        return self.root / "cache" / "index.bin"

    @property
    def lists(self) -> Path:
        """The same for a bank of many experts."""
        return self.root / "cache" / "lists.bin"

    @property
    def lists_made(self) -> int:
        """When those were made, in nanoseconds; 0 where there are none."""
        return self.lists.stat().st_mtime_ns if self.lists.is_file() else 0
