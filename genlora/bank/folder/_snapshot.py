"""Which index a bank's readers see: immutable snapshots of committed states, swapped in when finished."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._index import FlatIndex, IndexCache
from .._meta import read_meta
from ._sqlite import SqliteDatabase


class Snapshots:
    """The newest snapshot of a folder bank, brought up to date when asked for."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._cache = IndexCache(database.files.index)
        self._lock = threading.Lock()
        self._newest: tuple[int, FlatIndex] | None = None
        self._published = ""

    def newest(self) -> FlatIndex:
        """The index of the newest committed state. From memory, else the cache, else the database."""
        with self._lock:
            state = self._state()
            revision = str(state["revision"])
            if self._newest is None:
                cached = self._cache.load(revision)
                if cached is not None:
                    self._newest, self._published = (int(state["generation"]), cached), revision
            if self._newest is None or self._newest[1].revision != revision:
                from_nothing = self._newest is None
                self._newest = self._build(self._newest)
                if from_nothing:
                    self._publish()
            return self._newest[1]

    def _state(self) -> Any:
        return read_meta(self._database, "state")

    def close(self) -> None:
        """Publish what was built since the last publication, if it is still current."""
        with self._lock:
            if self._newest and self._newest[1].revision not in ("", self._published):
                self._publish()

    def _publish(self) -> None:
        if self._newest and not self._database.readonly and self._cache.publish(self._newest[1]):
            self._published = self._newest[1].revision

    def _build(self, old: tuple[int, FlatIndex] | None) -> tuple[int, FlatIndex]:
        with self._database.consistent():
            state = self._state()
            since = old[0] if old and int(state["removed"]) <= old[0] else -1
            rows = self._database.vectors(since)
        names, vectors = [name for name, _ in rows], _matrix([mean for _, mean in rows])
        if old and since >= 0:  # nothing was removed: only new rows were read
            known = old[1]
            names = [*known.names, *names]
            vectors = (
                np.concatenate([known.vectors(), vectors])
                if rows and len(known)
                else vectors
                if rows
                else known.vectors()
            )
        return int(str(state["generation"])), FlatIndex(names, vectors, revision=str(state["revision"]))


def _matrix(rows: list[bytes]) -> NDArray[np.float32]:
    if not rows:
        return np.zeros((0, 1), np.float32)
    return np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), -1)
