"""PostgreSQL for a shared bank: one way to connect, the schema's numbered migrations, and errors in plain words.

Names of tables are found through the search path, set once for each connection, and every value is a parameter:
nothing that a user, a file or a bank says ever becomes part of a statement.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from genlora.errors import BankDamagedError, BankError, GenloraError, StorageError

from .._address import BankAddress, missing_postgres

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

Connection = Any
CONNECT_S = 10
"""How long to wait for a server that does not answer, unless the address says otherwise."""
BUSY_S = 60.0
"""How long a writer waits for another one."""
_KEEPALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


def _m001_first(db: Connection) -> None:
    db.execute('CREATE TABLE meta (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, sha256 text NOT NULL)')
    db.execute(
        "CREATE TABLE expert (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        ' name text COLLATE "C" NOT NULL UNIQUE, generation bigint NOT NULL,'
        " record text NOT NULL, blob text NOT NULL, slot integer, sha256 text NOT NULL)"
    )
    db.execute("CREATE INDEX expert_blob ON expert (blob)")
    db.execute("CREATE TABLE embedding (expert bigint PRIMARY KEY REFERENCES expert, rows bytea NOT NULL)")
    db.execute("CREATE TABLE task_vector (expert bigint PRIMARY KEY REFERENCES expert, mean vector NOT NULL)")
    # No key on `blob`: an intent is written beside an open transaction, and must never wait for it.
    db.execute("CREATE TABLE pending (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, blob text NOT NULL)")


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_m001_first,)


def driver() -> Any:
    """The psycopg module, or how to get it."""
    try:
        import pgvector.psycopg
        import psycopg
    except ImportError as err:
        raise missing_postgres() from err
    assert pgvector.psycopg
    return psycopg


@contextmanager
def postgres_errors(address: BankAddress, needed: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Turn psycopg's exceptions into the bank's."""
    psycopg = driver()
    try:
        yield
    except psycopg.Error as err:
        raise _translated(err, address, needed()) from err


def _translated(err: "psycopg.Error", address: BankAddress, needed: int) -> GenloraError:
    from psycopg import errors

    said = address.hide(str(err.diag.message_primary or err))
    match err:
        case errors.LockNotAvailable():
            return BankError(
                f"{address}: another process has been writing to the bank for {BUSY_S:.0f} s. "
                "Wait for it to end and try again."
            )
        case errors.UndefinedTable() | errors.InvalidSchemaName():
            return no_bank(address)
        case errors.InsufficientPrivilege() | errors.ReadOnlySqlTransaction():
            return StorageError(
                f"{address}: the server does not allow this ({said}). Connect as a user who may, or ask its owner."
            )
        case errors.DiskFull() | errors.OutOfMemory() | errors.ConfigurationLimitExceeded():
            need = f" about {needed:,} bytes were to be written." if needed else ""
            return StorageError(f"{address}: the server has no room ({said});{need} Make room there and run it again.")
        case errors.DataCorrupted() | errors.IndexCorrupted() | errors.IntegrityError():
            return BankDamagedError(
                f"{address}: the database is damaged ({said}). Restore it from a backup; see: genlora bank verify"
            )
        case errors.InvalidPassword() | errors.InvalidAuthorizationSpecification():
            return BankError(f"{address}: the server refused the user or password. Set PGPASSFILE or PGPASSWORD.")
    if isinstance(err, errors.OperationalError):
        return BankError(
            f"{address}: the server cannot be reached, or broke off ({said}). Is it running, and is the address right? "
            "What was not reported as done can be run again."
        )
    return BankError(f"{address}: the server refused a statement ({said}). Check its version and the bank's schema.")


def no_bank(address: BankAddress) -> BankError:
    """The error for a database without a bank in it."""
    return BankError(
        f"{address}: no bank there (schema {address.schema} has none). "
        f"Make one: genlora bank init {address} --blobs PLACE"
    )


def connect(address: BankAddress, *, readonly: bool = False, create: bool = False) -> "psycopg.Connection[Any]":
    """An autocommit connection that finds the bank's tables and the vector type. Raises `BankError` and its kin.

    With `create`, pgvector is switched on in the database if it is installed on the server.
    """
    psycopg = driver()
    settings = {"connect_timeout": str(CONNECT_S), "application_name": "genlora", **_KEEPALIVE, **address.conninfo}
    with postgres_errors(address):
        db = psycopg.connect(**settings, autocommit=True)
        try:
            _prepare(db, address, readonly, create)
        except BaseException:
            db.close()
            raise
    return db


_EXTENSION = (
    "SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
)


def _prepare(db: Connection, address: BankAddress, readonly: bool, create: bool) -> None:
    from pgvector.psycopg import register_vector
    from psycopg import Error, sql

    row = db.execute(_EXTENSION).fetchone()
    if row is None and create:
        with suppress(Error):  # not installed, or not for this user to switch on: said below
            db.execute("CREATE EXTENSION IF NOT EXISTS vector")
            row = db.execute(_EXTENSION).fetchone()
    if row is None:
        raise BankError(
            f"{address}: the database has no pgvector extension. Install pgvector on the server, and as its "
            "owner run in that database: CREATE EXTENSION vector"
        )
    path = sql.SQL(", ").join([sql.Identifier(address.schema), sql.Identifier(row[0])]).as_string(db)
    db.execute("SELECT set_config('search_path', %s, false)", (path,))
    # The server, too, must notice when a writer's machine is gone: its lock would keep all others out.
    for name, value in (("idle", "30"), ("interval", "10"), ("count", "3")):
        db.execute("SELECT set_config(%s, %s, false)", (f"tcp_keepalives_{name}", value))
    if readonly:
        db.execute("SET default_transaction_read_only = on")
    register_vector(db)


def check_schema(db: Connection, address: BankAddress, *, readonly: bool) -> None:
    """Bring the schema up to date, all steps in one transaction; refuse one that is not there, or newer than this."""
    have = schema_version(db, address)
    if have is None:
        raise no_bank(address)
    if have > len(MIGRATIONS):
        raise BankError(
            f"{address}: made by a newer genlora (schema {have}, this one reads up to {len(MIGRATIONS)}). "
            "Upgrade genlora."
        )
    if have < len(MIGRATIONS) and readonly:
        raise BankError(
            f"{address}: schema {have}, expected {len(MIGRATIONS)}. Open it once as a user who may change it."
        )
    if have < len(MIGRATIONS):
        with db.transaction():
            db.execute("LOCK TABLE schema_version")
            for migration in MIGRATIONS[schema_version(db, address) or 0 :]:  # another process may have been faster
                migration(db)
            db.execute("UPDATE schema_version SET number = %s", (len(MIGRATIONS),))


def schema_version(db: Connection, address: BankAddress) -> int | None:
    """The bank's schema version, None where there is no bank."""
    # Asked of its own schema: other programs, too, call a table so.
    sql = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'schema_version'"
    if db.execute(sql, (address.schema,)).fetchone() is None:
        return None
    row = db.execute("SELECT max(number) FROM schema_version").fetchone()
    return None if row is None else row[0]


def create_schema(db: Connection, address: BankAddress) -> None:
    """Make the tables of an empty bank, inside the caller's transaction."""
    from psycopg import sql

    if db.execute("SHOW server_encoding").fetchone()[0] != "UTF8":
        raise BankError(f"{address}: the database is not in UTF-8. Make one: CREATE DATABASE ... ENCODING 'UTF8'")
    db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(address.schema)))
    if schema_version(db, address) is not None:
        raise BankError(
            f"{address}: a bank is there already, and nothing was changed. Choose another database, or another schema "
            "with ?schema=NAME."
        )
    db.execute("CREATE TABLE schema_version (number integer NOT NULL)")
    for migration in MIGRATIONS:
        migration(db)
    db.execute("INSERT INTO schema_version VALUES (%s)", (len(MIGRATIONS),))
