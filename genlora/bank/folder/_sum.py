"""A digest of the whole database file beside it, so that a flipped bit is found even where SQLite keeps nothing."""

import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import ManifestError, StorageError
from genlora.files import atomic_write, canonical_json, read_json, sha256_bytes, sha256_file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseSum:
    """What `bank.sum` says: the database had this SHA-256 when it showed this revision."""

    database: str
    revision: str

    def to_bytes(self) -> bytes:
        """The file, with a digest of itself."""
        return canonical_json({"database": self.database, "revision": self.revision, "self": self._self()})

    def _self(self) -> str:
        return sha256_bytes(f"{self.database}\n{self.revision}".encode())

    @classmethod
    def read(cls, path: Path) -> "DatabaseSum":
        """The file's value. Anything but what `to_bytes` wrote is a `ManifestError`."""
        data = read_json(path)
        if isinstance(data, dict) and {"database", "revision", "self"} == set(data):
            out = cls(str(data["database"]), str(data["revision"]))
            if out.to_bytes() == path.read_bytes():
                return out
        raise ManifestError(f"{path}: damaged. Restore it from a copy, or change the bank to have it written anew.")


def write_sum(db: sqlite3.Connection, database: Path, target: Path, revision_sql: str) -> None:
    """Write the digest of `database` under the write lock, so that no writer changes it and no sweep takes our file.

    A process killed before this leaves the old file, whose revision tells that it is of an older state.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        revision = db.execute(revision_sql).fetchone()[0]
        with suppress(StorageError):
            atomic_write(target, DatabaseSum(sha256_file(database), revision).to_bytes())
    finally:
        db.execute("ROLLBACK")  # nothing was changed
