"""Copy a whole bank as it is, between folders and shared banks: the same blobs, rows, generation and revision."""

import logging
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.errors import BankError
from genlora.files import TEMPORARY, fsync_folder, storage_errors
from genlora.progress import Progress, silent

from ._address import BankAddress, place_of
from ._store import Bank
from .shared import shared_exists

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CopyReport:
    """What `copy_bank` did."""

    source: str
    target: str
    experts: int
    blobs: int
    blob_bytes: int
    revision: str
    """Of both banks."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def copy_bank(
    source: Bank,
    target: "Path | str | BankAddress",
    *,
    blobs: str | None = None,
    progress: Progress = silent,
) -> CopyReport:
    """Make `target`, a new folder or shared bank, equal to the committed state of `source`; all of it or nothing.

    `blobs` is the place of a shared target's blobs. Records, blobs, generation and revision are the same afterwards, so
    that both banks give the same bytes and verify each other's receipts. A shared target that is there and empty, as a
    killed copy leaves it, is filled. How the source is searched is not copied.
    """
    place = place_of(target)
    options: dict[str, Any] = {"rank": source.rank, "targets": source.targets}
    if isinstance(place, BankAddress):
        there = _empty(place, source)
        if there is None:
            there = Bank.create(place, source.layout, source.fingerprint, blobs=blobs, **options)
        with there as out:
            return _fill(source, out, place, progress)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise BankError(f"{place}: is there already and not empty; nothing was written. Choose another folder.")
    with storage_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=place.parent))
        try:
            with Bank.create(stage / "bank", source.layout, source.fingerprint, blobs=blobs, **options) as out:
                report = _fill(source, out, place, progress)
            (stage / "bank").rename(place)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        fsync_folder(place.parent)
    return report


def _empty(place: BankAddress, source: Bank) -> Bank | None:
    """The bank at `place`, if there is one that nothing was ever done to."""
    if not shared_exists(place):
        return None
    bank = Bank.open(place)
    same = (bank.fingerprint, bank.rank, bank.targets) == (source.fingerprint, source.rank, source.targets)
    if bank.generation == 0 and same:
        return bank
    bank.close()
    raise BankError(
        f"{place}: a bank is there already, and nothing was changed. Choose another schema with ?schema=NAME."
    )


def _fill(source: Bank, out: Bank, place: Path | BankAddress, progress: Progress) -> CopyReport:
    sizes: dict[str, int] = {}
    with source.database.consistent(), out.atomic() as tx:
        state, total = source.read_state(), len(source)
        for key, value in sorted(source.all_metadata().items()):
            tx.set_metadata(key, value)
        for done, row in enumerate(source.database.entries(), start=1):
            record = source.record_of(row)
            if row.blob not in sizes:
                data = source.blobs.read(row.blob)
                sizes[tx.put_blob(data)] = len(data)
            tx.insert(record, row.slot)
            progress("copying experts", done, total)
        tx.adopt(state)
    return CopyReport(source.where, str(place), total, len(sizes), sum(sizes.values()), state.revision)
