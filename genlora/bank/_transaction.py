"""One all-or-nothing change of a bank. Order on disk: blob, fsync, rename, fsync folder, then COMMIT."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState, BaseLayout, check_norms
from genlora.errors import BankDamagedError, BankError, BaseMismatchError, UnknownExpertError, UnsafeNameError
from genlora.files import canonical_json, check_name, parse_json, sha256_bytes

from ._codec import product_error
from ._conform import conform, figures
from ._database import Blobs, Database, ExpertRow
from ._factors import encode_raw
from ._index import Neighbour
from ._meta import State, write_meta
from ._record import ExpertRecord, encode_embeddings, mean_bytes, row_digest
from ._vectors import NOTHING, with_vectors, without_vector

if TYPE_CHECKING:
    from genlora.base import Fingerprint


BASE_ALIAS = "base"
"""What the base is called wherever experts are asked for by name, beside its own name."""
BOUND_FROM = 8
"""How many experts a bank needs before it judges the size of new ones."""
BOUND_FACTOR = 10.0
"""How many times the largest known update of a module a new one may be."""
_LIKELY = 32
"""Nearest experts whose words are compared with a new description."""
_FILLED_IN = ("update_norm", "effective_rank", "codec", "codec_error")


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _up(value: float) -> float:
    return _short(value * 1.0001)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _facts(record: ExpertRecord) -> dict[str, Any]:
    facts = record.to_json()
    facts["metrics"] = {k: v for k, v in facts["metrics"].items() if k not in _FILLED_IN}
    return parse_json(canonical_json(facts), where=f"expert {record.name}", max_bytes=4 << 20)


class Embeds(Protocol):
    """What turns descriptions into vectors."""

    @property
    def id(self) -> str: ...
    def embed(self, texts: Sequence[str], *, batch_size: int = 1) -> NDArray[np.float32]: ...


class Changing(Protocol):
    """What a transaction needs of the bank that it changes."""

    @property
    def layout(self) -> BaseLayout: ...
    @property
    def rank(self) -> int: ...
    @property
    def targets(self) -> tuple[str, ...]: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def fingerprint(self) -> "Fingerprint": ...
    def __contains__(self, name: object) -> bool: ...
    def get(self, name: str) -> ExpertRecord: ...
    def state(self, name: str) -> AdapterState: ...
    def metadata(self, key: str) -> Any: ...
    def norm_bounds(self) -> dict[str, float]: ...
    def unknown(self, name: str) -> str: ...
    def search(self, vector: NDArray[np.float32], k: int = 4) -> list[Neighbour]: ...


@dataclass
class Transaction:
    """Handed out by `Bank.atomic`; its changes show all at once when the block ends, or never."""

    bank: Changing
    database: Database
    generation: int
    """The generation being made."""
    revision: str
    removed: int
    vectors: str = ""
    """Sum over the vectors that are searched (see `_vectors`); empty where it has to be counted anew."""
    changed: bool = False
    sync_each: bool = True
    """Whether a blob is durable when it is stored; else all are before COMMIT."""
    row_bytes: int = 0
    """What goes into the database, about."""
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
        if record.name in (BASE_ALIAS, bank.layout.name):
            raise UnsafeNameError(
                f"{where}: requests that name {record.name!r} get the base itself, so the expert could not be reached. "
                "Choose another name."
            )
        record = self._check_embedder(self._check_base(record, made_for, force=force))
        fitted = conform(state, bank.layout, targets=bank.targets, rank=bank.rank, where=where)
        norms, effective = figures(fitted)
        rank = record.rank or max(pair.rank for pair in state.values())
        size = sum(n * n for n in norms.values()) ** 0.5
        metrics = {**record.metrics, "update_norm": _short(size), "effective_rank": _short(effective)}
        record = record.with_(rank=rank, metrics=metrics)
        if not self._make_room(record, fitted, replace=replace):
            return bank.get(record.name)
        if not force:
            check_norms(fitted, bank.norm_bounds(), where=where)
        self._widen_norms(norms)
        return self.add_raw(record, fitted)

    def add_raw(self, record: ExpertRecord, state: AdapterState) -> ExpertRecord:
        """Add an expert whose record and canonical factors are of this bank already, as they are."""
        stored = record.with_(blob=self.put_blob(encode_raw(state)), generation=self.generation)
        self.insert(stored, None)
        return stored

    def put_blob(self, data: bytes) -> str:
        """Store a blob durably; its digest. It goes again if the transaction fails."""
        self.database.expect(sha256_bytes(data))
        digest, new = self.bank.blobs.put(data, durable=self.sync_each)
        if new:
            self.new_blobs.append(digest)
        return digest

    def _widen_norms(self, norms: dict[str, float]) -> None:
        known: dict[str, float] = self.bank.metadata("norms") or {}
        wider = {path: _up(norm) for path, norm in norms.items() if norm > known.get(path, 0.0)}
        if wider:
            self._put("norms", {**known, **wider})

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

    def _make_room(self, record: ExpertRecord, state: AdapterState, *, replace: bool) -> bool:
        if record.name not in self.bank:
            return True
        if self._is_there(record, state):
            return False
        if not replace:
            raise BankError(
                f"expert {record.name}: the bank has another one of that name, and nothing was changed. "
                f"Choose another name, pass --replace, or run: genlora bank remove {record.name}"
            )
        self.remove(record.name)
        return True

    def _is_there(self, record: ExpertRecord, state: AdapterState) -> bool:
        # Up to rounding: threads and batches change last bits, and a resumed import must find what it has stored.
        try:
            known = self.bank.get(record.name)
            if _facts(known) != _facts(record) or known.embeddings.shape != record.embeddings.shape:
                return False
            near = float(abs(known.embeddings - record.embeddings).max()) < 2e-3
            return near and product_error(self.bank.state(record.name), state) < 1e-5
        except BankDamagedError:
            return False

    def insert(self, record: ExpertRecord, slot: int | None) -> None:
        """Write the rows of an expert whose blob is on disk already; `slot` is its place in a pack."""
        digest = row_digest(record, slot)
        text, rows = canonical_json(record.to_json()).decode(), encode_embeddings(record.embeddings)
        mean = mean_bytes(record)
        if self.vectors:
            self.vectors = with_vectors(self.vectors, [(record.name, mean)])
        self.row_bytes += len(text) + len(rows) + len(mean)
        self.database.insert(ExpertRow(record.name, record.generation, text, record.blob, slot, digest, rows, mean))
        self._note(f"add {record.name} {digest}")

    def remove(self, name: str) -> None:
        """Remove an expert; its blob goes after the commit, if nobody else uses it."""
        try:
            gone = mean_bytes(self.bank.get(name))
            self.vectors = without_vector(self.vectors, name, gone) if self.vectors else ""
        except BankDamagedError:
            self.vectors = ""
        blob = self.database.delete(name)
        if blob is None:
            raise UnknownExpertError(self.bank.unknown(name))
        self.loose_blobs.append(blob)
        self.removed = self.generation
        self._note(f"remove {name}")

    def describe(self, name: str, texts: Sequence[str], embedder: Embeds) -> ExpertRecord:
        """Add other ways to ask for an expert's task behind those it has; weights and name stay. Its new record.

        Texts that it has already are left out. Raises `UnknownExpertError`, and `BankError` for an embedder that is not
        the bank's and for the words of another expert: who asks in them would get either.
        """
        place = self.database.place(name)
        if place is None:
            raise UnknownExpertError(self.bank.unknown(name))
        record = self.bank.get(name)
        said = {_plain(d) for d in record.descriptions}
        new = list({_plain(t): t for t in reversed(texts) if _plain(t) not in said}.values())[::-1]
        if not new:
            return record
        vectors = embedder.embed(new, batch_size=1)
        for text, vector in zip(new, vectors, strict=True):
            for near in self.bank.search(vector, _LIKELY):
                if near.name != name and _plain(text) in map(_plain, self.bank.get(near.name).descriptions):
                    raise BankError(
                        f"expert {name}: {text[:60]!r} is a description of {near.name}. Say what tells them apart."
                    )
        changed = record.with_(
            descriptions=(*record.descriptions, *new),
            embeddings=np.concatenate([record.embeddings, vectors]),
            embedder=embedder.id,
            generation=self.generation,
        )
        self._check_embedder(changed)
        self.vectors = without_vector(self.vectors, name, mean_bytes(record)) if self.vectors else ""
        self.database.delete(name)
        self.insert(changed, place[1])
        self.removed = self.generation  # an index that only adds would keep the old vector
        return changed

    def embed_again(self, embedder: Embeds) -> int:
        """Make every expert's task vectors anew with another embedder; how many. Weights stay as they are."""
        changed, dim = 0, 0
        self.vectors = NOTHING  # each comes again below
        for name in sorted(self.database.names()):
            record = self.bank.get(name)
            place = self.database.place(name)
            assert place is not None
            vectors = embedder.embed(list(record.descriptions), batch_size=1)
            self.database.delete(name)
            self.insert(record.with_(embeddings=vectors, embedder=embedder.id, generation=self.generation), place[1])
            changed, dim = changed + 1, int(vectors.shape[1])
        known = self.bank.metadata("embedder") or {}
        if changed:
            self.removed = self.generation  # an index that only adds would keep the old vectors
            self._put("embedder", {**known, "id": embedder.id, "dim": dim})
        return changed

    def set_metadata(self, key: str, value: Any) -> None:
        """Keep a JSON value with the bank, e.g. the coverage calibration; None deletes it."""
        check_name(key, what="metadata key")
        self._put(key, value)

    def _put(self, key: str, value: Any) -> None:
        full = f"user:{key}"
        if value is None:
            self.database.drop_meta(full)
            self._note(f"unset {key}")
        else:
            self._note(f"set {key} {write_meta(self.database, full, value)}")

    def adopt(self, state: State) -> None:
        """End with another bank's state instead of a new one: for a copy, whose history is that bank's."""
        self.generation, self.revision = state.generation, state.revision
        self.removed, self.changed = state.removed, True

    def note(self, what: str) -> None:
        """Count something that was done to the bank's database as a change of the bank."""
        self._note(what)

    def finish(self) -> None:
        """Write the new generation, if anything changed. Called by the bank before COMMIT."""
        if self.new_blobs and not self.sync_each:
            self.bank.blobs.sync()
        if self.changed:
            state: dict[str, Any] = {"generation": self.generation, "revision": self.revision, "removed": self.removed}
            if vectors := self.vectors or self._counted():
                state["vectors"] = vectors
            write_meta(self.database, "state", state)

    def _counted(self) -> str:
        """The sum over all experts' vectors; empty where a row is damaged, so that readers look at each."""
        try:
            return with_vectors(NOTHING, ((n, mean_bytes(self.bank.get(n))) for n in self.database.names()))
        except BankDamagedError:
            return ""
