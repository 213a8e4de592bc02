"""The index of a folder bank of many experts: lists find candidates, the bank's own rows rank them exactly.

What was added after the lists were made is searched as it is; what was removed since has no row, and so is not found.
The lists are a cache: read where they fit, made anew where they do not.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankDamagedError, StorageError

from .._index import FlatIndex, Neighbour, unit_query
from .._meta import read_state
from .._record import mean_bytes, record_in
from ._ivf import Lists, Rows, build_lists, lists_for, read_lists, sample_step, write_lists
from ._sqlite import SqliteDatabase

log = logging.getLogger(__name__)

LARGE = 1 << 17
"""From so many experts on: an exact search over them takes twenty milliseconds, and five times as many a gigabyte."""
SPARE = 16
"""Candidates for each neighbour that is asked for, and at least `LEAST` in all."""
LEAST = 128
_CHUNK = 1 << 14
_TRIED = 16
"""Experts that lists are tried on before they are believed."""
_OWN = 4
"""Lists in which a vector itself is looked for: it lies in that of the nearest centre, but for rounding."""


@dataclass(frozen=True)
class _Tail:
    """Experts that came after the lists."""

    generation: int
    index: FlatIndex


class LargeIndex:
    """A `NeighbourIndex` that follows the bank: always of the newest committed state. Safe from many threads."""

    def __init__(self, database: SqliteDatabase, lists: Lists) -> None:
        self._database, self._lists = database, lists
        self._lock = threading.Lock()
        self._tail = _Tail(-1, FlatIndex((), np.zeros((0, lists.dim), np.float32), revision=""))

    @property
    def names(self) -> Sequence[str]:
        """Experts in the bank, in order of name."""
        return tuple(self._database.names())

    @property
    def revision(self) -> str:
        """The newest committed state of the bank."""
        return read_state(self._database).revision

    @property
    def waiting(self) -> int:
        """How many experts came after the lists."""
        with self._database.consistent():
            return len(self._newest_tail())

    @property
    def stale(self) -> bool:
        """Whether the lists should be made anew: an eighth of the bank came after them."""
        return self.waiting > max(_CHUNK, self._lists.count // 8)

    def _newest_tail(self) -> FlatIndex:
        with self._lock:
            now = read_state(self._database).generation
            if self._tail.generation != now:
                rows = [r for r in self._database.vectors(self._lists.generation) if len(r[1]) == 4 * self._lists.dim]
                means = np.frombuffer(b"".join(mean for _, mean in rows), "<f4").reshape(len(rows), self._lists.dim)
                self._tail = _Tail(now, FlatIndex([name for name, _ in rows], means, revision=""))
            return self._tail.index

    def search(self, vector: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k experts of highest cosine with `vector` (dim,), best first; equal ones in order of name.

        Nearly always the same as an exact search finds; the similarities are exact.
        """
        if k < 1:
            return []
        query = unit_query(vector, self._lists.dim)
        with self._database.consistent():
            near = self._database.means(self._lists.candidates(query, max(LEAST, SPARE * k)))
            found = {name: mean for name, mean in near if len(mean) == 4 * self._lists.dim}
            tail = self._newest_tail()
            late = [n.name for n in tail.search(vector, k)]
            found |= {name: mean for name, mean in self._database.means_of(late)}
            means = np.frombuffer(b"".join(found.values()), "<f4").reshape(len(found), self._lists.dim)
            ranked = FlatIndex(tuple(found), means, revision="").search(vector, len(found))
            return self._sound(ranked, found, k)

    def _sound(self, ranked: Sequence[Neighbour], means: dict[str, bytes], k: int) -> list[Neighbour]:
        """The first k whose rows fit their digests; the others are told and left out."""
        out: list[Neighbour] = []
        for near in ranked:
            row = self._database.expert(near.name) if len(out) < k else None
            if row is None:
                continue
            try:
                record = record_in(row, label=self._database.label, where=self._database.where)
                if mean_bytes(record) != means[near.name]:
                    raise BankDamagedError(
                        f"{self._database.label}: expert {near.name}: its vector is not that of its descriptions. Run: "
                        f"genlora bank verify {self._database.where}"
                    )
            except BankDamagedError as err:
                log.warning("%s. It is left out", err)
                continue
            out.append(near)
        return out


def open_large(database: SqliteDatabase) -> LargeIndex | None:
    """The index of a bank's kept lists, if they fit it; else of new ones, where they can be kept; else None."""
    lists = read_lists(database.files.lists)
    if lists is not None and fits(database, lists):
        found = LargeIndex(database, lists)
        return renewed(database) or found if not database.readonly and found.stale else found
    if database.readonly:
        log.warning(
            "%s: has no index for a bank of its size, so that every search goes through all of it. Make one where it "
            "can be written: genlora bank index lists --bank %s",
            database.where,
            database.where,
        )
        return None
    return renewed(database)


def renewed(database: SqliteDatabase) -> LargeIndex | None:
    """Make the lists, keep them and give their index; None where the bank has no vectors of one width."""
    count = database.count()
    log.warning("%s: making the index of %d experts anew, once; it takes some minutes", database.where, count)
    generation, lists = read_state(database).generation, lists_for(count)
    sample = database.sample(sample_step(count, lists))
    width = {len(mean) for mean in sample}
    if len(width) != 1 or len(sample) < lists:
        return None
    matrix = np.frombuffer(b"".join(sample), "<f4").reshape(len(sample), -1)

    def rows() -> Rows:
        last = 0
        # Some at a time, each in a transaction of its own: a writer must not wait for minutes.
        while some := database.means_after(last, generation, _CHUNK):
            last = some[-1][0]
            whole = [(i, mean) for i, mean in some if len(mean) == 4 * matrix.shape[1]]
            yield (
                np.array([i for i, _ in whole], np.int64),
                np.frombuffer(b"".join(mean for _, mean in whole), "<f4").reshape(len(whole), -1),
            )

    made = build_lists(rows, matrix, generation=generation, lists=lists)
    try:
        write_lists(made, database.files.lists)
    except StorageError as err:
        log.info("the index stays in memory: %s", err)
    return LargeIndex(database, made)


def fits(database: SqliteDatabase, lists: Lists) -> bool:
    """Whether lists are of this bank: of a generation that it has been through, nearly all of whose experts are in them
    and still here, and some of them found where their vectors are.
    """
    with database.consistent():
        state = read_state(database)
        here = database.count_until(lists.generation)
        if lists.generation > state.generation or not 0.9 * lists.count <= here <= lists.count:
            return False
        tried = database.means_after(0, lists.generation, 1)
        step = max(1, lists.count // _TRIED)
        for i in range(1, _TRIED):
            tried += database.means_after(i * step, lists.generation, 1)
        for number, mean in tried:
            if len(mean) != 4 * lists.dim:
                return False
            if number not in lists.candidates(np.frombuffer(mean, "<f4"), LEAST, probe=_OWN):
                return False
    return True
