"""Making and opening a shared bank: a schema in PostgreSQL, and a place for blobs that belongs to it alone."""

import os
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genlora.adapter import BaseLayout
from genlora.errors import BankDamagedError, ConfigError

from .._address import BankAddress
from .._create import put_identity
from .._database import BankParts
from .._meta import read_meta, write_meta
from ._blobs import SharedBlobs, blobs_url
from ._db import connect, create_schema, postgres_errors, schema_version
from ._pgvector import ServerIndex
from ._postgres import PostgresDatabase

if TYPE_CHECKING:
    from genlora.base import Fingerprint


def create_shared(
    address: BankAddress,
    layout: BaseLayout,
    fingerprint: "Fingerprint",
    *,
    rank: int,
    targets: Sequence[str],
    blobs: str | None,
) -> None:
    """Make an empty bank at `address`; all of it or nothing."""
    if blobs is None:
        raise ConfigError(
            f"{address}: a shared bank needs a place for its blobs that all machines reach: --blobs FOLDER, or an "
            "fsspec URL like s3://BUCKET/FOLDER."
        )
    url, bank_id = blobs_url(blobs), secrets.token_hex(16)
    store = SharedBlobs(url)
    db = connect(address, create=True)
    claimed = False
    try:
        with postgres_errors(address), db.transaction():
            create_schema(db, address)
            database = PostgresDatabase.within(db, address)
            put_identity(database, layout, fingerprint, rank, targets)
            write_meta(database, "place", {"blobs": url, "id": bank_id})
            store.claim(bank_id)
            claimed = True
    except BaseException:
        if claimed:
            store.disown()
        raise
    finally:
        db.close()


def shared_exists(address: BankAddress) -> bool:
    """Whether there is a bank at `address`. Raises `BankError` where none could be."""
    db = connect(address, create=True)
    try:
        with postgres_errors(address):
            return schema_version(db, address) is not None
    finally:
        db.close()


def open_shared(address: BankAddress, readonly: bool) -> BankParts:
    """The parts of the bank at `address`. `$GENLORA_BLOBS` names its blobs where they have another name here."""
    database = PostgresDatabase(address, readonly=readonly)
    try:
        place = read_meta(database, "place")
        if place is None:
            raise BankDamagedError(f"{address}: its metadata do not say where its blobs are. Restore it from a backup.")
        own = os.environ.get("GENLORA_BLOBS")
        blobs = SharedBlobs(blobs_url(own) if own else str(place["blobs"]))
        blobs.check_owner(str(place["id"]))
        return BankParts(address, database, blobs, ServerIndex(database))
    except BaseException:
        database.close()
        raise
