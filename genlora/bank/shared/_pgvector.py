"""Nearest experts of a shared bank: pgvector finds the candidates, FAISS's own arithmetic ranks them.

The server and FAISS add the same products in another order, so that their sums differ in the last bits. The few
candidates are therefore fetched and ranked as a folder bank would rank them: the same scores, order and ties.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankError, ConfigError

from .._index import FlatIndex, Neighbour, unit_query
from .._meta import read_meta, read_state, read_user, write_meta
from ._postgres import PostgresDatabase, vector_of

log = logging.getLogger(__name__)

ROUNDING = 1e-5
"""Scores closer than this may change places between the server's sums and FAISS's."""
SPARE = 16
"""Candidates fetched beyond k."""
MAX_EF = 1000
"""pgvector's own limit of `hnsw.ef_search`."""
KINDS = ("exact", "hnsw")
_EXACT = (
    "SELECT name, mean, distance FROM"
    " (SELECT expert, mean, mean <#> %s AS distance FROM task_vector ORDER BY distance LIMIT %s) AS near"
    " JOIN expert ON expert.id = near.expert ORDER BY expert.id"
)
_HNSW = (
    "SELECT name, mean, distance FROM"
    " (SELECT expert, mean, mean::vector({dim}) <#> %s AS distance FROM task_vector ORDER BY distance LIMIT %s) AS near"
    " JOIN expert ON expert.id = near.expert ORDER BY expert.id"
)


@dataclass(frozen=True)
class Search:
    """How a shared bank is searched; kept with the bank."""

    kind: str = "exact"
    dim: int = 0
    """Width of the vectors; an index needs one, an exact search does not."""


class PgVectorIndex:
    """A `NeighbourIndex` on the server: always of the newest committed state. Safe to search from many threads."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    @property
    def names(self) -> Sequence[str]:
        """Experts in the bank, in order of name."""
        return tuple(self._database.names())

    @property
    def revision(self) -> str:
        """The newest committed state of the bank."""
        return read_state(self._database).revision

    @property
    def kind(self) -> str:
        """Exact or hnsw."""
        return read_search(self._database).kind

    def search(self, vector: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k experts of highest cosine with `vector` (dim,), best first; equal ones in order of name."""
        if k < 1:
            return []
        known = read_user(self._database, "embedder")
        query = unit_query(vector, None if known is None else known["dim"])
        names, means = self._candidates(query, k)
        return FlatIndex(names, means, revision="").search(vector, k) if names else []

    def _candidates(self, unit: NDArray[np.float32], k: int) -> tuple[list[str], NDArray[np.float32]]:
        """Every expert that may be among the k nearest once rounding is settled, in the order they were added."""
        search, limit = read_search(self._database), k + SPARE
        while True:
            rows = self._ask(search, unit, limit)
            distances = sorted(row[2] for row in rows)
            if len(rows) < limit or distances[-1] > distances[k - 1] + ROUNDING:
                return [row[0] for row in rows], np.stack([vector_of(row[1]) for row in rows] or [unit])[: len(rows)]
            limit *= 4  # as many equals as that: fetch until one is clearly farther

    def _ask(self, search: Search, unit: NDArray[np.float32], limit: int) -> list[tuple[Any, ...]]:
        if search.kind == "exact":
            return self._database.read(_EXACT, (unit, limit), binary=True)
        from psycopg import sql

        query = sql.SQL(_HNSW).format(dim=sql.Literal(search.dim))
        with self._database.consistent():  # the settings below last as long as the transaction
            self._database.read("SELECT set_config('hnsw.ef_search', %s, true)", (str(min(MAX_EF, 4 * limit)),))
            self._database.read("SELECT set_config('hnsw.iterative_scan', 'strict_order', true)")
            return self._database.read(query, (unit, limit), binary=True)


@dataclass(frozen=True)
class ServerIndex:
    """The `IndexSource` of a shared bank: nothing to build, nothing to keep."""

    database: PostgresDatabase

    def newest(self) -> PgVectorIndex:
        """The index; it follows the bank by itself."""
        return PgVectorIndex(self.database)

    def close(self) -> None:
        """Nothing to do."""


def read_search(database: PostgresDatabase) -> Search:
    """How the bank is searched."""
    value = read_meta(database, "search")
    return Search() if value is None else Search(str(value["kind"]), int(value["dim"]))


def write_search(database: PostgresDatabase, kind: str) -> str | None:
    """Build or drop the HNSW index, inside `writing`; the digest of the new setting, None if it is as it was.

    Readers go on while it is built.
    """
    from psycopg import sql

    if kind not in KINDS:
        raise ConfigError(f"no index {kind!r}; choose from {', '.join(KINDS)}.")
    if kind == read_search(database).kind:
        return None
    if kind == "exact":
        database.write("DROP INDEX IF EXISTS task_vector_hnsw")
        return write_meta(database, "search", {"kind": kind, "dim": 0})
    known = read_user(database, "embedder")
    if known is None:
        raise BankError(f"{database.where}: is empty. Add experts first; the index needs the width of their vectors.")
    dim = int(known["dim"])
    statement = "CREATE INDEX task_vector_hnsw ON task_vector USING hnsw ((mean::vector({dim})) vector_ip_ops)"
    database.write(sql.SQL(statement).format(dim=sql.Literal(dim)))
    return write_meta(database, "search", {"kind": kind, "dim": dim})
