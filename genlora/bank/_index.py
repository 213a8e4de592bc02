"""Nearest experts: an immutable FAISS snapshot of the embeddings, and its cache file that is checked before use."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankError, StorageError
from genlora.files import atomic_write, canonical_json, parse_json

log = logging.getLogger(__name__)

_MAGIC = b"genlora-index-1\n"
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


class FlatIndex:
    """Exact inner-product search over unit vectors. Safe to search from many threads at once."""

    def __init__(self, names: Sequence[str], vectors: NDArray[np.float32], *, revision: str) -> None:
        """`vectors` is (n, dim), unit rows in the order of `names`."""
        import faiss

        index = faiss.IndexFlatIP(int(vectors.shape[1]) if vectors.size else 1)
        if len(names):
            index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._set(tuple(names), index, revision)

    def _set(self, names: tuple[str, ...], index: Any, revision: str) -> None:
        if index.ntotal != len(names):
            raise ValueError(f"index holds {index.ntotal} vectors for {len(names)} experts; expected one each")
        self.names = names
        self.revision = revision
        self._index = index

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
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        if not self.names or k < 1:
            return []
        if query.shape[1] != self.dim:
            raise BankError(
                f"query has {query.shape[1]} numbers, expected {self.dim}. Was it made by another embedder?"
            )
        norm = float(np.linalg.norm(query))
        if not np.isfinite(norm) or norm == 0.0:
            raise BankError("query is zero or not finite, expected a unit vector. Embed the description again.")
        scores, ids = self._index.search(query / norm, min(k, len(self.names)))
        found = [Neighbour(self.names[i], float(s)) for s, i in zip(scores[0], ids[0], strict=True)]
        return sorted(found, key=lambda n: (-n.similarity, n.name))

    def to_bytes(self) -> bytes:
        """Cache file: magic, SHA-256 of the rest, two lengths, JSON header, names by line, FAISS bytes."""
        import faiss

        header = canonical_json({"revision": self.revision, "faiss": faiss.__version__})
        names = "\n".join(self.names).encode()
        lengths = len(header).to_bytes(8, "big") + len(names).to_bytes(8, "big")
        rest = lengths + header + names + faiss.serialize_index(self._index).tobytes()
        return _MAGIC + hashlib.sha256(rest).digest() + rest

    @classmethod
    def from_bytes(cls, data: bytes, *, revision: str) -> "FlatIndex | None":
        """The index if `data` is whole and of `revision`, else None. FAISS sees no byte before their digest fits."""
        start = len(_MAGIC) + _DIGEST
        rest = memoryview(data)[start:]
        if (
            data[: len(_MAGIC)] != _MAGIC
            or len(rest) < 16
            or hashlib.sha256(rest).digest() != data[len(_MAGIC) : start]
        ):
            return None
        import faiss

        a = 16 + int.from_bytes(rest[:8], "big")
        b = a + int.from_bytes(rest[8:16], "big")
        try:
            header = parse_json(bytes(rest[16:a]), where="index cache")
            if header["revision"] != revision or header["faiss"] != faiss.__version__:
                return None
            names = bytes(rest[a:b]).decode().split("\n") if b > a else []
            out = cls.__new__(cls)
            out._set(tuple(names), faiss.deserialize_index(np.frombuffer(rest[b:], np.uint8)), revision)
        except (KeyError, TypeError, ValueError, RuntimeError):
            return None
        return out


@dataclass(frozen=True)
class IndexCache:
    """Where a bank keeps its index: a cache and nothing more; anything odd in it is thrown away."""

    path: Path

    def load(self, revision: str) -> FlatIndex | None:
        """The cached index of `revision`, or None."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        index = FlatIndex.from_bytes(data, revision=revision)
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
