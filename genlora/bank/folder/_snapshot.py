"""Which index a bank's readers see: immutable snapshots of committed states, swapped in when finished."""

import logging
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankDamagedError

from .._index import FlatIndex, IndexCache, NeighbourIndex
from .._meta import State, read_state
from .._record import mean_bytes, record_in
from .._vectors import NOTHING, with_vectors
from ._large import LARGE, LargeIndex, open_large, renewed
from ._sqlite import SqliteDatabase

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Snapshot:
    state: State
    index: FlatIndex

    @property
    def revision(self) -> str:
        return self.state.revision


class Snapshots:
    """The newest snapshot of a folder bank, brought up to date when asked for."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._cache = IndexCache(database.files.index)
        self._lock = threading.Lock()
        self._newest: _Snapshot | None = None
        self._published = ""
        self._large: LargeIndex | None = None
        self._counted = ""

    def newest(self) -> NeighbourIndex:
        """The index of the newest committed state. From memory, else the cache, else the database; of a bank of many
        experts, one that finds nearly all that an exact search finds (see `_large`).

        What is searched is what was committed: the vectors must have the sum that the bank's state holds. Where they
        have not, each row is held against its digest and a damaged one is left out with a warning. Raises
        `BankDamagedError` where experts were taken out or put in by something else than genlora.
        """
        with self._lock:
            state = read_state(self._database)
            if (large := self._large_of(state)) is not None:
                return large
            if self._newest is None and state.vectors:
                # The database holds the same vectors, and more: a longer file is not ours.
                most = self._database.files.database.stat().st_size + (1 << 20)
                cached = self._cache.load(state.revision, state.vectors, most=most)
                if cached is not None:
                    self._newest, self._published = _Snapshot(state, cached), state.revision
            if self._newest is None or self._newest.revision != state.revision:
                from_nothing = self._newest is None
                self._newest = self._build(self._newest)
                if from_nothing:
                    self._publish()
            return self._newest.index

    def _large_of(self, state: State) -> LargeIndex | None:
        if self._large is None and self._counted != state.revision:
            self._counted = state.revision
            if self._database.count() >= LARGE:
                self._large, self._newest = open_large(self._database), None
        return self._large

    def close(self) -> None:
        """Publish what was built since the last publication, if it is still current."""
        with self._lock:
            if self._large is not None and not self._database.readonly and self._large.stale:
                renewed(self._database)
            if self._newest and self._newest.revision not in ("", self._published):
                self._publish()

    def _publish(self) -> None:
        newest = self._newest
        if newest and newest.state.vectors and not self._database.readonly and self._cache.publish(newest.index):
            self._published = newest.revision

    def _build(self, old: _Snapshot | None) -> _Snapshot:
        with self._database.consistent():
            state = read_state(self._database)
            since = old.state.generation if old and state.removed <= old.state.generation else -1
            rows = self._database.vectors(since)
            before = old.state.vectors if old and since >= 0 else NOTHING
            if not (state.vectors and _typed(rows) and with_vectors(before, rows) == state.vectors):
                old, rows = None, self._checked(state)
        names, vectors = [name for name, _ in rows], self._matrix([mean for _, mean in rows])
        if old and since >= 0:  # nothing was removed: only new rows were read
            known = old.index
            names = [*known.names, *names]
            vectors = (
                np.concatenate([known.vectors(), vectors])
                if rows and len(known)
                else vectors
                if rows
                else known.vectors()
            )
        return _Snapshot(state, FlatIndex(names, vectors, revision=state.revision))

    def _checked(self, state: State) -> list[tuple[str, bytes]]:
        """Name and mean embedding of each expert whose row fits its digest; the others are told."""
        rows, lost, where = list[tuple[str, bytes]](), 0, self._database.where
        for row in self._database.entries():
            try:
                rows.append((row.name, mean_bytes(record_in(row, label=self._database.label, where=where))))
            except BankDamagedError as err:
                log.warning("%s. It is left out", err)
                lost += 1
        if state.vectors and not lost and with_vectors(NOTHING, rows) != state.vectors:
            raise BankDamagedError(
                f"{self._database.label}: holds other experts than genlora committed to it. Run: genlora bank verify "
                f"{where}; restore the file from a copy"
            )
        if state.vectors and not lost:
            log.warning("%s: its table of vectors is damaged; the descriptions' own are used", self._database.label)
        return rows

    def _matrix(self, rows: list[bytes]) -> NDArray[np.float32]:
        if len({len(row) for row in rows}) > 1:
            raise BankDamagedError(
                f"{self._database.label}: its vectors are of different widths. Run: genlora bank verify "
                f"{self._database.where}; restore the file from a copy"
            )
        return np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), -1) if rows else np.zeros((0, 1), np.float32)


def _typed(rows: list[tuple[str, bytes]]) -> bool:
    """Whether SQLite holds what was put there: its columns take values of any type."""
    return all(isinstance(name, str) and isinstance(mean, bytes) for name, mean in rows)
