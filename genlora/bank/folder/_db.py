"""The bank's SQLite file: one way to connect, numbered migrations, and errors in plain words.

Rollback journal and `synchronous=FULL` always: SQLite before 3.51.3 can corrupt a write-ahead-log database that has
several writers (its "WAL-reset" race), and a bank must outlive a power cut.
"""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from genlora.errors import BankDamagedError, BankError
from genlora.files import storage_errors

APPLICATION_ID = 0x67_4C_42_4B  # "gLBK"
BUSY_S = 60.0
MAX_VALUE = 64 << 20
"""Bytes of one value or row: the embeddings of a thousand descriptions take a few MB."""
STEPS = 10_000_000
"""What a statement may do on any bank, in steps of SQLite's machine; a row takes some thirty."""
_MOST_STEPS = 1_000_000_000
_LOOK = 10_000
"""Steps between two looks at that."""
_FULL = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")
_HEADER = b"SQLite format 3\x00"


def _m001_first(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE expert (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,"
        " record TEXT NOT NULL, blob TEXT NOT NULL, slot INTEGER, sha256 TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX expert_blob ON expert (blob)")
    db.execute("CREATE INDEX expert_generation ON expert (generation)")
    db.execute("CREATE TABLE embedding (expert INTEGER PRIMARY KEY REFERENCES expert, rows BLOB NOT NULL)")
    db.execute("CREATE TABLE vector (expert INTEGER PRIMARY KEY REFERENCES expert, mean BLOB NOT NULL)")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_m001_first,)


class Connection(sqlite3.Connection):
    """A connection whose statements end: pages of a crafted file may lead in circles, or to billions of rows."""

    budget, _left = STEPS, STEPS

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As sqlite3's, with the steps that it may take counted anew."""
        self._left = self.budget
        return super().execute(sql, parameters)

    def guard(self, size: int) -> None:
        """Bound values, statements and steps, for a file of `size` bytes."""
        self.budget = min(STEPS + size // 64, _MOST_STEPS)
        for limit, value in (
            (sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE),
            (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        ):
            self.setlimit(limit, value)
        self.set_progress_handler(self._spend, _LOOK)

    def _spend(self) -> int:
        self._left -= _LOOK
        return int(self._left < 0)


@contextmanager
def sqlite_errors(path: Path, needed: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Turn sqlite3's exceptions into the bank's: full disk (`needed`: bytes to be written), lock, damage."""
    try:
        yield
    except sqlite3.Error as err:
        code = getattr(err, "sqlite_errorname", "") or ""
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise BankError(
                f"{path}: another process has been writing to the bank for {BUSY_S:.0f} s. "
                "Wait for it to end and try again."
            ) from err
        if code == "SQLITE_INTERRUPT":
            raise BankDamagedError(
                f"{path}: reading it came to no end, as in a database whose pages lead in circles. Restore the file "
                "from a copy."
            ) from err
        if code.startswith("SQLITE_IOERR_CORRUPTFS") or not code.startswith(_FULL):
            raise BankDamagedError(
                f"{path}: the database is damaged ({err}). "
                "Run: genlora bank verify; restore the file from a copy if it says so"
            ) from err
        # SQLite does not tell a full disk from a broken one when a write falls short; the first is far likelier.
        full = code in ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
        with storage_errors(path, needed()):
            raise OSError(errno.ENOSPC if full else errno.EIO, f"database: {err}") from err


def check_header(path: Path) -> None:
    """Refuse what is not a bank database in rollback-journal form, before SQLite opens it."""
    if path.exists() and not path.is_file():
        raise BankError(f"{path}: is not a regular file. Choose another folder or restore the file.")
    try:
        with path.open("rb") as f:
            head = f.read(100)
    except OSError as err:
        advice = f"Make one: genlora bank init {path.parent}" if err.errno == errno.ENOENT else "Check its permissions."
        what = "no bank there" if err.errno == errno.ENOENT else "cannot be read"
        raise BankError(f"{path.parent}: {what} ({path.name}: {err.strerror}). {advice}") from err
    if len(head) < 100 or not head.startswith(_HEADER):
        raise BankDamagedError(f"{path}: not an SQLite database. Restore the file from a copy.")
    if 2 in head[18:20]:
        raise BankError(
            f"{path}: the database is in WAL mode, which SQLite before 3.51.3 can corrupt; expected a rollback "
            f"journal. Close every program that uses it and run: sqlite3 {path} 'PRAGMA journal_mode=DELETE'"
        )
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise BankDamagedError(
            f"{path}: an SQLite database, but not a genlora bank. Choose another folder or restore the file."
        )
    if head[24:28] != head[92:96]:
        raise BankDamagedError(f"{path}: its header contradicts itself. Restore the file from a copy.")


def check_length(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is longer than its pages, inside a transaction: the rest may be of any size."""
    pages, page_size = (db.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
    size = path.stat().st_size
    if size > pages * page_size:
        raise BankDamagedError(
            f"{path}: {size:,} bytes, of which its header knows {pages * page_size:,}. Restore the file from a copy."
        )


@cache
def _schema(version: int) -> frozenset[tuple[str, str, str, str | None]]:
    with sqlite3.connect(":memory:") as db:
        for migration in MIGRATIONS[:version]:
            migration(db)
        found = frozenset(db.execute(_SCHEMA))
    db.close()
    return found


_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"


def check_schema(db: sqlite3.Connection, path: Path, version: int) -> None:
    """Refuse anything but the tables that the migrations make: a view may pretend to be one, a trigger may act."""
    found = frozenset(db.execute(_SCHEMA))
    if odd := sorted(str(row[1]) for row in found ^ _schema(version)):
        raise BankDamagedError(
            f"{path}: its tables are not those that genlora makes ({', '.join(odd)[:200]}). Restore the file from a "
            "copy."
        )


def connect(path: Path, *, readonly: bool = False, create: bool = False) -> Connection:
    """An autocommit connection with every safety setting on, checked. Raises `BankError` and its kin."""
    if not create:
        check_header(path)
    mode = "ro" if readonly else "rwc" if create else "rw"
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    with sqlite_errors(path):
        db = sqlite3.connect(
            uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False, factory=Connection
        )
        try:
            db.guard(0)
            if create:
                db.execute("PRAGMA page_size = 4096")
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA cell_size_check = ON")
            db.execute("PRAGMA synchronous = FULL")
            journal = db.execute("PRAGMA journal_mode").fetchone()[0]
            synchronous = db.execute("PRAGMA synchronous").fetchone()[0]
            if (journal, synchronous) != ("delete", 2):
                raise BankError(
                    f"{path}: journal is {journal!r} and synchronous {synchronous}, expected 'delete' and 2. "
                    "Update Python's SQLite."
                )
            if not create:
                _look(db, path)
                db.guard(path.stat().st_size)
            migrate(db, path, readonly=readonly)
        except BaseException:
            db.close()
            raise
    return db


def _look(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()  # takes the read lock; writers wait
        check_length(db, path)
        if version <= len(MIGRATIONS):  # a newer one is refused in its own words
            check_schema(db, path, version)
    finally:
        with suppress(sqlite3.Error):
            db.execute("COMMIT")


def migrate(db: sqlite3.Connection, path: Path, *, readonly: bool = False) -> None:
    """Bring the schema up to date, one transaction per step; a newer schema is refused."""
    have = db.execute("PRAGMA user_version").fetchone()[0]
    if have > len(MIGRATIONS):
        raise BankError(
            f"{path}: made by a newer genlora (schema {have}, this one reads up to {len(MIGRATIONS)}). Upgrade genlora."
        )
    if have < len(MIGRATIONS) and readonly:
        raise BankError(f"{path}: schema {have}, expected {len(MIGRATIONS)}. Open it once where it can be written.")
    for number in range(have, len(MIGRATIONS)):
        with immediate(db):
            if db.execute("PRAGMA user_version").fetchone()[0] == number:  # else another process was faster
                MIGRATIONS[number](db)
                db.execute(f"PRAGMA user_version = {number + 1}")


def set_patience(db: sqlite3.Connection, seconds: float | None = None) -> None:
    """How long statements wait for other processes' locks; `BUSY_S` by default."""
    db.execute(f"PRAGMA busy_timeout = {round(1000 * (BUSY_S if seconds is None else seconds))}")


@contextmanager
def immediate(db: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed when the block ends, rolled back when it raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
