"""Metadata rows: canonical JSON with a digest beside it, in whatever database."""

from typing import Any

from genlora.errors import BankDamagedError
from genlora.files import canonical_json, parse_json, sha256_bytes

from ._database import Database

_MAX_BYTES = 16 << 20


def meta_digest(key: str, value: str) -> str:
    """What a metadata row must hash to."""
    return sha256_bytes(f"{key}\0{value}".encode())


def read_meta(database: Database, key: str) -> Any:
    """The value of a metadata row, or None. One that does not fit its digest is a `BankDamagedError`."""
    row = database.meta(key)
    if row is None:
        return None
    value, digest = row
    if meta_digest(key, value) != digest:
        raise BankDamagedError(
            f"{database.label}: metadata {key!r} is damaged. Run: genlora bank verify {database.where}"
        )
    return parse_json(value.encode(), where=f"{database.label}: {key}", max_bytes=_MAX_BYTES)


def write_meta(database: Database, key: str, value: Any) -> str:
    """Write one metadata row; its digest."""
    text = canonical_json(value).decode()
    digest = meta_digest(key, text)
    database.put_meta(key, text, digest)
    return digest
