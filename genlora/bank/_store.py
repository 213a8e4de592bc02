"""The bank: experts of one base on disk, with their descriptions' embeddings and an index over them."""

import shutil
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState, BaseLayout
from genlora.errors import BankDamagedError, BankError, StorageError, UnknownExpertError
from genlora.files import canonical_json, fsync_folder, parse_json, sha256_bytes, storage_errors

from ._blobs import BlobStore
from ._db import connect, immediate, sqlite_errors
from ._factors import Pack
from ._index import FlatIndex, IndexCache, Neighbour
from ._packs import open_pack
from ._record import ExpertRecord, decode_embeddings, parse_record_json
from ._transaction import Transaction, meta_digest, put_meta, row_digest

if TYPE_CHECKING:
    from genlora.base import Fingerprint

STATE_CACHE_BYTES = 64 << 20
PACK_CACHE_BYTES = 64 << 20
DEFAULT_TARGETS = ("q_proj", "v_proj")


@dataclass(frozen=True)
class BankFiles:
    """Where things lie under a bank's folder."""

    root: Path

    @property
    def database(self) -> Path:
        """Metadata, embeddings and provenance."""
        return self.root / "bank.sqlite"

    @property
    def blobs(self) -> Path:
        """Content-addressed factors."""
        return self.root / "blobs"

    @property
    def index(self) -> Path:
        """The index cache; may be deleted at any time."""
        return self.root / "cache" / "index.bin"


class _Lru:
    """Values by key, at most so many bytes; the least recently used go first. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._items: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> Any:
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Any, value: Any, size: int) -> None:
        with self._lock:
            if key in self._items or size > self._limit:
                return
            self._items[key] = (value, size)
            self._used += size
            while self._used > self._limit:
                self._used -= self._items.popitem(last=False)[1][1]


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
        self._index_lock = threading.Lock()
        self._cache = IndexCache(files.index)
        self._snapshot: tuple[int, FlatIndex] | None = None
        self._published: str | None = None
        self._states = _Lru(STATE_CACHE_BYTES)
        self._packs = _Lru(PACK_CACHE_BYTES)
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
                _fill(BankFiles(stage), layout, fingerprint, rank, targets)
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
            snapshot = self._snapshot
            if snapshot and not self.readonly and self._published != snapshot[1].revision == self.revision:
                self._publish(snapshot[1])
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

    @property
    def generation(self) -> int:
        """How many changes were committed; every process sees the same."""
        return int(self._meta("state")["generation"])

    @property
    def revision(self) -> str:
        """Digest of the bank's history: equal exactly when the same changes were made in the same order."""
        return str(self._meta("state")["revision"])

    @property
    def fingerprint(self) -> "Fingerprint":
        """The base all experts are for."""
        from genlora.base import Fingerprint

        return Fingerprint.from_json(self._meta("fingerprint"))

    def metadata(self, key: str) -> Any:
        """A JSON value kept by `Transaction.set_metadata`, or None."""
        return self._meta(f"user:{key}")

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
        for record, _ in self._records("WHERE name = ?", (name,)):
            return record
        raise UnknownExpertError(self.unknown(name))

    def records(self) -> list[ExpertRecord]:
        """All records, in order of name."""
        return [record for record, _ in self._records("ORDER BY name")]

    def _records(self, clause: str, args: tuple[Any, ...] = ()) -> Iterator[tuple[ExpertRecord, int | None]]:
        rows = self._rows(
            "SELECT name, generation, record, blob, slot, sha256, rows FROM expert"
            f" LEFT JOIN embedding ON embedding.expert = expert.id {clause}",
            args,
        )
        for name, generation, text, blob, slot, digest, embeddings in rows:
            where = f"{self.files.database}: expert {name}"
            data = parse_record_json(text, where=where)
            vectors = decode_embeddings(embeddings or b"", len(data.get("descriptions", ())), where=where)
            record = ExpertRecord.from_json(data, embeddings=vectors, blob=blob, generation=generation, where=where)
            if record.name != name or row_digest(record, slot) != digest:
                raise BankDamagedError(f"{where}: its row is damaged. Run: genlora bank verify {self.files.root}")
            yield record, slot

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
        with self._index_lock:
            revision = self.revision
            if self._snapshot is None:
                cached = self._cache.load(revision)
                if cached is not None:
                    self._snapshot, self._published = (self.generation, cached), revision
            if self._snapshot is None or self._snapshot[1].revision != revision:
                whole = self._snapshot is None
                self._snapshot = self._build_index()
                if whole and not self.readonly:
                    self._publish(self._snapshot[1])
            return self._snapshot[1]

    def search(self, vector: NDArray[np.float32], k: int = 4) -> list[Neighbour]:
        """The k experts whose descriptions are nearest to a unit vector (dim,), most similar first."""
        return self.index().search(vector, k)

    def _build_index(self) -> tuple[int, FlatIndex]:
        old = self._snapshot
        with self._lock, sqlite_errors(self.files.database):
            self._db.execute("BEGIN")  # one consistent view of state and vectors
            try:
                state = self._meta("state")
                since = old[0] if old and state["removed"] <= old[0] else -1
                rows = self._rows(
                    "SELECT name, mean FROM expert JOIN vector ON vector.expert = expert.id"
                    " WHERE generation > ? ORDER BY expert.id",
                    (since,),
                )
            finally:
                self._db.execute("COMMIT")
        names = [row[0] for row in rows]
        vectors = (
            np.frombuffer(b"".join(row[1] for row in rows), "<f4").reshape(len(rows), -1)
            if rows
            else np.zeros((0, 1), np.float32)
        )
        if old and since >= 0:
            names = [*old[1].names, *names]
            vectors = np.concatenate([old[1].vectors(), vectors]) if rows else old[1].vectors()
        return int(state["generation"]), FlatIndex(names, vectors, revision=state["revision"])

    def _publish(self, index: FlatIndex) -> None:
        if self._cache.publish(index):
            self._published = index.revision

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
                with sqlite_errors(self.files.database), immediate(self._db):
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
            self._db.execute("PRAGMA busy_timeout = 0")
            try:
                with immediate(self._db):
                    return self.blobs.sweep(row[0] for row in self._rows("SELECT DISTINCT blob FROM expert"))
            finally:
                self._db.execute("PRAGMA busy_timeout = 60000")
        return 0


def check_shape(layout: BaseLayout, rank: int, targets: Sequence[str]) -> None:
    """Refuse a rank or targets that no adapter of `layout` can have."""
    if not 1 <= rank <= 256:
        raise BankError(f"rank must be in [1, 256], got {rank}. The default is 8.")
    leaves = {m.leaf for m in layout.modules}
    wrong = [t for t in targets if t not in leaves]
    if wrong or not targets or len(set(targets)) != len(targets):
        raise BankError(
            f"targets {', '.join(targets) or '(none)'}: expected different projections of {layout.name}: "
            f"{', '.join(sorted(leaves))}."
        )


def _fill(files: BankFiles, layout: BaseLayout, fingerprint: "Fingerprint", rank: int, targets: Sequence[str]) -> None:
    files.root.chmod(0o755)
    files.blobs.mkdir()
    db = connect(files.database, create=True)
    try:
        with sqlite_errors(files.database), immediate(db):
            put_meta(db, "layout", layout.to_json())
            put_meta(db, "fingerprint", fingerprint.to_json())
            shape: Mapping[str, Any] = {"rank": rank, "targets": list(targets)}
            put_meta(db, "bank", shape)
            seed = sha256_bytes(canonical_json([layout.to_json(), shape]))
            put_meta(db, "state", {"generation": 0, "revision": seed, "removed": 0})
    finally:
        db.close()
    fsync_folder(files.root)
