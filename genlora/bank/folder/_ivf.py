"""Approximate search for banks of many experts: FAISS's inverted lists with 8-bit codes, and their cache file.

The lists find candidates (Jegou et al. 2011, with a scalar quantiser); who uses them ranks these exactly, from the
bank's own rows. So a wrong file can hide an expert, and can neither invent one nor change a similarity.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from genlora.errors import GenloraError
from genlora.files import TEMPORARY, canonical_json, parse_json, storage_errors

_MAGIC = b"genlora-ivf-1\n"
_MOST_HEADER = 1 << 12
PROBE = 48
"""Lists that are looked through: measured by benchmarks/large_bank.py."""
_EACH = 48
"""Vectors for each list that the lists' centres are learned from."""

Rows = Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]
"""Ids (n,) and unit vectors (n, dim), some at a time."""


@dataclass(frozen=True)
class Lists:
    """Inverted lists over the vectors of one generation of a bank. Never changes; safe to search from many threads."""

    generation: int
    """Experts up to this one are in it."""
    count: int
    dim: int
    index: Any
    """The FAISS index."""
    quantizer: Any
    """Its centres, which it does not own."""

    def candidates(self, query: NDArray[np.float32], most: int, *, probe: int = PROBE) -> list[int]:
        """Ids of up to `most` vectors near a unit query (dim,), by their codes, out of the `probe` nearest lists."""
        import faiss

        asked: Any = faiss.SearchParametersIVF()
        asked.nprobe = probe
        _, ids = self.index.search(query.reshape(1, -1), most, params=asked)
        return [int(i) for i in ids[0] if i >= 0]


def lists_for(count: int) -> int:
    """How many lists for so many vectors: the power of two next to the root."""
    return 1 << max(0, round(math.log2(max(count, 1)) / 2))


def build_lists(rows: Callable[[], Rows], sample: NDArray[np.float32], *, generation: int, lists: int) -> Lists:
    """Learn the centres from `sample` (n, dim) and put every row into its list."""
    import faiss

    dim = sample.shape[1]
    index, quantizer = _empty(dim, lists)
    index.cp.niter, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 8, _EACH, 1
    index.train(np.ascontiguousarray(sample[: max(_EACH * lists, lists)], dtype=np.float32))
    for ids, vectors in rows():
        index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.ascontiguousarray(ids, dtype=np.int64))
    assert isinstance(index, faiss.IndexIVFScalarQuantizer)
    return Lists(generation, int(index.ntotal), dim, index, quantizer)


def sample_step(count: int, lists: int) -> int:
    """Every how many-th vector the centres are learned from."""
    return max(1, count // (_EACH * lists))


def _empty(dim: int, lists: int) -> tuple[Any, Any]:
    import faiss

    quantizer = faiss.IndexFlatIP(dim)
    kind = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexIVFScalarQuantizer(quantizer, dim, lists, kind, faiss.METRIC_INNER_PRODUCT, False)
    return index, quantizer


# ---- the file: magic, header's length, header, its SHA-256, then the parts that the header tells the digests of


def _parts(lists: int, count: int, dim: int) -> dict[str, tuple[str, int]]:
    """Number format and length of each part, in their order."""
    return {
        "trained": ("<f4", 2 * dim),
        "centres": ("<f4", lists * dim),
        "sizes": ("<u4", lists),
        "ids": ("<i8", count),
        "codes": ("u1", count * dim),
    }


def _arrays(made: Lists) -> Iterator[tuple[str, Any]]:
    """Each part's name and its arrays, list by list."""
    import faiss

    held, lists = made.index.invlists, made.index.nlist
    sizes = [int(held.list_size(i)) for i in range(lists)]
    yield "trained", [faiss.vector_to_array(made.index.sq.trained).astype("<f4")]
    yield "centres", [made.quantizer.reconstruct_n(0, lists).astype("<f4")]
    yield "sizes", [np.array(sizes, "<u4")]
    yield "ids", (faiss.rev_swig_ptr(held.get_ids(i), n).astype("<i8") for i, n in enumerate(sizes) if n)
    yield "codes", (faiss.rev_swig_ptr(held.get_codes(i), n * made.dim) for i, n in enumerate(sizes) if n)


def write_lists(made: Lists, path: Path) -> None:
    """Write the file in one rename. A cache: not synced. Raises `StorageError`."""
    digests = {}
    for name, arrays in _arrays(made):
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(array.data)
        digests[name] = digest.hexdigest()
    shape = {"generation": made.generation, "count": made.count, "dim": made.dim, "lists": int(made.index.nlist)}
    header = canonical_json({**shape, "sha256": digests})
    tmp = path.with_name(f"{TEMPORARY}{path.name}-{hashlib.sha256(header).hexdigest()[:12]}")
    with storage_errors(path, made.count * (made.dim + 8)):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tmp.open("wb") as f:
                f.write(_MAGIC + len(header).to_bytes(8, "big") + header + hashlib.sha256(header).digest())
                for _, arrays in _arrays(made):
                    for array in arrays:
                        f.write(array.data)
            tmp.replace(path)
        except BaseException:
            tmp.unlink(missing_ok=True)
            raise


def read_lists(path: Path) -> Lists | None:
    """The file's lists; None for a file that is not there, is damaged, or is not ours. FAISS never reads it itself."""
    with suppress(OSError, GenloraError, KeyError, TypeError, ValueError, OverflowError):
        with path.open("rb") as f:
            return _read(f, path.stat().st_size)
    return None


def _read(f: IO[bytes], size: int) -> Lists | None:
    import faiss

    if f.read(len(_MAGIC)) != _MAGIC or not 0 < (length := int.from_bytes(f.read(8), "big")) <= _MOST_HEADER:
        return None
    header = f.read(length)
    if hashlib.sha256(header).digest() != f.read(32):
        return None
    told = parse_json(header, where="index cache")
    generation, count, dim, lists = (told[k] for k in ("generation", "count", "dim", "lists"))
    if not all(type(x) is int and 0 < x < 1 << 40 for x in (generation, count, dim, lists)):
        return None
    wanted = _parts(lists, count, dim)
    if size != f.tell() + sum(np.dtype(kind).itemsize * n for kind, n in wanted.values()):
        return None
    start, parts = f.tell(), dict[str, NDArray[Any]]()
    for name, (kind, n) in wanted.items():
        parts[name] = np.memmap(f, kind, "r", start, (n,))
        start += parts[name].nbytes
        if hashlib.sha256(parts[name].data).hexdigest() != told["sha256"][name]:
            return None
    ends = np.cumsum(parts["sizes"], dtype=np.int64)
    if ends[-1] != count or not (np.isfinite(parts["centres"]).all() and np.isfinite(parts["trained"]).all()):
        return None
    index, quantizer = _empty(dim, lists)
    quantizer.add(np.ascontiguousarray(parts["centres"].reshape(lists, dim), dtype=np.float32))
    faiss.copy_array_to_vector(np.array(parts["trained"], np.float32), index.sq.trained)
    ids, codes, begin = np.array(parts["ids"], np.int64), parts["codes"].reshape(count, dim), 0
    for i, end in enumerate(ends.tolist()):
        if end > begin:
            some = np.ascontiguousarray(codes[begin:end])
            index.invlists.add_entries(i, end - begin, faiss.swig_ptr(ids[begin:end]), faiss.swig_ptr(some))
        begin = end
    index.is_trained, index.ntotal = True, count
    return Lists(generation, count, dim, index, quantizer)
