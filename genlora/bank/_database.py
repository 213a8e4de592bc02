"""What a bank asks of its three parts: a database of records, a store of blobs, and an index over the vectors.

A folder bank has SQLite, a folder of files and FAISS; a shared bank has PostgreSQL, any fsspec store and pgvector.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ._address import BankAddress
from ._index import NeighbourIndex


class ExpertRow(NamedTuple):
    """An expert as a database holds it. Nothing in it is believed before `sha256` is seen to fit."""

    name: str
    generation: int
    record: str
    """Canonical JSON."""
    blob: str
    """SHA-256 of the blob that holds its factors."""
    slot: int | None
    """Its place in a blob that packs several experts."""
    sha256: str
    """`row_digest` of all of it."""
    rows: bytes | None
    """Embeddings of the descriptions, little-endian float16."""
    mean: bytes | None = None
    """Their unit mean, little-endian float32; None where it was not asked for."""


class Database(Protocol):
    """Rows of experts and metadata. Every error it raises is a `BankError` or `StorageError`.

    Safe to use from many threads. Reads see committed states; inside `writing`, the writing thread sees its own.
    """

    @property
    def where(self) -> str:
        """What messages call the bank. Never holds a password."""
        ...

    @property
    def label(self) -> str:
        """What messages call the place of the rows themselves."""
        ...

    @property
    def readonly(self) -> bool:
        """Whether nothing may be changed."""
        ...

    def close(self) -> None:
        """Let go of it. Closing twice does nothing."""
        ...

    def consistent(self) -> AbstractContextManager[None]:
        """All reads of the block see one committed state."""
        ...

    def writing(self, needed: Callable[[], int] = lambda: 0) -> AbstractContextManager[None]:
        """The one writer's transaction: committed durably when the block ends, undone when it raises.

        `needed` tells how many bytes it writes, for the message when the disk is full.
        """
        ...

    def committed(self) -> None:
        """Called after a commit that changed something."""
        ...

    def expect(self, digest: str) -> None:
        """Called inside `writing` before a blob is stored, so that one whose writer is killed can be found."""
        ...

    def settle(self, digests: Iterable[str]) -> None:
        """Called inside `writing` when it is known what became of these blobs."""
        ...

    def sweep(self, blobs: "Blobs") -> int:
        """Delete what killed writers left; how many files. Skipped while another process is writing."""
        ...

    def meta(self, key: str) -> tuple[str, str] | None:
        """Value and digest of one metadata row."""
        ...

    def keys(self) -> list[str]:
        """Keys of all metadata rows, in order."""
        ...

    def put_meta(self, key: str, value: str, sha256: str) -> None:
        """Write one metadata row."""
        ...

    def drop_meta(self, key: str) -> None:
        """Remove one metadata row, if it is there."""
        ...

    def count(self) -> int:
        """How many experts."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is an expert of that name."""
        ...

    def names(self) -> list[str]:
        """All names, in order of their code points."""
        ...

    def expert(self, name: str) -> ExpertRow | None:
        """One expert's row."""
        ...

    def experts(self) -> list[ExpertRow]:
        """All rows, in order of name."""
        ...

    def entries(self) -> Iterator[ExpertRow]:
        """All rows with their vectors, in the order in which they were added."""
        ...

    def place(self, name: str) -> tuple[str, int | None] | None:
        """Blob and slot of an expert."""
        ...

    def used(self, digests: Iterable[str]) -> set[str]:
        """Those of these blobs that some expert names."""
        ...

    def insert(self, row: ExpertRow) -> None:
        """Add an expert's rows; `rows` and `mean` are given."""
        ...

    def delete(self, name: str) -> str | None:
        """Delete an expert's rows; the blob that it named, or None if there was no such expert."""
        ...


class Blobs(Protocol):
    """Content-addressed, immutable bytes. Raises `BankDamagedError` and `StorageError`."""

    def path(self, digest: str) -> object:
        """Where the blob lies, for messages."""
        ...

    def put(self, data: bytes, *, durable: bool = True) -> tuple[str, bool]:
        """Store `data` durably, or so with the next `sync`: (digest, whether it is new). Needs the write lock."""
        ...

    def sync(self) -> None:
        """Make durable what was stored without."""
        ...

    def read(self, digest: str) -> bytes:
        """The bytes, which have that SHA-256."""
        ...

    def stored(self, digest: str) -> bytes:
        """What lies in the store under that digest, unchecked."""
        ...

    def digests(self) -> Iterator[str]:
        """Every blob that is stored."""
        ...

    def tidy(self) -> int:
        """Delete half-written files of killed writers; how many. Needs the database's write lock."""
        ...

    def discard(self, digests: Iterable[str]) -> int:
        """Delete these blobs; how many there were. Needs the database's write lock."""
        ...


class IndexSource(Protocol):
    """Hands out the index of the newest committed state."""

    def newest(self) -> NeighbourIndex:
        """The index to search."""
        ...

    def close(self) -> None:
        """Keep what can be kept for the next one."""
        ...


@dataclass(frozen=True)
class BankParts:
    """What a bank is made of."""

    place: Path | BankAddress
    database: Database
    blobs: Blobs
    index: IndexSource
