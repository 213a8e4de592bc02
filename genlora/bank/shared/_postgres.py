"""The database of a shared bank: PostgreSQL, with one writer at a time and readers that never wait."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BankError
from genlora.files import sha256_bytes

from .._address import BankAddress
from .._database import Blobs, ExpertRow
from . import _db as server
from ._db import Connection, connect, driver, postgres_errors

if TYPE_CHECKING:
    from psycopg import Cursor

_COLUMNS = "SELECT name, generation, record, blob, slot, sha256, rows FROM expert"
_JOINED = f"{_COLUMNS} LEFT JOIN embedding ON embedding.expert = expert.id"
_ALL = (
    "SELECT name, generation, record, blob, slot, sha256, rows, mean FROM expert"
    " LEFT JOIN embedding ON embedding.expert = expert.id LEFT JOIN task_vector ON task_vector.expert = expert.id"
    " ORDER BY expert.id"
)


class PostgresDatabase:
    """A `Database` on a server. Reads go over one connection, changes over another, so that neither waits."""

    def __init__(self, address: BankAddress, *, readonly: bool, within: Connection | None = None) -> None:
        self.address = address
        self.readonly = readonly
        self._lock, self._write_lock = threading.RLock(), threading.RLock()
        self._writer: Connection | None = None
        self._writing: int | None = None
        """The thread that is inside `writing`."""
        self._closed = False
        self._reader = within or self._connected()

    @classmethod
    def within(cls, db: Connection, address: BankAddress) -> Self:
        """The database inside a transaction that somebody else began and will end."""
        out = cls(address, readonly=False, within=db)
        out._writer, out._writing = db, threading.get_ident()
        return out

    def _connected(self) -> Connection:
        db = connect(self.address, readonly=self.readonly)
        try:
            with postgres_errors(self.address):
                server.check_schema(db, self.address, readonly=self.readonly)
        except BaseException:
            db.close()
            raise
        return db

    @property
    def where(self) -> str:
        """The bank's address, without user and password."""
        return str(self.address)

    @property
    def label(self) -> str:
        """The same."""
        return str(self.address)

    def close(self) -> None:
        """Close both connections."""
        with self._lock:
            self._closed = True
            for db in (self._reader, self._writer):
                if db is not None:
                    db.close()

    # ---- transactions

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """The connection to read over: the writer's for the thread that writes, else the readers', which is kept up."""
        if self._writing == threading.get_ident():
            with postgres_errors(self.address):
                yield self._writer
            return
        with self._lock, postgres_errors(self.address):
            if self._closed:
                raise BankError(f"{self.address}: was closed. Open the bank again.")
            if self._reader.closed:  # the server was restarted, or the network failed
                self._reader = self._connected()
            yield self._reader

    @contextmanager
    def consistent(self) -> Iterator[None]:
        psycopg = driver()
        with self._connection() as db:
            if db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                yield
                return
            with db.transaction():
                db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield

    def writing(self, needed: Callable[[], int] = lambda: 0) -> AbstractContextManager[None]:
        return self._exclusive(server.BUSY_S, needed)

    @contextmanager
    def _exclusive(self, patience_s: float, needed: Callable[[], int] = lambda: 0) -> Iterator[None]:
        with self._write_lock, postgres_errors(self.address, needed):
            if self._closed:
                raise BankError(f"{self.address}: was closed. Open the bank again.")
            if self._writing is not None:
                raise BankError(f"{self.address}: a change is under way in this thread. End it first.")
            if self._writer is None or self._writer.closed:
                self._writer = self._connected()
            db: Connection = self._writer
            # Read committed: a stricter level would fix its view of the bank before it has waited for the lock.
            with db.transaction():
                db.execute("SELECT set_config('lock_timeout', %s, true)", (f"{1000 * patience_s:.0f}ms",))
                db.execute("SELECT pg_advisory_xact_lock(%s)", (self._key,))
                self._make_durable()
                self._writing = threading.get_ident()
                try:
                    yield
                finally:
                    self._writing = None

    def _make_durable(self) -> None:
        # What was reported as added must outlive the server's power, whatever its default is.
        sql = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        self.write(sql)

    @property
    def _key(self) -> int:
        """The number of the advisory lock: one for each bank of a database."""
        digest = sha256_bytes(f"genlora bank {self.address.schema}".encode())
        return int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)

    def committed(self) -> None:
        """Nothing to do: the server keeps its own checksums."""

    def expect(self, digest: str) -> None:
        """Note the blob outside the transaction: should this process be killed, the next one finds the note."""
        with self._lock, postgres_errors(self.address):
            if self._reader.closed:
                self._reader = self._connected()
            self._reader.execute("INSERT INTO pending (blob) VALUES (%s)", (digest,))

    def settle(self, digests: Iterable[str]) -> None:
        self.write("DELETE FROM pending WHERE blob = ANY(%s)", (list(digests),))

    def sweep(self, blobs: Blobs) -> int:
        if not self.read("SELECT 1 FROM pending LIMIT 1"):
            return 0
        try:
            with self._exclusive(0.001):
                noted = {row[0] for row in self.read("SELECT DISTINCT blob FROM pending")}
                gone = blobs.discard(sorted(noted - self.used(noted))) + blobs.tidy()
                self.settle(noted)
                return gone
        except BankError:
            return 0

    # ---- rows

    def read(self, query: Any, args: tuple[Any, ...] = (), *, binary: bool = False) -> list[tuple[Any, ...]]:
        """Rows of a SELECT; `binary` for vectors, whose text is slow to parse.

        Asked once more where the connection turns out to be lost: reading twice does no harm.
        """
        try:
            with self._connection() as db:
                return db.execute(query, args, binary=binary).fetchall()
        except BankError:
            if not self._reader.closed or self._closed or self._writing == threading.get_ident():
                raise
        with self._connection() as db:
            return db.execute(query, args, binary=binary).fetchall()

    def write(self, sql: Any, args: tuple[Any, ...] = ()) -> "Cursor[Any]":
        """Run a statement inside `writing`."""
        assert self._writer is not None
        return self._writer.execute(sql, args)

    def meta(self, key: str) -> tuple[str, str] | None:
        rows = self.read("SELECT value, sha256 FROM meta WHERE key = %s", (key,))
        return (rows[0][0], rows[0][1]) if rows else None

    def keys(self) -> list[str]:
        return [row[0] for row in self.read("SELECT key FROM meta ORDER BY key")]

    def put_meta(self, key: str, value: str, sha256: str) -> None:
        self.write(
            "INSERT INTO meta VALUES (%s, %s, %s) ON CONFLICT (key)"
            " DO UPDATE SET value = excluded.value, sha256 = excluded.sha256",
            (key, value, sha256),
        )

    def drop_meta(self, key: str) -> None:
        self.write("DELETE FROM meta WHERE key = %s", (key,))

    def count(self) -> int:
        return self.read("SELECT count(*) FROM expert")[0][0]

    def has(self, name: str) -> bool:
        return bool(self.read("SELECT 1 FROM expert WHERE name = %s", (_text(name),)))

    def names(self) -> list[str]:
        return [row[0] for row in self.read("SELECT name FROM expert ORDER BY name")]

    def expert(self, name: str) -> ExpertRow | None:
        rows = self.read(f"{_JOINED} WHERE name = %s", (_text(name),))
        return ExpertRow(*rows[0]) if rows else None

    def experts(self) -> list[ExpertRow]:
        return [ExpertRow(*row) for row in self.read(f"{_JOINED} ORDER BY name")]

    def entries(self) -> Iterator[ExpertRow]:
        with self.consistent(), self._connection() as db, db.cursor(name="entries", binary=True) as cursor:
            cursor.itersize = 1000
            for row in cursor.execute(_ALL):
                mean = None if row[7] is None else vector_of(row[7]).tobytes()
                yield ExpertRow(*row[:7])._replace(mean=mean)

    def place(self, name: str) -> tuple[str, int | None] | None:
        rows = self.read("SELECT blob, slot FROM expert WHERE name = %s", (_text(name),))
        return (rows[0][0], rows[0][1]) if rows else None

    def used(self, digests: Iterable[str]) -> set[str]:
        return {row[0] for row in self.read("SELECT blob FROM expert WHERE blob = ANY(%s)", (list(digests),))}

    def insert(self, row: ExpertRow) -> None:
        made = self.write(
            "INSERT INTO expert (name, generation, record, blob, slot, sha256) VALUES (%s, %s, %s, %s, %s, %s)"
            " RETURNING id",
            row[:6],
        ).fetchone()
        assert made is not None and row.mean is not None
        self.write("INSERT INTO embedding VALUES (%s, %s)", (made[0], row.rows))
        self.write("INSERT INTO task_vector VALUES (%s, %s)", (made[0], np.frombuffer(row.mean, "<f4")))
        self.settle([row.blob])

    def delete(self, name: str) -> str | None:
        found = self.write("SELECT id, blob FROM expert WHERE name = %s", (_text(name),)).fetchone()
        if found is None:
            return None
        for sql in (
            "DELETE FROM embedding WHERE expert = %s",
            "DELETE FROM task_vector WHERE expert = %s",
            "DELETE FROM expert WHERE id = %s",
        ):
            self.write(sql, (found[0],))
        self.write("INSERT INTO pending (blob) VALUES (%s)", (found[1],))
        return found[1]


def _text(name: str) -> str:
    """A name as the server can be asked for it: PostgreSQL takes no NUL, and no expert is called so."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}")


def vector_of(value: Any) -> NDArray[np.float32]:
    """A vector column's value, (dim,)."""
    return np.ascontiguousarray(value.to_numpy() if hasattr(value, "to_numpy") else value, dtype="<f4")
