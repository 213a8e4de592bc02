"""Nearest experts: an immutable FAISS snapshot of the embeddings, and its cache file that is checked before use."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankError, GenloraError, ManifestError, StorageError
from genlora.files import atomic_write, canonical_json, parse_json, read_bounded

from ._vectors import NOTHING, with_vectors

log = logging.getLogger(__name__)

_MAGIC = b"genlora-index-2\n"
_DIGEST = 32


@dataclass(frozen=True)
class Neighbour:
    """A bank expert near a query."""

    name: str
    similarity: float
    """Cosine, -1 to 1."""


class NeighbourIndex(Protocol):
    """Answers nearest-expert queries for one committed state of a bank; never changes."""

    @property
    def names(self) -> Sequence[str]:
        """Experts in the index."""
        ...

    @property
    def revision(self) -> str:
        """Which committed state of the bank it shows."""
        ...

    def search(self, vector: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k nearest, most similar first; ties by name."""
        ...


def unit_query(vector: NDArray[np.floating[Any]], dim: int | None) -> NDArray[np.float32]:
    """A query (dim,) at length 1. Raises `BankError` for one of another width, of no length, or not finite."""
    query = np.ascontiguousarray(vector, dtype=np.float32).reshape(-1)
    if dim is not None and len(query) != dim:
        raise BankError(f"query has {len(query)} numbers, expected {dim}. Was it made by another embedder?")
    norm = float(np.linalg.norm(query))
    if not np.isfinite(norm) or norm == 0.0:
        raise BankError("query is zero or not finite, expected a unit vector. Embed the description again.")
    return query / np.float32(norm)


class FlatIndex:
    """Exact inner-product search over unit vectors. Safe to search from many threads at once."""

    def __init__(self, names: Sequence[str], vectors: NDArray[np.float32], *, revision: str) -> None:
        """`vectors` is (n, dim), unit rows in the order of `names`."""
        import faiss

        index = faiss.IndexFlatIP(int(vectors.shape[1]) if vectors.size else 1)
        if len(vectors):
            index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        if index.ntotal != len(names):
            raise ValueError(f"{index.ntotal} vectors for {len(names)} experts; expected one each")
        self.names = tuple(names)
        self.revision = revision
        self._index: Any = index

    def __len__(self) -> int:
        return len(self.names)

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._index.d)

    def vectors(self) -> NDArray[np.float32]:
        """A copy of all vectors, (n, dim)."""
        if not self.names:
            return np.zeros((0, self.dim), np.float32)
        return np.asarray(self._index.reconstruct_n(0, len(self.names)), dtype=np.float32)

    def search(self, vector: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k experts of highest cosine with `vector` (dim,), best first; equal ones in order of name."""
        if not self.names or k < 1:
            return []
        scores, ids = self._index.search(unit_query(vector, self.dim)[None], min(k, len(self.names)))
        found = [Neighbour(self.names[i], float(s)) for s, i in zip(scores[0], ids[0], strict=True)]
        return sorted(found, key=lambda n: (-n.similarity, n.name))

    def total(self) -> str:
        """Sum over its vectors, as a bank's state has it (see `_vectors`)."""
        rows = self.vectors().astype("<f4", copy=False)
        return with_vectors(NOTHING, ((name, row.tobytes()) for name, row in zip(self.names, rows, strict=True)))

    def to_bytes(self) -> bytes:
        """Cache file: magic, SHA-256 of the rest, two lengths, JSON header, names by line, little-endian float32."""
        header = canonical_json({"revision": self.revision, "dim": self.dim})
        names = "\n".join(self.names).encode()
        lengths = len(header).to_bytes(8, "big") + len(names).to_bytes(8, "big")
        rest = lengths + header + names + self.vectors().astype("<f4", copy=False).tobytes()
        return _MAGIC + hashlib.sha256(rest).digest() + rest

    @classmethod
    def from_bytes(cls, data: bytes, *, revision: str, total: str) -> "FlatIndex | None":
        """The index if `data` is whole, of `revision`, and its vectors have the sum `total`; else None.

        Nothing in the file is believed: whoever changes vectors can make its digest fit, but not the bank's own state.
        """
        start = len(_MAGIC) + _DIGEST
        rest = memoryview(data)[start:]
        if (
            data[: len(_MAGIC)] != _MAGIC
            or len(rest) < 16
            or hashlib.sha256(rest).digest() != data[len(_MAGIC) : start]
        ):
            return None
        a = 16 + int.from_bytes(rest[:8], "big")
        b = a + int.from_bytes(rest[8:16], "big")
        try:
            header = parse_json(bytes(rest[16:a]), where="index cache")
            names = bytes(rest[a:b]).decode().split("\n") if b > a else []
            if header["revision"] != revision:
                return None
            found = cls(names, np.frombuffer(rest[b:], "<f4").reshape(len(names), header["dim"]), revision=revision)
        except (GenloraError, KeyError, TypeError, ValueError, OverflowError):
            return None
        return found if found.total() == total else None


@dataclass(frozen=True)
class IndexCache:
    """Where a bank keeps its index: a cache and nothing more; anything odd in it is thrown away."""

    path: Path

    def load(self, revision: str, total: str, *, most: int = 1 << 32) -> FlatIndex | None:
        """The cached index of `revision`, whose vectors have the sum `total`; None where there is none.

        A file of more than `most` bytes is not read.
        """
        if not self.path.is_file():
            return None
        try:
            data = read_bounded(self.path, most, expected="an index that genlora wrote")
        except ManifestError:
            data = b""
        index = FlatIndex.from_bytes(data, revision=revision, total=total)
        if index is None:
            log.info("%s: damaged, or of another state of the bank; building the index anew", self.path)
        return index

    def publish(self, index: FlatIndex) -> bool:
        """Write the cache in one rename. A folder that cannot be written costs speed only: False."""
        try:
            atomic_write(self.path, index.to_bytes(), durable=False)
        except StorageError as err:
            log.info("the index stays in memory: %s", err)
            return False
        return True
