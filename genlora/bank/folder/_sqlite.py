"""The database of a folder bank: one SQLite file, with a checksum beside it."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from genlora.errors import BankError, StorageError

from .._database import Blobs, ExpertRow
from ._blobs import sweep_temporary
from ._db import connect, immediate, set_patience, sqlite_errors
from ._files import BankFiles
from ._sum import write_sum

log = logging.getLogger(__name__)

SUM_AT_ONCE_BYTES = 32 << 20
"""Up to this size the database's checksum is renewed by every commit, above it when the bank is closed."""
REVISION_SQL = "SELECT json_extract(value, '$.revision') FROM meta WHERE key = 'state'"
_COLUMNS = "SELECT name, generation, record, blob, slot, sha256, rows FROM expert"
_JOINED = f"{_COLUMNS} LEFT JOIN embedding ON embedding.expert = expert.id"


class SqliteDatabase:
    """A `Database` in `bank.sqlite`. One connection, used by one thread at a time; other processes take turns."""

    def __init__(self, files: BankFiles, *, readonly: bool) -> None:
        self.files = files
        self.readonly = readonly
        self.connection = connect(files.database, readonly=readonly)
        self._lock = threading.RLock()
        self._sum_due = False

    @property
    def where(self) -> str:
        """The bank's folder."""
        return str(self.files.root)

    @property
    def label(self) -> str:
        """The database file."""
        return str(self.files.database)

    def close(self) -> None:
        """Renew the checksum if that is due, and let go of the file."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self.connection.execute("SELECT 1")  # closed already? then there is nothing to do
            if self._sum_due:
                self._write_sum()
            self.connection.close()

    # ---- transactions

    @contextmanager
    def consistent(self) -> Iterator[None]:
        with self._lock, sqlite_errors(self.files.database):
            if self.connection.in_transaction:
                yield
                return
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                self.connection.execute("COMMIT")

    @contextmanager
    def writing(self, needed: Callable[[], int] = lambda: 0) -> Iterator[None]:
        with self._lock, sqlite_errors(self.files.database, needed), immediate(self.connection):
            yield

    def committed(self) -> None:
        """Renew the checksum, now or on closing."""
        with self._lock:
            self._sum_due, size = True, self.files.database.stat().st_size
            self.connection.guard(size)
            if size <= SUM_AT_ONCE_BYTES:
                self._write_sum()

    def _write_sum(self) -> None:
        # What was committed stays committed: an old sum says that it is old, and the next change renews it.
        try:
            with sqlite_errors(self.files.database):
                write_sum(self.connection, self.files.database, self.files.checksum, REVISION_SQL)
        except (BankError, StorageError) as err:
            log.info("%s is not renewed: %s", self.files.checksum, err)
        else:
            self._sum_due = False

    def expect(self, digest: str) -> None:
        """Nothing to do: the folder itself tells which blobs are there."""

    def settle(self, digests: Iterable[str]) -> None:
        """Nothing to do."""

    def sweep(self, blobs: Blobs) -> int:
        with self._lock, suppress(sqlite3.OperationalError, StorageError):
            set_patience(self.connection, 0)
            try:
                with immediate(self.connection):
                    used = {row[0] for row in self._rows("SELECT DISTINCT blob FROM expert")}
                    gone = blobs.discard(sorted(set(blobs.digests()) - used))
                    folders = (self.files.root, self.files.index.parent)
                    return gone + blobs.tidy() + sum(sweep_temporary(folder) for folder in folders)
            finally:
                set_patience(self.connection)
        return 0

    # ---- rows

    def _rows(self, sql: str, args: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, sqlite_errors(self.files.database):
            return self.connection.execute(sql, args).fetchall()

    def meta(self, key: str) -> tuple[str, str] | None:
        rows = self._rows("SELECT value, sha256 FROM meta WHERE key = ?", (key,))
        return (rows[0][0], rows[0][1]) if rows else None

    def keys(self) -> list[str]:
        return [row[0] for row in self._rows("SELECT key FROM meta ORDER BY key")]

    def put_meta(self, key: str, value: str, sha256: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, value, sha256))

    def drop_meta(self, key: str) -> None:
        self.connection.execute("DELETE FROM meta WHERE key = ?", (key,))

    def count(self) -> int:
        return self._rows("SELECT count(*) FROM expert")[0][0]

    def has(self, name: str) -> bool:
        return bool(self._rows("SELECT 1 FROM expert WHERE name = ?", (name,)))

    def names(self) -> list[str]:
        return [row[0] for row in self._rows("SELECT name FROM expert ORDER BY name")]

    def expert(self, name: str) -> ExpertRow | None:
        rows = self._rows(f"{_JOINED} WHERE name = ?", (name,))
        return ExpertRow(*rows[0]) if rows else None

    def experts(self) -> list[ExpertRow]:
        return [ExpertRow(*row) for row in self._rows(f"{_JOINED} ORDER BY name")]

    def entries(self) -> Iterator[ExpertRow]:
        sql = (
            "SELECT name, generation, record, blob, slot, sha256, rows, mean FROM expert"
            " LEFT JOIN embedding ON embedding.expert = expert.id LEFT JOIN vector ON vector.expert = expert.id"
            " ORDER BY expert.id"
        )
        with self._lock, sqlite_errors(self.files.database):
            for row in self.connection.execute(sql):
                yield ExpertRow(*row)

    def vectors(self, since: int) -> list[tuple[str, bytes]]:
        """Name and mean embedding of each expert added after generation `since`, in the order they were added."""
        sql = (
            "SELECT name, mean FROM expert JOIN vector ON vector.expert = expert.id"
            " WHERE generation > ? ORDER BY expert.id"
        )
        return [(row[0], row[1]) for row in self._rows(sql, (since,))]

    def means(self, ids: Sequence[int]) -> list[tuple[str, bytes]]:
        """Name and mean embedding of the experts of these numbers, in their order."""
        found = {row[0]: (row[1], row[2]) for row in self._in("expert.id", ids)}
        return [found[i] for i in ids if i in found]

    def means_of(self, names: Sequence[str]) -> list[tuple[str, bytes]]:
        """Name and mean embedding of these experts."""
        return [(row[1], row[2]) for row in self._in("name", names)]

    def _in(self, column: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        sql = f"SELECT expert.id, name, mean FROM expert JOIN vector ON vector.expert = expert.id WHERE {column} IN "
        out = []
        for start in range(0, len(values), 500):
            some = tuple(values[start : start + 500])
            out += [r for r in self._rows(f"{sql}({','.join('?' * len(some))})", some) if isinstance(r[2], bytes)]
        return out

    def means_after(self, number: int, generation: int, most: int) -> list[tuple[int, bytes]]:
        """Number and mean embedding of the next experts behind `number`, none added after `generation`."""
        sql = (
            "SELECT expert.id, mean FROM expert JOIN vector ON vector.expert = expert.id"
            " WHERE expert.id > ? AND generation <= ? AND typeof(mean) = 'blob' ORDER BY expert.id LIMIT ?"
        )
        return [(row[0], row[1]) for row in self._rows(sql, (number, generation, most))]

    def sample(self, step: int) -> list[bytes]:
        """The mean embedding of every `step`-th expert."""
        sql = "SELECT mean FROM vector WHERE expert % ? = 0 AND typeof(mean) = 'blob' ORDER BY expert"
        return [row[0] for row in self._rows(sql, (step,))]

    def count_until(self, generation: int) -> int:
        """How many experts were there at a generation, and are still."""
        return self._rows("SELECT count(*) FROM expert WHERE generation <= ?", (generation,))[0][0]

    def place(self, name: str) -> tuple[str, int | None] | None:
        rows = self._rows("SELECT blob, slot FROM expert WHERE name = ?", (name,))
        return (rows[0][0], rows[0][1]) if rows else None

    def used(self, digests: Iterable[str]) -> set[str]:
        return {d for d in digests if self._rows("SELECT 1 FROM expert WHERE blob = ?", (d,))}

    def insert(self, row: ExpertRow) -> None:
        made = self.connection.execute(
            "INSERT INTO expert (name, generation, record, blob, slot, sha256) VALUES (?, ?, ?, ?, ?, ?)", row[:6]
        ).lastrowid
        self.connection.execute("INSERT INTO embedding VALUES (?, ?)", (made, row.rows))
        self.connection.execute("INSERT INTO vector VALUES (?, ?)", (made, row.mean))

    def delete(self, name: str) -> str | None:
        row = self.connection.execute("SELECT id, blob FROM expert WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        for table in ("embedding", "vector"):
            self.connection.execute(f"DELETE FROM {table} WHERE expert = ?", (row[0],))
        self.connection.execute("DELETE FROM expert WHERE id = ?", (row[0],))
        return row[1]
