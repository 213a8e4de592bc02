"""The bank: experts of one base on disk, with their descriptions' embeddings and an index over them."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState, BaseLayout
from genlora.errors import BankDamagedError, BankError, StorageError, UnknownExpertError
from genlora.lru import Lru

from ._address import BankAddress, place_of
from ._create import check_shape
from ._database import BankParts, ExpertRow
from ._factors import Pack
from ._index import Neighbour, NeighbourIndex
from ._meta import State, read_meta, read_state, read_user
from ._packs import open_pack
from ._record import ExpertRecord, mean_bytes, record_in
from ._transaction import BOUND_FACTOR, BOUND_FROM, Transaction
from ._vectors import NOTHING, with_vectors
from .folder import LARGE, BankFiles, SqliteDatabase, create_folder, open_folder
from .shared import PostgresDatabase, create_shared, open_shared, write_search

if TYPE_CHECKING:
    from genlora.base import Fingerprint

log = logging.getLogger(__name__)

STATE_CACHE_BYTES = 64 << 20
RECORD_CACHE_BYTES = 8 << 20
PACK_CACHE_BYTES = 64 << 20
DEFAULT_TARGETS = ("q_proj", "v_proj")


class Bank:
    """Experts of one frozen base. Open it with `Bank.open`, make it with `Bank.create`; close it, or use `with`.

    One object may be used from many threads, and many processes may open one bank; writers take turns. A folder is kept
    in SQLite and searched with FAISS; an address `postgresql://...` is a bank that many machines share.
    """

    def __init__(self, parts: BankParts) -> None:
        self.database, self.blobs = parts.database, parts.blobs
        self.where = self.database.where
        """What messages call the bank: its folder or its address, without user and password."""
        self.readonly = self.database.readonly
        self.place = parts.place
        """Where it is: a folder, or the address of a shared bank."""
        self._index = parts.index
        self._open, self._lock = True, threading.Lock()
        self._states = Lru(STATE_CACHE_BYTES)
        self._records: Lru[ExpertRow, ExpertRecord] = Lru(RECORD_CACHE_BYTES)
        self._packs = Lru(PACK_CACHE_BYTES)
        self._sound: set[tuple[str, str, int | None]] = set()
        self.rank, self.targets = _shape(self._meta("bank"), self.database.label)
        self.layout = BaseLayout.from_json(self._meta("layout"), where=self.database.label)

    @classmethod
    def create(
        cls,
        path: "Path | str | BankAddress",
        layout: BaseLayout,
        fingerprint: "Fingerprint",
        *,
        rank: int = 8,
        targets: Sequence[str] = DEFAULT_TARGETS,
        blobs: str | None = None,
    ) -> Self:
        """Make an empty bank as the folder `path`, in one rename, or at an address `postgresql://...`; and open it.

        A shared bank needs `blobs`: the folder or fsspec URL of its factors, which all machines can reach.
        """
        check_shape(layout, rank, targets)
        if fingerprint.id != layout.fingerprint:
            raise BankError(
                f"{place_of(path)}: layout is of base {layout.fingerprint[:16]}, fingerprint {fingerprint.id[:16]}. "
                "Take both from one base."
            )
        root = place_of(path)
        if isinstance(root, BankAddress):
            create_shared(root, layout, fingerprint, rank=rank, targets=targets, blobs=blobs)
            return cls.open(root)
        if blobs is not None:
            raise BankError(f"{root}: a folder bank keeps its blobs itself. Leave the place of the blobs out.")
        create_folder(root, layout, fingerprint, rank=rank, targets=targets)
        return cls.open(root)

    @classmethod
    def open(cls, path: "Path | str | BankAddress", *, readonly: bool = False) -> Self:
        """Open a bank. `readonly` works where nothing can be written; else leftovers of killed writers are swept."""
        place = place_of(path)
        parts = open_shared(place, readonly) if isinstance(place, BankAddress) else open_folder(place, readonly)
        try:
            bank = cls(parts)
        except BaseException:
            parts.database.close()
            raise
        if not readonly:
            bank.sweep()
        return bank

    @property
    def files(self) -> BankFiles:
        """Where a folder bank's files lie. Raises `BankError` for a shared bank, which has none of its own."""
        if isinstance(self.database, SqliteDatabase):
            return self.database.files
        raise BankError(f"{self.where}: is not a folder. Copy it to one: genlora bank copy {self.where} FOLDER")

    @property
    def folder(self) -> Path | None:
        """The folder of a folder bank, None for a shared one."""
        return self.place if isinstance(self.place, Path) else None

    def close(self) -> None:
        """Keep the index for the next one, and let go of the database."""
        with self._lock:
            opened, self._open = self._open, False
        if opened:
            self._index.close()
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what is in it

    def _meta(self, key: str) -> Any:
        return read_meta(self.database, key)

    def read_state(self) -> State:
        """Generation, revision, and the generation of the last removal."""
        return read_state(self.database)

    @property
    def generation(self) -> int:
        """How many changes were committed; every process sees the same."""
        return self.read_state().generation

    @property
    def revision(self) -> str:
        """Digest of the bank's history: equal exactly when the same changes were made in the same order."""
        return self.read_state().revision

    @property
    def fingerprint(self) -> "Fingerprint":
        """The base all experts are for."""
        from genlora.base import Fingerprint

        return Fingerprint.from_json(self._meta("fingerprint"))

    def metadata(self, key: str) -> Any:
        """A JSON value kept by `Transaction.set_metadata`, or None."""
        return read_user(self.database, key)

    def all_metadata(self) -> dict[str, Any]:
        """Everything `Transaction.set_metadata` kept."""
        return {key[5:]: read_user(self.database, key[5:]) for key in self.database.keys() if key.startswith("user:")}

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
        return self.database.count()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.database.has(name)

    def names(self) -> list[str]:
        """All experts, in order of name."""
        return self.database.names()

    def unknown(self, name: str) -> str:
        """The message for a name that is not there."""
        import difflib

        near = difflib.get_close_matches(name, self.names(), n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "Run: genlora bank list"
        return f"{self.where}: no expert {name[:80]!r} in this bank. {hint}"

    def get(self, name: str) -> ExpertRecord:
        """An expert's record. Raises `UnknownExpertError`, or `BankDamagedError` if its row does not fit its digest."""
        row = self.database.expert(name)
        if row is None:
            raise UnknownExpertError(self.unknown(name))
        return self.record_of(row)

    def records(self) -> list[ExpertRecord]:
        """All records, in order of name; a damaged one is left out with a warning."""
        with self.database.consistent():
            state, rows = self.read_state(), self.database.experts()
        out = []
        for row in rows:
            try:
                out.append(record_in(row, label=self.database.label, where=self.where))
            except BankDamagedError as err:
                log.warning("%s", err)
        whole = ((record.name, mean_bytes(record)) for record in out)
        if state.vectors and len(out) == len(rows) and with_vectors(NOTHING, whole) != state.vectors:
            log.warning(
                "%s: other experts are in it than were committed: it is damaged. Run: genlora bank verify %s",
                self.database.label,
                self.where,
            )
        return out

    def record_of(self, row: ExpertRow) -> ExpertRecord:
        """The record in a row, or `BankDamagedError` if the row does not fit its digest."""
        found = self._records.get(row)  # the whole row is the key: one that was edited is read, and found out
        if found is None:
            found = record_in(row, label=self.database.label, where=self.where)
            self._records.put(row, found, 2 * len(row.record) + 4 * len(row.rows or b""))
        return found

    def _place(self, name: str) -> tuple[str, int] | None:
        """Blob and slot of an expert, from a row that fits its digest."""
        place = self.database.place(name)
        if place is not None and (name, *place) not in self._sound:
            row = self.database.expert(name)
            if row is None:
                return None
            self.record_of(row)
            place = (row.blob, row.slot)
            self._sound.add((name, *place))
        return None if place is None else (place[0], place[1] or 0)

    def state(self, name: str) -> AdapterState:
        """An expert's factors in float32, verified and cached; treat the tensors as read-only."""
        for attempt in (0, 1):
            key = self._place(name)
            if key is None:
                raise UnknownExpertError(self.unknown(name))
            state = self._states.get(key)
            if state is not None:
                return state
            try:
                state = self._pack(key[0]).decode(key[1])
            except BankDamagedError:
                # Replaced by another process between the two reads? Then the row has moved on.
                if attempt or self._place(name) == key:
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

    def index(self) -> NeighbourIndex:
        """The index of the newest committed state; search it from as many threads as you like.

        A folder bank's is a snapshot that never changes; a shared bank's asks the server anew each time.
        """
        return self._index.newest()

    def search(self, vector: NDArray[np.float32], k: int = 4) -> list[Neighbour]:
        """The k experts whose descriptions are nearest to a unit vector (dim,), most similar first."""
        return self.index().search(vector, k)

    # ---- changing it

    @contextmanager
    def atomic(self, *, sync_each: bool = True) -> Iterator[Transaction]:
        """A change that happens whole or not at all: durable when the block has ended, invisible before.

        Without `sync_each`, many new blobs are made durable in one go at its end.
        """
        if self.readonly:
            raise StorageError(
                f"{self.where}: opened read-only, so nothing can be changed. Copy it: genlora bank export -o DIR"
            )
        tx: Transaction | None = None
        try:
            with self.database.writing(lambda: tx.row_bytes if tx else 0):
                state = self.read_state()
                tx = Transaction(
                    self, self.database, state.generation + 1, state.revision, state.removed, state.vectors
                )
                tx.sync_each = sync_each
                yield tx
                tx.finish()
        except BaseException:
            if tx is not None:
                self._discard(tx.new_blobs)
            raise
        self._discard(tx.loose_blobs)
        if tx.changed:
            self.database.committed()

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

    def set_search(self, kind: str) -> bool:
        """Search a shared bank by `exact` comparison or an `hnsw` index; whether that is a change. Of a folder bank of
        many experts, make the `lists` that it is searched by where they are not there.

        HNSW and lists find nearly always the same experts, much faster; their similarities are exact either way.
        """
        if not isinstance(self.database, PostgresDatabase):
            if kind != "lists" or len(self) < LARGE:
                raise BankError(
                    f"{self.where}: a folder bank searches exactly, or from {LARGE:,} experts on by lists: expected "
                    "the kind lists and so many experts. For hnsw copy it to PostgreSQL: genlora bank copy"
                )
            before = self.files.lists_made
            self.index()
            return self.files.lists_made != before
        with self.atomic() as tx:
            digest = write_search(self.database, kind)
            if digest is not None:
                tx.note(f"search {digest}")
        return digest is not None

    def _discard(self, digests: Sequence[str]) -> None:
        """Delete blobs that no row names, under the write lock; what fails here is swept at the next opening."""
        if not digests:
            return
        with suppress(BankError, StorageError), self.database.writing():
            used = self.database.used(digests)
            self.blobs.discard(d for d in digests if d not in used)
            self.database.settle(digests)

    def sweep(self) -> int:
        """Delete what killed writers left; how many files. Skipped while another process is writing."""
        return self.database.sweep(self.blobs)


def _shape(found: Any, label: str) -> tuple[int, tuple[str, ...]]:
    """Rank and targets of a bank's metadata. Raises `BankDamagedError`."""
    rank: Any = None
    targets: tuple[Any, ...] = ()
    with suppress(TypeError, KeyError):
        rank, targets = found["rank"], tuple(found["targets"])
    if type(rank) is not int or not 1 <= rank <= 256 or not targets or not all(isinstance(t, str) for t in targets):
        raise BankDamagedError(f"{label}: metadata 'bank' is not what genlora writes. Restore the file from a copy.")
    return rank, targets
