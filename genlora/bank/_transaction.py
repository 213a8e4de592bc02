"""One all-or-nothing change of a bank. Order on disk: blob, fsync, rename, fsync folder, then COMMIT."""

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genlora.adapter import AdapterState
from genlora.errors import BankError, BaseMismatchError, UnknownExpertError
from genlora.files import canonical_json, check_name, sha256_bytes

from ._conform import conform
from ._factors import encode_raw
from ._record import ExpertRecord, encode_embeddings

if TYPE_CHECKING:
    from genlora.base import Fingerprint

    from ._store import Bank


def row_digest(record: ExpertRecord, slot: int | None) -> str:
    """What an expert's row must hash to, mean embedding included."""
    tail = f"{record.generation}:{slot}:".encode() + record.mean_embedding.astype("<f4").tobytes()
    return sha256_bytes(record.digest.encode() + tail)


def meta_digest(key: str, value: str) -> str:
    """What a metadata row must hash to."""
    return sha256_bytes(f"{key}\0{value}".encode())


def put_meta(db: sqlite3.Connection, key: str, value: Any) -> str:
    """Write one metadata row; its digest."""
    text = canonical_json(value).decode()
    digest = meta_digest(key, text)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, text, digest))
    return digest


@dataclass
class Transaction:
    """Handed out by `Bank.atomic`; its changes show all at once when the block ends, or never."""

    bank: "Bank"
    db: sqlite3.Connection
    generation: int
    """The generation being made."""
    revision: str
    removed: int
    changed: bool = False
    new_blobs: list[str] = field(default_factory=list)
    loose_blobs: list[str] = field(default_factory=list)

    def _note(self, what: str) -> None:
        # A chain over what was done: equal histories give equal revisions, on any machine.
        self.revision = sha256_bytes(f"{self.revision}\n{what}".encode())
        self.changed = True

    def add(
        self,
        record: ExpertRecord,
        state: AdapterState,
        *,
        made_for: "Fingerprint | None" = None,
        force: bool = False,
        replace: bool = False,
    ) -> ExpertRecord:
        """Add an expert and return its record as stored.

        Adding the same expert again changes nothing. Another one of the same name is refused unless `replace`. One of
        another base is a `BaseMismatchError` unless `force`: `made_for`, or `record.base` alone, names its base;
        a quantised twin of the bank's base is the same base.
        """
        bank, where = self.bank, f"expert {record.name}"
        record = self._check_embedder(self._check_base(record, made_for, force=force))
        fitted = conform(state, bank.layout, targets=bank.targets, rank=bank.rank, where=where)
        rank = record.rank or max(pair.rank for pair in state.values())
        data = encode_raw(fitted)
        stored = record.with_(rank=rank, blob=sha256_bytes(data), generation=self.generation)
        if not self._make_room(stored, replace=replace):
            return bank.get(stored.name)
        digest, new = bank.blobs.put(data)
        if new:
            self.new_blobs.append(digest)
        self.insert(stored, None)
        return stored

    def _check_base(self, record: ExpertRecord, made_for: "Fingerprint | None", *, force: bool) -> ExpertRecord:
        bank, base = self.bank, self.bank.layout.fingerprint
        if made_for is not None:
            from genlora.base import require_compatible

            require_compatible(made_for, bank.fingerprint, what=f"expert {record.name}", force=force)
            return record.with_(base=made_for.id)
        if record.base and record.base != base and not force:
            raise BaseMismatchError(
                f"expert {record.name}: made for base {record.base[:16]}, but this bank is for {bank.layout.name} "
                f"({base[:16]}). Use a bank of its own base, or force it if you know that they are the same."
            )
        return record if record.base else record.with_(base=base)

    def _check_embedder(self, record: ExpertRecord) -> ExpertRecord:
        known = self.bank.metadata("embedder")
        if known is None:
            self._put("embedder", {"id": record.embedder, "dim": record.embeddings.shape[1]})
        elif (record.embedder, record.embeddings.shape[1]) != (known["id"], known["dim"]):
            raise BankError(
                f"expert {record.name}: its embeddings are of embedder {record.embedder[:16] or 'unknown'} "
                f"({record.embeddings.shape[1]} numbers), the bank's of "
                f"{known['id'][:16] or 'unknown'} ({known['dim']}). "
                "Embed its descriptions with the bank's embedder."
            )
        return record

    def _make_room(self, record: ExpertRecord, *, replace: bool) -> bool:
        if record.name not in self.bank:
            return True
        if self.bank.get(record.name).digest == record.digest:
            return False
        if not replace:
            raise BankError(
                f"expert {record.name}: the bank has another one of that name, and nothing was changed. "
                f"Choose another name, pass --replace, or run: genlora bank remove {record.name}"
            )
        self.remove(record.name)
        return True

    def insert(self, record: ExpertRecord, slot: int | None) -> None:
        """Write the rows of an expert whose blob is on disk already; `slot` is its place in a pack."""
        digest = row_digest(record, slot)
        row = self.db.execute(
            "INSERT INTO expert (name, generation, record, blob, slot, sha256) VALUES (?, ?, ?, ?, ?, ?)",
            (record.name, record.generation, canonical_json(record.to_json()).decode(), record.blob, slot, digest),
        ).lastrowid
        self.db.execute("INSERT INTO embedding VALUES (?, ?)", (row, encode_embeddings(record.embeddings)))
        self.db.execute("INSERT INTO vector VALUES (?, ?)", (row, record.mean_embedding.astype("<f4").tobytes()))
        self._note(f"add {record.name} {digest}")

    def remove(self, name: str) -> None:
        """Remove an expert; its blob goes after the commit, if nobody else uses it."""
        row = self.db.execute("SELECT id, blob FROM expert WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise UnknownExpertError(self.bank.unknown(name))
        for table in ("embedding", "vector"):
            self.db.execute(f"DELETE FROM {table} WHERE expert = ?", (row[0],))
        self.db.execute("DELETE FROM expert WHERE id = ?", (row[0],))
        self.loose_blobs.append(row[1])
        self.removed = self.generation
        self._note(f"remove {name}")

    def set_metadata(self, key: str, value: Any) -> None:
        """Keep a JSON value with the bank, e.g. the coverage calibration; None deletes it."""
        check_name(key, what="metadata key")
        self._put(key, value)

    def _put(self, key: str, value: Any) -> None:
        full = f"user:{key}"
        if value is None:
            self.db.execute("DELETE FROM meta WHERE key = ?", (full,))
            self._note(f"unset {key}")
        else:
            self._note(f"set {key} {put_meta(self.db, full, value)}")

    def finish(self) -> None:
        """Write the new generation, if anything changed. Called by the bank before COMMIT."""
        if self.changed:
            state = {"generation": self.generation, "revision": self.revision, "removed": self.removed}
            put_meta(self.db, "state", state)
