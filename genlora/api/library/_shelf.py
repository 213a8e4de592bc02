"""Adapters that clients made or brought: whose they are, what they are called, how long they stay, and where.

In memory their factors are 16 bit wide and share a budget; each owner has an equal part of it, so that nobody's
adapters make room for somebody else's. Equal weights are there once: the few-shot adapter and each expert answer many
descriptions, which differ in their prompts alone. With a folder all of them are on the disk too, and come back after a
restart.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from weakref import WeakValueDictionary

import torch

from genlora.adapter import AdapterFiles, AdapterState, BaseLayout, read_adapter
from genlora.engine import Adapter
from genlora.errors import ConfigError, GenloraError, ManifestError, OverloadError, QuotaError, UnknownModelError
from genlora.files import atomic_write, canonical_json, publish_folder, read_json, sha256_file, storage_errors
from genlora.generators import ExpectedAccuracy
from genlora.lru import Lru, Part
from genlora.tasks import BARE, PromptFormat

from .._adapter import GeneratedAdapter
from .._bundle import read_prompt
from .._receipt import Dtype

log = logging.getLogger(__name__)

PREFIX = "genlora:"
"""Begins the ids of adapters that clients made or brought; 16 hex digits of a digest follow."""
FORMAT = "genlora-kept-1"
_MARK = "genlora-kept.json"
_EVERYBODY = "everybody"
"""Stands for the owner where there are no keys."""
_BESIDE = 16 << 10
"""Bytes that an adapter's receipt and the like are taken to need beside its factors."""
_NARROW: Mapping[Dtype, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}
_LOST = 2e-3
"""Largest relative change of the factors by which float16 is still the better of the two."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """What is known of an adapter without its weights."""

    id: str
    kind: Literal["generated", "uploaded"]
    owner: str
    description: str | None
    fingerprint: str
    """Of the base it is for."""
    dtype: Dtype
    """Of its factors: float16 or bfloat16."""
    created: int
    """Seconds since 1970, as is `expires`."""
    expires: int | None = None
    name: str | None = None
    """What its owner calls it."""

    @property
    def expired(self) -> bool:
        return self.expires is not None and self.expires <= time.time()


@dataclass(frozen=True, eq=False)
class KeptAdapter:
    """An adapter that can be asked for by its id, with what its owner is told about it."""

    label: Label
    adapter: Adapter = field(repr=False)
    receipt: Mapping[str, Any] = field(repr=False)
    make_files: Callable[[], dict[str, bytes]] = field(repr=False)
    prompt: PromptFormat = BARE
    took_s: float = 0.0
    """How long making it took, in seconds; never part of the receipt."""
    source: GeneratedAdapter | None = field(default=None, repr=False)

    @property
    def generated(self) -> GeneratedAdapter:
        """What it is, as the generator gave it. Raises `UnknownModelError` for one that was brought, or read again."""
        if self.source is None:
            raise UnknownModelError(f"{self.id}: was not made since this server started. Make it again.")
        return self.source

    @property
    def id(self) -> str:
        return self.label.id

    @property
    def expected_accuracy(self) -> ExpectedAccuracy | None:
        """The share of inputs it is expected to answer right; None where nothing was measured."""
        told = self.receipt.get("expected_accuracy")
        return None if told is None else ExpectedAccuracy(**told)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before relying on it."""
        return tuple(self.receipt.get("warnings", ()))

    @property
    def weights(self) -> Part:
        """Its factors, in bytes of memory; other adapters may have the same."""
        pairs = self.adapter.state.values()
        return Part(self.adapter.key, sum(t.numel() * t.element_size() for p in pairs for t in (p.a, p.b)))

    @property
    def size(self) -> int:
        """Memory that it takes where no other has its weights, in bytes."""
        return _BESIDE + self.weights.size

    def files(self) -> dict[str, bytes]:
        """Every file of its folder by name; the same bytes each time."""
        return self.make_files()


def narrow(state: AdapterState) -> tuple[AdapterState, Dtype]:
    """The factors in 16 bit, scales folded in: float16, or bfloat16 where values are too small or large for that."""
    folded = state.folded()
    half = folded.to(torch.float16)
    for path, pair in folded.items():
        for wide, short in ((pair.a, half[path].a), (pair.b, half[path].b)):
            if not bool(short.isfinite().all()) or float((short.float() - wide).norm()) > _LOST * float(wide.norm()):
                return folded.to(torch.bfloat16), "bfloat16"
    return half, "float16"


class Shelf:
    """The adapters of one server. Thread-safe.

    Args:
        layout: of the base they are for; folders of others stay where they are and are not shown.
        most_bytes: memory for all adapters together.
        owners: how many there may be; each has an equal part of the memory.
        each: most adapters of one owner. Without a folder the least recently used one then goes, with one the next is
            refused.
        folder: where they are kept too. It is made, or has to be one that a shelf made. Raises `ConfigError`.
    """

    def __init__(
        self,
        layout: BaseLayout,
        *,
        most_bytes: int,
        owners: int = 1,
        each: int | None = None,
        folder: Path | None = None,
    ) -> None:
        self.layout, self.folder, self.each = layout, folder, each
        self.share = most_bytes // max(1, owners)
        self.dropped = 0
        """Adapters that were let go of for others."""
        self._labels: dict[str, dict[str, Label]] = {}
        self._memory: dict[str, Lru[str, KeptAdapter]] = {}
        self._weights: WeakValueDictionary[str, Adapter] = WeakValueDictionary()
        self._lock = threading.RLock()
        if folder is not None:
            self._read(folder)

    def __len__(self) -> int:
        with self._lock:
            return sum(len(labels) for labels in self._labels.values())

    @property
    def bytes(self) -> int:
        """Memory in use."""
        with self._lock:
            kept = [kept for memory in self._memory.values() for kept in memory.values()]
            return len(kept) * _BESIDE + sum(size for _, size in {one.weights for one in kept})

    def shared(self, sha256: str, make: Callable[[], AdapterState]) -> Adapter:
        """The adapter whose weights have this digest: that in memory, whosever it is, or what `make` gives."""
        with self._lock:
            key = f"weights:{sha256[:32]}"
            if (found := self._weights.get(key)) is None:
                found = self._weights[key] = Adapter(key, make())
            return found

    # ---- looking

    def labels(self, owner: str) -> list[Label]:
        """What an owner has, oldest first."""
        with self._lock:
            self._drop_expired(owner)
            return sorted(self._labels.get(owner, {}).values(), key=lambda label: label.created)

    def id_of(self, name: str, owner: str) -> str | None:
        """The id of what `owner` calls `name`, or of `name` itself; None where that is nothing."""
        with self._lock:
            self._drop_expired(owner)
            labels = self._labels.get(owner, {})
            if name in labels:
                return name
            return next((label.id for label in labels.values() if label.name == name), None)

    def get(self, name: str, owner: str) -> KeptAdapter | None:
        """An adapter by id or name. Raises `UnknownModelError` where its files on the disk are damaged."""
        with self._lock:
            found = self.id_of(name, owner)
            return None if found is None else self._loaded(found, owner, Lru.get)

    def lease(self, name: str, owner: str) -> KeptAdapter | None:
        """`get`, and in memory until `release`."""
        with self._lock:
            found = self.id_of(name, owner)
            return None if found is None else self._loaded(found, owner, Lru.lease)

    def release(self, id: str, owner: str) -> None:
        """Give one lease back."""
        self._of(owner).release(id)

    def _loaded(self, id: str, owner: str, take: Callable[[Lru[str, Any], str], Any]) -> KeptAdapter:
        memory = self._of(owner)
        if id not in memory:
            label = self._labels[owner][id]
            self._remember(self._from_disk(label))
        return take(memory, id)

    def _of(self, owner: str) -> Lru[str, KeptAdapter]:
        with self._lock:
            if owner not in self._memory:
                self._memory[owner] = Lru(self.share, on_evict=self._evicted)
            return self._memory[owner]

    def _evicted(self, id: str, kept: KeptAdapter) -> None:
        if self.folder is None:
            self.dropped += 1
            self._labels[kept.label.owner].pop(id, None)

    # ---- changing

    def put(self, kept: KeptAdapter) -> None:
        """Keep an adapter. Raises `QuotaError`, `ConfigError` for a name in use, `OverloadError`, `StorageError`."""
        label = kept.label
        with self._lock:
            self._drop_expired(label.owner)
            labels = self._labels.setdefault(label.owner, {})
            self._check_name(label)
            full = self.each is not None and label.id not in labels and len(labels) >= self.each
            if full and self.folder is not None:
                raise QuotaError(
                    f"{self.each} adapters are kept for this key, which is all it may have. Delete one first: DELETE "
                    "/v1/adapters/ID; GET /v1/adapters lists them."
                )
            if full and not self._of(label.owner).keep((self.each or 1) - 1):
                raise _in_use()
            self._remember(kept)
            if self.folder is not None:
                publish_folder(kept.files(), self._place(label), replace=_own_files)
                self._write(label)
            labels[label.id] = label

    def _remember(self, kept: KeptAdapter) -> None:
        if not self._of(kept.label.owner).put(kept.id, kept, _BESIDE, part=kept.weights):
            if kept.size > self.share:
                raise ConfigError(
                    f"the adapter takes {kept.size >> 10:,} KiB in memory, more than the {self.share >> 10:,} KiB "
                    "there are for one owner. Start the server with more, or use a lower rank."
                )
            raise _in_use()

    def change(self, id: str, owner: str, *, name: str | None, expires: int | None) -> Label:
        """Call an adapter otherwise, and keep it until another time. Raises `UnknownModelError`, `ConfigError`."""
        with self._lock:
            self._drop_expired(owner)
            if (label := self._labels.get(owner, {}).get(id)) is None:
                raise UnknownModelError(f"{id[:80]!r} is none of your adapters. GET /v1/adapters lists them.")
            label = replace(label, name=name, expires=expires)
            self._check_name(label)
            self._labels[owner][id] = label
            if (kept := self._of(owner).peek(id)) is not None:
                self._remember(replace(kept, label=label))
            if self.folder is not None:
                self._write(label)
        return label

    def delete(self, name: str, owner: str) -> str | None:
        """Forget an adapter, on the disk too; its id, or None where there is none. Whoever uses it goes on with it."""
        with self._lock:
            id = self.id_of(name, owner)
            if id is not None:
                self._forget(self._labels[owner][id])
            return id

    def _check_name(self, label: Label) -> None:
        for other in self._labels.get(label.owner, {}).values():
            if label.name is not None and other.name == label.name and other.id != label.id:
                raise ConfigError(
                    f"name: {label.name!r} is what {other.id} is called. Choose another, or delete that adapter."
                )

    def _drop_expired(self, owner: str) -> None:
        for label in [label for label in self._labels.get(owner, {}).values() if label.expired]:
            self._forget(label)

    def _forget(self, label: Label) -> None:
        self._labels[label.owner].pop(label.id, None)
        self._of(label.owner).drop(label.id)
        if self.folder is not None:
            place = self._place(label)
            with storage_errors(place):
                # The label first: without it the folder counts for nothing, also after a kill.
                place.with_suffix(".json").unlink(missing_ok=True)
            with suppress(OSError):  # without its label it is nothing, whatever is left of it
                for name in _own_files(place):
                    (place / name).unlink()
                place.rmdir()

    # ---- on the disk: OWNER/DIGITS/ is the adapter's folder, OWNER/DIGITS.json its label

    def _place(self, label: Label) -> Path:
        assert self.folder is not None
        return self.folder / (label.owner or _EVERYBODY) / label.id.removeprefix(PREFIX)

    def _write(self, label: Label) -> None:
        atomic_write(self._place(label).with_suffix(".json"), canonical_json({"format": FORMAT, **asdict(label)}))

    def _read(self, folder: Path) -> None:
        mark = folder / _MARK
        if not mark.is_file():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise ConfigError(
                    f"{folder}: holds something, but not adapters that a genlora server kept. Name an empty folder, or "
                    "one that does not exist yet."
                )
            with storage_errors(folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_write(mark, canonical_json({"format": FORMAT}))
        for path in sorted(folder.glob("*/*.json")):
            try:
                label = _label(read_json(path), where=str(path))
            except GenloraError as err:
                log.warning("%s: is left out: %s", path, err)
                continue
            if label.fingerprint != self.layout.fingerprint:
                log.warning("%s: is left out: it is for another base", path)
            elif self._place(label).with_suffix(".json") != path:
                log.warning("%s: is left out: it is not where its label belongs", path)
            else:
                self._labels.setdefault(label.owner, {})[label.id] = label

    def _from_disk(self, label: Label) -> KeptAdapter:
        place = self._place(label)
        try:
            with storage_errors(place):
                digest = sha256_file(place / AdapterFiles.WEIGHTS)
            adapter = self.shared(digest, lambda: self._read_state(label))
            receipt, prompt = read_json(place / AdapterFiles.RECEIPT), read_prompt(place)
        except GenloraError as err:
            log.error("%s: cannot be used: %s", label.id, err)
            raise UnknownModelError(
                f"{label.id}: its files on this server are damaged, its log says how. Delete it and make it again."
            ) from err

        def files() -> dict[str, bytes]:
            return {name: (place / name).read_bytes() for name in _own_files(place)}

        return KeptAdapter(label, adapter, receipt, files, prompt)

    def _read_state(self, label: Label) -> AdapterState:
        return _without_zeros(read_adapter(self._place(label), self.layout)).to(_NARROW[label.dtype])


def _in_use() -> OverloadError:
    return OverloadError("every adapter in memory is in use. Ask again in a few seconds.", retry_after=5)


def _own_files(place: Path) -> list[str]:
    """Names of the files in an adapter's folder that are a shelf's; others are never replaced nor removed."""
    return sorted(str(name) for name in AdapterFiles if (place / name).is_file())


def _without_zeros(state: AdapterState) -> AdapterState:
    """`state` without modules that change nothing, which a folder has beside the others to be portable."""
    return AdapterState({path: pair for path, pair in state.items() if bool(pair.b.any())}) or state


def _label(found: Any, *, where: str) -> Label:
    try:
        if found.pop("format") != FORMAT or found["dtype"] not in _NARROW or not found["id"].startswith(PREFIX):
            raise ValueError("not a label")
        return Label(**found)
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ManifestError(f"{where}: is not what a server wrote beside an adapter it kept ({err!r}).") from err
