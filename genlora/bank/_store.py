"""The bank: experts of one base on disk, with their descriptions' embeddings and an index over them."""

import logging
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState, BaseLayout
from genlora.errors import BankDamagedError, BankError, GenloraError, StorageError, UnknownExpertError
from genlora.files import fsync_folder, parse_json, storage_errors

from ._blobs import BlobStore, sweep_temporary
from ._codec import TOLERANCE
from ._create import BankFiles, check_shape, fill
from ._db import connect, immediate, set_patience, sqlite_errors
from ._export import ExportReport, export_bank
from ._factors import Pack
from ._index import FlatIndex, Neighbour
from ._lru import Lru
from ._packs import open_pack
from ._record import ExpertRecord, decode_embeddings, parse_record_json
from ._snapshot import Snapshots
from ._sum import write_sum
from ._transaction import BOUND_FACTOR, BOUND_FROM, Transaction, meta_digest, row_digest
from ._verify import VerifyReport, verify_bank

if TYPE_CHECKING:
    from genlora.base import Fingerprint

log = logging.getLogger(__name__)
Result = TypeVar("Result")

SUM_AT_ONCE_BYTES = 32 << 20
"""Up to this size the database's checksum is renewed by every commit, above it when the bank is closed."""
REVISION_SQL = "SELECT json_extract(value, '$.revision') FROM meta WHERE key = 'state'"
STATE_CACHE_BYTES = 64 << 20
PACK_CACHE_BYTES = 64 << 20
DEFAULT_TARGETS = ("q_proj", "v_proj")


class Bank:
    """Experts of one frozen base. Open it with `Bank.open`, make it with `Bank.create`; close it, or use `with`.

    One object may be used from many threads, and many processes may open one bank; writers take turns.
    """

    def __init__(self, files: BankFiles, db: sqlite3.Connection, *, readonly: bool) -> None:
        self.files = files
        self.readonly = readonly
        self.blobs = BlobStore(files.blobs)
        self._db = db
        self._lock = threading.RLock()
        self._snapshots = Snapshots(self)
        self._states = Lru(STATE_CACHE_BYTES)
        self._packs = Lru(PACK_CACHE_BYTES)
        self._sum_due = False
        shape = self._meta("bank")
        self.rank = int(shape["rank"])
        self.targets: tuple[str, ...] = tuple(shape["targets"])
        self.layout = BaseLayout.from_json(self._meta("layout"), where=str(files.database))

    @classmethod
    def create(
        cls,
        path: Path | str,
        layout: BaseLayout,
        fingerprint: "Fingerprint",
        *,
        rank: int = 8,
        targets: Sequence[str] = DEFAULT_TARGETS,
    ) -> Self:
        """Make an empty bank as the folder `path`, in one rename, and open it."""
        root = Path(path)
        check_shape(layout, rank, targets)
        if fingerprint.id != layout.fingerprint:
            raise BankError(
                f"{root}: layout is of base {layout.fingerprint[:16]}, fingerprint {fingerprint.id[:16]}. "
                "Take both from one base."
            )
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise BankError(f"{root}: is there already and not empty; nothing was changed. Choose another folder.")
        with storage_errors(root):
            root.parent.mkdir(parents=True, exist_ok=True)
            stage = Path(tempfile.mkdtemp(prefix=".tmp-", dir=root.parent))
            try:
                fill(BankFiles(stage), layout, fingerprint, rank, targets)
                stage.rename(root)
            except BaseException:
                shutil.rmtree(stage, ignore_errors=True)
                raise
            fsync_folder(root.parent)
        return cls.open(root)

    @classmethod
    def open(cls, path: Path | str, *, readonly: bool = False) -> Self:
        """Open a bank. `readonly` works where nothing can be written; else leftovers of killed writers are swept."""
        files = BankFiles(Path(path))
        db = connect(files.database, readonly=readonly)
        try:
            bank = cls(files, db, readonly=readonly)
        except BaseException:
            db.close()
            raise
        if not readonly:
            bank.sweep()
        return bank

    def close(self) -> None:
        """Keep the index for the next one, and let go of the database."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self._db.execute("SELECT 1")  # closed already? then there is nothing to do
            self._snapshots.close()
            if self._sum_due:
                self._write_sum()
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what is in it

    def _rows(self, sql: str, args: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, sqlite_errors(self.files.database):
            return self._db.execute(sql, args).fetchall()

    def _meta(self, key: str) -> Any:
        rows = self._rows("SELECT value, sha256 FROM meta WHERE key = ?", (key,))
        if not rows:
            return None
        value, digest = rows[0]
        if meta_digest(key, value) != digest:
            raise BankDamagedError(
                f"{self.files.database}: metadata {key!r} is damaged. Run: genlora bank verify {self.files.root}"
            )
        return parse_json(value.encode(), where=f"{self.files.database}: {key}", max_bytes=16 << 20)

    def read_state(self) -> dict[str, Any]:
        """Generation, revision, and the generation of the last removal."""
        return self._meta("state")

    def consistent(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run several queries on one committed state."""
        with self._lock, sqlite_errors(self.files.database):
            if self._db.in_transaction:
                return read(self._db)
            self._db.execute("BEGIN")
            try:
                return read(self._db)
            finally:
                self._db.execute("COMMIT")

    @property
    def generation(self) -> int:
        """How many changes were committed; every process sees the same."""
        return int(self.read_state()["generation"])

    @property
    def revision(self) -> str:
        """Digest of the bank's history: equal exactly when the same changes were made in the same order."""
        return str(self.read_state()["revision"])

    @property
    def fingerprint(self) -> "Fingerprint":
        """The base all experts are for."""
        from genlora.base import Fingerprint

        return Fingerprint.from_json(self._meta("fingerprint"))

    def metadata(self, key: str) -> Any:
        """A JSON value kept by `Transaction.set_metadata`, or None."""
        return self._meta(f"user:{key}")

    def all_metadata(self) -> dict[str, Any]:
        """Everything `Transaction.set_metadata` kept."""
        keys = [row[0][5:] for row in self._rows("SELECT key FROM meta WHERE key LIKE 'user:%' ORDER BY key")]
        return {key: self.metadata(key) for key in keys}

    def norm_bounds(self) -> dict[str, float]:
        """How large a module's ΔW (Frobenius norm) may be before it looks wrong: ten times the largest expert's.

        A module that no expert changes is held to the largest of the others. Empty while the bank holds fewer than
        eight experts, which is too few to judge by.
        """
        known: dict[str, float] = self.metadata("norms") or {}
        if len(self) < BOUND_FROM or not known:
            return {}
        largest = max(known.values())
        return {m.path: BOUND_FACTOR * known.get(m.path, largest) for m in self.layout.of(self.targets)}

    def __len__(self) -> int:
        return self._rows("SELECT count(*) FROM expert")[0][0]

    def __contains__(self, name: object) -> bool:
        return bool(self._rows("SELECT 1 FROM expert WHERE name = ?", (name,)))

    def names(self) -> list[str]:
        """All experts, in order of name."""
        return [row[0] for row in self._rows("SELECT name FROM expert ORDER BY name")]

    def unknown(self, name: str) -> str:
        """The message for a name that is not there."""
        import difflib

        near = difflib.get_close_matches(name, self.names(), n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "Run: genlora bank list"
        return f"{self.files.root}: no expert {name[:80]!r} in this bank. {hint}"

    def get(self, name: str) -> ExpertRecord:
        """An expert's record. Raises `UnknownExpertError`, or `BankDamagedError` if its row does not fit its digest."""
        for row in self._record_rows("WHERE name = ?", (name,)):
            return self._record(row)
        raise UnknownExpertError(self.unknown(name))

    def records(self) -> list[ExpertRecord]:
        """All records, in order of name; a damaged one is left out with a warning."""
        out = []
        for row in self._record_rows("ORDER BY name"):
            try:
                out.append(self._record(row))
            except BankDamagedError as err:
                log.warning("%s", err)
        return out

    def _record_rows(self, clause: str, args: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return self._rows(
            "SELECT name, generation, record, blob, slot, sha256, rows FROM expert"
            f" LEFT JOIN embedding ON embedding.expert = expert.id {clause}",
            args,
        )

    def _record(self, row: tuple[Any, ...]) -> ExpertRecord:
        name, generation, text, blob, slot, digest, embeddings = row
        where = f"{self.files.database}: expert {name}"
        try:
            data = parse_record_json(text, where=where)
            vectors = decode_embeddings(embeddings or b"", len(data["descriptions"]), where=where)
            record = ExpertRecord.from_json(data, embeddings=vectors, blob=blob, generation=generation, where=where)
            whole = record.name == name and row_digest(record, slot) == digest
        except (GenloraError, KeyError, TypeError, AttributeError):
            whole, record = False, None
        if record is None or not whole:
            raise BankDamagedError(f"{where}: its row is damaged. Run: genlora bank verify {self.files.root}")
        return record

    def state(self, name: str) -> AdapterState:
        """An expert's factors in float32, verified and cached; treat the tensors as read-only."""
        for attempt in (0, 1):
            rows = self._rows("SELECT blob, slot FROM expert WHERE name = ?", (name,))
            if not rows:
                raise UnknownExpertError(self.unknown(name))
            key = (rows[0][0], rows[0][1] or 0)
            state = self._states.get(key)
            if state is not None:
                return state
            try:
                state = self._pack(key[0]).decode(key[1])
            except BankDamagedError:
                # Replaced by another process between the two reads? Then the row has moved on.
                if attempt or self._rows("SELECT blob, slot FROM expert WHERE name = ?", (name,)) == rows:
                    raise
                continue
            self._states.put(key, state, 4 * state.parameters)
            return state
        raise UnknownExpertError(self.unknown(name))  # pragma: no cover - the loop returns or raises

    def _pack(self, digest: str) -> Pack:
        pack = self._packs.get(digest)
        if pack is None:
            pack = open_pack(self.blobs.read(digest), where=str(self.blobs.path(digest)))
            self._packs.put(digest, pack, pack.nbytes)
        return pack

    # ---- searching

    def index(self) -> FlatIndex:
        """An immutable snapshot of the newest committed state; search it from as many threads as you like."""
        return self._snapshots.newest()

    def search(self, vector: NDArray[np.float32], k: int = 4) -> list[Neighbour]:
        """The k experts whose descriptions are nearest to a unit vector (dim,), most similar first."""
        return self.index().search(vector, k)

    # ---- changing it

    @contextmanager
    def atomic(self) -> Iterator[Transaction]:
        """A change that happens whole or not at all: durable when the block has ended, invisible before."""
        if self.readonly:
            raise StorageError(
                f"{self.files.root}: opened read-only, so nothing can be changed. Copy it: genlora bank export -o DIR"
            )
        with self._lock:
            tx: Transaction | None = None
            try:
                with sqlite_errors(self.files.database, lambda: tx.row_bytes if tx else 0), immediate(self._db):
                    state = self._meta("state")
                    tx = Transaction(
                        self, self._db, int(state["generation"]) + 1, str(state["revision"]), int(state["removed"])
                    )
                    yield tx
                    tx.finish()
            except BaseException:
                if tx is not None:
                    self._discard(tx.new_blobs)
                raise
            self._discard(tx.loose_blobs)
            if tx.changed:
                self._sum_due = True
                if self.files.database.stat().st_size <= SUM_AT_ONCE_BYTES:
                    self._write_sum()

    def _write_sum(self) -> None:
        # What was committed stays committed: an old sum says that it is old, and the next change renews it.
        try:
            with sqlite_errors(self.files.database):
                write_sum(self._db, self.files.database, self.files.checksum, REVISION_SQL)
        except (BankError, StorageError) as err:
            log.info("%s is not renewed: %s", self.files.checksum, err)
        else:
            self._sum_due = False

    def add(
        self,
        record: ExpertRecord,
        state: AdapterState,
        *,
        made_for: "Fingerprint | None" = None,
        force: bool = False,
        replace: bool = False,
    ) -> ExpertRecord:
        """`Transaction.add` in a transaction of its own: once this returns, the expert survives a power cut."""
        with self.atomic() as tx:
            return tx.add(record, state, made_for=made_for, force=force, replace=replace)

    def remove(self, name: str) -> None:
        """Remove an expert and, if nobody else uses it, its blob."""
        with self.atomic() as tx:
            tx.remove(name)

    def verify(self) -> VerifyReport:
        """Look at every byte: see `verify_bank`."""
        return verify_bank(self.files.root)

    def export(
        self,
        path: Path | str,
        *,
        codec: str = "raw",
        names: Sequence[str] | None = None,
        tolerance: float = TOLERANCE,
        replace: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> ExportReport:
        """Copy experts to a new bank folder under a codec: see `export_bank`."""
        return export_bank(
            self, path, codec=codec, names=names, tolerance=tolerance, replace=replace, progress=progress
        )

    def _discard(self, digests: Sequence[str]) -> None:
        """Delete blobs that no row names, under the write lock; what fails here is swept at the next opening."""
        if not digests:
            return
        with suppress(BankError, StorageError), sqlite_errors(self.files.database), immediate(self._db):
            used = {d for d in digests if self._rows("SELECT 1 FROM expert WHERE blob = ?", (d,))}
            self.blobs.discard(d for d in digests if d not in used)

    def sweep(self) -> int:
        """Delete what killed writers left; how many files. Skipped while another process is writing."""
        with self._lock, suppress(sqlite3.OperationalError, StorageError):
            set_patience(self._db, 0)
            try:
                with immediate(self._db):
                    gone = self.blobs.sweep(row[0] for row in self._rows("SELECT DISTINCT blob FROM expert"))
                    return gone + sweep_temporary(self.files.root) + sweep_temporary(self.files.index.parent)
            finally:
                set_patience(self._db)
        return 0
