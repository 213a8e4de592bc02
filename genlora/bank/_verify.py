"""`bank verify`: look at every byte of a bank, name what is damaged, and say what that costs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.errors import BankError, GenloraError
from genlora.files import sha256_bytes, sha256_file

from ._address import BankAddress, place_of
from ._database import Blobs, Database
from ._meta import meta_digest, read_state
from ._packs import open_pack
from ._record import ExpertRecord, decode_embeddings, mean_bytes, parse_record_json, row_digest
from ._vectors import NOTHING, with_vectors
from .folder import BankFiles, BlobStore, DatabaseSum, SqliteDatabase
from .shared import open_shared

META_KEYS = ("bank", "fingerprint", "layout", "state")


@dataclass(frozen=True)
class Damage:
    """One thing that is not as it was written."""

    item: str
    """File, expert or metadata entry."""
    found: str
    experts: tuple[str, ...] = ()
    """Experts that cannot be used because of it."""


@dataclass(frozen=True)
class VerifyReport:
    """What `verify_bank` found."""

    path: str
    experts: int
    blobs: int
    damage: tuple[Damage, ...]
    notes: tuple[str, ...]
    """Harmless leftovers and the like."""

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damage

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}


class _Verifier:
    """Looks at one bank. What holds for every kind of bank is here; what SQLite adds, in `_FolderVerifier`."""

    def __init__(self, where: str, store: Blobs) -> None:
        self.where = where
        self.store = store
        self.damage: list[Damage] = []
        self.notes: list[str] = []
        self.uses: dict[str, list[tuple[str, int]]] = {}
        self.experts = 0
        self.vectors = ""

    def run(self, opened: Callable[[], Database], item: str) -> VerifyReport:
        """The report; `opened` gives the database, and `item` is what the report calls it."""
        try:
            database = opened()
        except GenloraError as err:
            self.damage.append(Damage(item, str(err)))
            database = None
        if database is not None:
            try:
                with database.consistent():  # one state for all that follows
                    self.look(database)
            except GenloraError as err:
                self.damage.append(Damage(item, str(err)))
            finally:
                database.close()
        blobs = self._blobs()
        return VerifyReport(self.where, self.experts, blobs, tuple(self.damage), tuple(self.notes))

    def look(self, database: Database) -> None:
        """Metadata and rows."""
        self.meta(database)
        self.rows(database)

    def meta(self, database: Database) -> str:
        """Check every metadata row; the revision, or "" if it cannot be told."""
        rows = {key: database.meta(key) for key in dict.fromkeys((*META_KEYS, *database.keys()))}
        for key, row in rows.items():
            if row is None:
                self.damage.append(Damage(f"metadata {key}", "missing"))
            elif meta_digest(key, row[0]) != row[1]:
                self.damage.append(Damage(f"metadata {key}", "its digest does not fit"))
        try:
            self.vectors = read_state(database).vectors
            return read_state(database).revision
        except GenloraError as err:
            if rows["state"] is not None and meta_digest("state", rows["state"][0]) == rows["state"][1]:
                self.damage.append(Damage("metadata state", str(err)))
            return ""

    def rows(self, database: Database) -> None:
        """Check every expert's rows, and that they are all that were committed, and no others."""
        total, before = NOTHING, len(self.damage)
        for row in database.entries():
            self.experts += 1
            self.uses.setdefault(str(row.blob), []).append((str(row.name), row.slot or 0))
            try:
                where = f"expert {row.name}"
                data = parse_record_json(row.record, where=where)
                vectors = decode_embeddings(row.rows or b"", len(data["descriptions"]), where=where)
                record = ExpertRecord.from_json(
                    data, embeddings=vectors, blob=row.blob, generation=row.generation, where=where
                )
                whole = record.name == row.name and row_digest(record, row.slot) == row.sha256
                same = mean_bytes(record) == row.mean
                total = with_vectors(total, [(record.name, mean_bytes(record))])
                found = "" if whole and same else "its row does not fit its digest"
            except (GenloraError, KeyError, TypeError, ValueError, AttributeError) as err:
                found = f"its row cannot be read ({err})"
            if found:
                self.damage.append(Damage(f"expert {row.name}", found, (str(row.name),)))
        if self.vectors and self.vectors != total and len(self.damage) == before:
            self.damage.append(Damage("metadata state", "experts were taken out or put in by another program"))

    def _blobs(self) -> int:
        on_disk = set(self.store.digests())
        for digest, users in sorted(self.uses.items()):
            names = tuple(sorted(name for name, _ in users))
            item = f"blobs/{digest}.safetensors"
            try:
                data = self.store.stored(digest)
            except GenloraError as err:
                self.damage.append(Damage(item, str(err), names))
                continue
            if sha256_bytes(data) != digest:
                self.damage.append(Damage(item, "its SHA-256 is not its name", names))
                continue
            self._decode(data, digest, users, names)
        for digest in sorted(on_disk - set(self.uses)):
            try:
                sound = sha256_bytes(self.store.stored(digest)) == digest
            except GenloraError:
                sound = False
            if sound:
                self.notes.append(f"blobs/{digest}.safetensors belongs to no expert; {self.unused}")
            else:
                self.damage.append(
                    Damage(f"blobs/{digest}.safetensors", "its SHA-256 is not its name, and no expert uses it")
                )
        return len(on_disk)

    unused = "a writer may be at work; else the next opening for a change removes it"

    def _decode(self, data: bytes, digest: str, users: list[tuple[str, int]], names: tuple[str, ...]) -> None:
        item = f"blobs/{digest}.safetensors"
        try:
            pack = open_pack(data, where=str(self.store.path(digest)))
        except BankError as err:
            self.damage.append(Damage(item, str(err), names))
            return
        for name, slot in users:
            try:
                pack.decode(slot)
            except BankError as err:
                self.damage.append(Damage(item, str(err), (name,)))


class _FolderVerifier(_Verifier):
    unused = "the next opening removes it"

    def __init__(self, files: BankFiles) -> None:
        super().__init__(str(files.root), BlobStore(files.blobs))
        self.root, self.database = files.root, files.database

    def look(self, database: Database) -> None:
        assert isinstance(database, SqliteDatabase)
        db = database.connection
        db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()  # takes the read lock; writers wait
        revision = self.meta(database)
        broken = [line for (line,) in db.execute("PRAGMA integrity_check(20)") if line != "ok"]
        self.damage += [Damage("bank.sqlite", f"integrity check: {line}") for line in broken]
        if not broken:  # else it may be sparse, and of any size
            self._sum(revision)
        self.rows(database)
        for table in ("embedding", "vector"):
            sql = f"SELECT count(*) FROM {table} WHERE expert NOT IN (SELECT id FROM expert)"
            loose = db.execute(sql).fetchone()[0]
            if loose:
                self.damage.append(Damage("bank.sqlite", f"{loose} rows of {table} belong to no expert"))

    def _sum(self, revision: str) -> None:
        path = self.root / "bank.sum"
        if not path.exists():
            self.notes.append("bank.sum is not there; the next change writes it")
            return
        try:
            known = DatabaseSum.read(path)
        except (GenloraError, OSError) as err:
            self.damage.append(Damage("bank.sum", str(err)))
            return
        if known.revision != revision:
            self.notes.append(
                "bank.sum is of an older state (a writer was killed after its commit); the next change renews it"
            )
        elif known.database != sha256_file(self.database):
            self.damage.append(Damage("bank.sqlite", "its SHA-256 is not the one in bank.sum"))


def verify_folder(files: BankFiles) -> VerifyReport:
    """`verify_bank` of a folder."""
    if not files.root.is_dir():
        raise BankError(f"{files.root}: no bank there. Make one: genlora bank init {files.root}")
    return _FolderVerifier(files).run(lambda: SqliteDatabase(files, readonly=True), "bank.sqlite")


def verify_bank(path: "Path | str | BankAddress") -> VerifyReport:
    """Check digests of rows, metadata, database file and blobs, and decode every expert. Changes nothing."""
    place = place_of(path)
    if not isinstance(place, BankAddress):
        return verify_folder(BankFiles(place))
    parts = open_shared(place, True)
    return _Verifier(str(place), parts.blobs).run(lambda: parts.database, "database")
