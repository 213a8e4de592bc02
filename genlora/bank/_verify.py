"""`bank verify`: look at every byte of a bank, name what is damaged, and say what that costs."""

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.errors import BankError, GenloraError
from genlora.files import parse_json, sha256_bytes, sha256_file

from ._blobs import BlobStore
from ._db import connect, sqlite_errors
from ._packs import open_pack
from ._record import ExpertRecord, decode_embeddings, parse_record_json
from ._sum import DatabaseSum
from ._transaction import meta_digest, row_digest

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
    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "bank.sqlite"
        self.store = BlobStore(root / "blobs")
        self.damage: list[Damage] = []
        self.notes: list[str] = []
        self.uses: dict[str, list[tuple[str, int]]] = {}
        self.experts = 0

    def run(self) -> VerifyReport:
        try:
            db = connect(self.database, readonly=True)
        except GenloraError as err:
            self.damage.append(Damage("bank.sqlite", str(err)))
            db = None
        if db is not None:
            try:
                with sqlite_errors(self.database):
                    db.execute("BEGIN")  # one state for all that follows; writers wait
                    self._database(db)
            except GenloraError as err:
                self.damage.append(Damage("bank.sqlite", str(err)))
            finally:
                db.close()
        blobs = self._blobs()
        return VerifyReport(str(self.root), self.experts, blobs, tuple(self.damage), tuple(self.notes))

    def _database(self, db: sqlite3.Connection) -> None:
        db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()  # takes the read lock
        revision = self._meta(db)
        self._sum(revision)
        for (line,) in db.execute("PRAGMA integrity_check(20)"):
            if line != "ok":
                self.damage.append(Damage("bank.sqlite", f"integrity check: {line}"))
        for item in self._rows(db):
            self.damage.append(item)

    def _meta(self, db: sqlite3.Connection) -> str:
        rows = {key: (value, digest) for key, value, digest in db.execute("SELECT key, value, sha256 FROM meta")}
        for key, (value, digest) in rows.items():
            if meta_digest(key, value) != digest:
                self.damage.append(Damage(f"metadata {key}", "its digest does not fit"))
        for key in META_KEYS:
            if key not in rows:
                self.damage.append(Damage(f"metadata {key}", "missing"))
        value, digest = rows.get("state", ("{}", ""))
        if meta_digest("state", value) != digest:
            return ""
        return str(parse_json(value.encode(), where="state")["revision"])

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

    def _rows(self, db: sqlite3.Connection) -> Iterator[Damage]:
        sql = (
            "SELECT name, generation, record, blob, slot, sha256, rows, mean FROM expert"
            " LEFT JOIN embedding ON embedding.expert = expert.id LEFT JOIN vector ON vector.expert = expert.id"
        )
        for name, generation, text, blob, slot, digest, rows, mean in db.execute(sql):
            self.experts += 1
            self.uses.setdefault(str(blob), []).append((str(name), slot or 0))
            try:
                where = f"expert {name}"
                data = parse_record_json(text, where=where)
                vectors = decode_embeddings(rows or b"", len(data["descriptions"]), where=where)
                record = ExpertRecord.from_json(data, embeddings=vectors, blob=blob, generation=generation, where=where)
                whole = record.name == name and row_digest(record, slot) == digest
                found = (
                    ""
                    if whole and record.mean_embedding.astype("<f4").tobytes() == mean
                    else "its row does not fit its digest"
                )
            except (GenloraError, KeyError, TypeError, ValueError, AttributeError) as err:
                found = f"its row cannot be read ({err})"
            if found:
                yield Damage(f"expert {name}", found, (str(name),))
        for table in ("embedding", "vector"):
            loose = db.execute(f"SELECT count(*) FROM {table} WHERE expert NOT IN (SELECT id FROM expert)").fetchone()[
                0
            ]
            if loose:
                yield Damage("bank.sqlite", f"{loose} rows of {table} belong to no expert")

    def _blobs(self) -> int:
        on_disk = set(self.store.digests())
        for digest, users in sorted(self.uses.items()):
            names = tuple(sorted(name for name, _ in users))
            path = self.store.path(digest)
            try:
                data = path.read_bytes()
            except OSError as err:
                self.damage.append(Damage(f"blobs/{path.name}", f"cannot be read ({err.strerror})", names))
                continue
            if sha256_bytes(data) != digest:
                self.damage.append(Damage(f"blobs/{path.name}", "its SHA-256 is not its name", names))
                continue
            self._decode(data, path, users, names)
        unused = sorted(on_disk - set(self.uses))
        for digest in unused:
            path = self.store.path(digest)
            if sha256_bytes(path.read_bytes()) == digest:
                self.notes.append(f"blobs/{path.name} belongs to no expert; the next opening removes it")
            else:
                self.damage.append(Damage(f"blobs/{path.name}", "its SHA-256 is not its name, and no expert uses it"))
        return len(on_disk)

    def _decode(self, data: bytes, path: Path, users: list[tuple[str, int]], names: tuple[str, ...]) -> None:
        try:
            pack = open_pack(data, where=str(path))
        except BankError as err:
            self.damage.append(Damage(f"blobs/{path.name}", str(err), names))
            return
        for name, slot in users:
            try:
                pack.decode(slot)
            except BankError as err:
                self.damage.append(Damage(f"blobs/{path.name}", str(err), (name,)))


def verify_bank(path: Path | str) -> VerifyReport:
    """Check digests of rows, metadata, database file and blobs, and decode every expert. Changes nothing."""
    root = Path(path)
    if not root.is_dir():
        raise BankError(f"{root}: no bank there. Make one: genlora bank init {root}")
    return _Verifier(root).run()
