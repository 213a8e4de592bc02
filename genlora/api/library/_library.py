"""Adapters by the names that clients use: the bank's experts, and those that clients made or brought.

A description is generated once for each owner, however often and by however many it is asked for.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch

from genlora.adapter import AdapterFiles
from genlora.bank import BASE_ALIAS
from genlora.base import LoadedBase, require_compatible, twin_of
from genlora.descriptions import check_description
from genlora.engine import Adapter
from genlora.errors import ConfigError, PolicyError, UnknownModelError, UnsafeNameError
from genlora.files import check_name
from genlora.mixture import Mixture
from genlora.policy import gate
from genlora.tasks import BARE, Example, PromptFormat

from .._accuracy import check_accuracy
from .._genlora import GenLora
from ._jobs import GenerateJob, GenerateQueue
from ._requests import GenerateRequest, checked_request
from ._shelf import PREFIX, KeptAdapter, Label, Shelf
from ._tickets import Tickets
from ._uploads import read_upload

log = logging.getLogger(__name__)

MIXTURE_PREFIX = "mixture:"


@dataclass(frozen=True)
class Model:
    """One name that clients may ask for."""

    id: str
    kind: str
    """base, expert, mixture, generated or uploaded."""
    description: str = ""
    name: str = ""
    """What its owner calls it."""


class Library:
    """The adapters of one server. Thread-safe.

    Owners are told apart by a text, the empty one where there is one for all: each sees the bank's experts and his own
    adapters, and nothing of the others'.

    Args:
        lora: makes the adapters; its bank's experts can be named too.
        base: reads examples, in modules of its own, so an engine may answer with it meanwhile; without one, `create`
            takes descriptions only. Raises `BaseMismatchError` if it is not the bank's.
        quick: generate without the same-task test: a server with many callers; the demo asks the base first.
        adapter_bytes: memory for the adapters of all owners together; the least recently used go first, those in use
            never.
        running: how many are generated at the same time.
        waiting: how many generations may wait; what comes on top is refused at once.
        mixtures: served by their keys, `mixture:<digest>`. Raises `BaseMismatchError` for one of another base.
        keep: a folder in which adapters outlive the server. Raises `ConfigError` for one that holds something else.
        owners: how many there may be.
        each: most adapters of one owner.
    """

    def __init__(
        self,
        lora: GenLora,
        *,
        base: LoadedBase | None = None,
        quick: bool = True,
        adapter_bytes: int = 256 << 20,
        running: int = 2,
        waiting: int = 32,
        mixtures: Sequence[Mixture] = (),
        keep: Path | None = None,
        owners: int = 1,
        each: int | None = None,
    ) -> None:
        limits = {"adapter_bytes": (adapter_bytes, 1), "running": (running, 1), "waiting": (waiting, 0)}
        for name, (value, least) in {**limits, "each": (1 if each is None else each, 1)}.items():
            if value < least:
                raise ConfigError(f"{name} must be {least} or more, got {value}. Choose a larger number.")
        if base is not None:
            require_compatible(lora.bank.fingerprint, base.fingerprint, what="the bank")
        for mixture in mixtures:
            require_compatible(mixture.base, lora.bank.fingerprint, what=mixture.key)
        self.mixtures = {m.key: m for m in mixtures}
        self.lora = lora
        for name in {BASE_ALIAS, lora.bank.layout.name}:
            if name in lora.bank:  # of a bank from before such names were refused
                log.warning("expert %r cannot be asked for: the base has that name. Import it under another", name)
        self.quick = quick
        # Adapters are fitted in modules of its own: the engine answers with the base's meanwhile.
        self._base = None if base is None else twin_of(base)
        self.shelf = Shelf(lora.bank.layout, most_bytes=adapter_bytes, owners=owners, each=each, folder=keep)
        self.queue = GenerateQueue(self._make, running=running, waiting=waiting, owners=owners)
        self.tickets = Tickets(self.queue)
        self._experts: tuple[str, tuple[Model, ...]] | None = None
        self._made = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let running generations end, refuse the waiting ones and all new ones."""
        self.queue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- by name

    @property
    def base_name(self) -> str:
        """The base's own name, beside the alias `base`."""
        return self.lora.bank.layout.name

    def find(self, name: str, owner: str = "") -> Adapter | Mixture | None:
        """The adapter called `name`; None for the bare base.

        Names are `base` or the base's own, an expert of the bank, `genlora:<digest>` from `create`, what the owner
        calls one of his, or `mixture:<digest>` of a mixture given at the start. Raises `UnknownModelError` for anything
        else.
        """
        if name in (BASE_ALIAS, self.base_name):
            return None
        if name in self.mixtures:
            return self.mixtures[name]
        if not name.startswith(PREFIX) and self._is_expert(name):
            bank = self.lora.bank
            # The blob and slot would do, but the record's digest also changes when a name is given to other weights.
            return Adapter(f"expert:{name}:{bank.get(name).digest[:16]}", bank.state(name))
        return self.get(name, owner).adapter

    def _is_expert(self, name: str) -> bool:
        try:
            return check_name(name) in self.lora.bank
        except UnsafeNameError:
            return False

    def is_own(self, name: str, owner: str) -> bool:
        """Whether `name` is what an owner calls one of his adapters."""
        shared = name in (BASE_ALIAS, self.base_name) or name in self.mixtures or self._is_expert(name)
        return not shared and self.shelf.id_of(name, owner) is not None

    def id_of(self, name: str, owner: str = "") -> str:
        """`name`, or the id of the adapter that its owner calls so."""
        return (self.shelf.id_of(name, owner) or name) if self.is_own(name, owner) else name

    def get(self, name: str, owner: str = "") -> KeptAdapter:
        """An adapter that its owner made or brought. Raises `UnknownModelError`."""
        found = self.shelf.get(name, owner)
        if found is None:
            raise self._unknown(name)
        return found

    def prompt(self, name: str, owner: str = "") -> PromptFormat:
        """How the model called `name` is to be asked: as its bundle says, if it has one; else bare."""
        if name.startswith(PREFIX) or self.is_own(name, owner):
            return self.get(name, owner).prompt
        return BARE

    @contextmanager
    def lease(self, name: str, owner: str = "") -> Iterator[Adapter | Mixture | None]:
        """`find`, and inside the block the adapter is not let go of."""
        if not name.startswith(PREFIX) and not self.is_own(name, owner):
            yield self.find(name, owner)
            return
        found = self.shelf.lease(name, owner)
        if found is None:
            raise self._unknown(name)
        try:
            yield found.adapter
        finally:
            self.shelf.release(found.id, owner)

    def _unknown(self, name: str) -> UnknownModelError:
        if name.startswith(PREFIX):
            return UnknownModelError(
                f"{name[:80]!r} is none of your adapters: it was never made here, its time is over, or others have "
                "been used since. Make it (again) with POST /v1/adapters; the same description gets the same id."
            )
        import difflib

        near = difflib.get_close_matches(name[:80], self.lora.bank.names(), n=3)
        hint = f"did you mean {', '.join(near)}? Otherwise " if near else ""
        return UnknownModelError(
            f"{name[:80]!r} is no model here; {hint}expected {BASE_ALIAS}, an expert of the bank (GET /v1/models lists "
            f"them), or an id {PREFIX}... or a name of yours that POST /v1/adapters gave out."
        )

    def models(self, owner: str = "") -> list[Model]:
        """Every name there is for an owner: the base, the bank's experts, mixtures, then his own, oldest first."""
        revision = self.lora.bank.revision
        with self._lock:
            if self._experts is None or self._experts[0] != revision:
                found = tuple(Model(r.name, "expert", r.description) for r in self.lora.bank.records())
                self._experts = (revision, found)
            out = [Model(BASE_ALIAS, "base"), Model(self.base_name, "base"), *self._experts[1]]
        out += [Model(key, "mixture", f"a mixture of {', '.join(m.names)}") for key, m in self.mixtures.items()]
        labels = self.shelf.labels(owner)
        return out + [Model(label.id, label.kind, label.description or "", label.name or "") for label in labels]

    # ---- what owners have

    def labels(self, owner: str = "") -> list[Label]:
        """What an owner made or brought, oldest first."""
        return self.shelf.labels(owner)

    def check_free(self, name: str | None, owner: str = "", id: str | None = None) -> None:
        """Raise `ConfigError` if `name` cannot be what an owner calls an adapter, or is another's than that of `id`."""
        if name is None:
            return
        try:
            check_name(name)
        except UnsafeNameError as err:
            raise ConfigError(f"name: {err}") from err
        if name in (BASE_ALIAS, self.base_name) or name in self.mixtures or self._is_expert(name):
            raise ConfigError(f"name: {name!r} is a model of this server already. Choose another.")
        if self.shelf.id_of(name, owner) not in (None, id):
            raise ConfigError(f"name: {name!r} is another adapter of yours. Choose another name, or delete that one.")

    def change(self, id: str, owner: str = "", *, name: str | None, expires: int | None) -> Label:
        """Call an adapter otherwise, and keep it until another time. Raises `UnknownModelError`, `ConfigError`."""
        self.check_free(name, owner, id)
        return self.shelf.change(id, owner, name=name, expires=expires)

    def delete(self, name: str, owner: str = "") -> str:
        """Forget an adapter of an owner's; its id. Raises `UnknownModelError`, also for what is the server's own."""
        found = self.shelf.delete(name, owner) if name.startswith(PREFIX) or self.is_own(name, owner) else None
        if found is None:
            raise UnknownModelError(f"{name[:80]!r} is none of your adapters. GET /v1/adapters lists them.")
        return found

    def bring(
        self,
        files: Mapping[str, bytes],
        *,
        owner: str = "",
        name: str | None = None,
        description: str | None = None,
        expires: int | None = None,
    ) -> KeptAdapter:
        """Keep a PEFT adapter that a client made, under the same conditions as one that is imported into a bank.

        Raises what `read_upload` raises, and `PolicyError` or `DescriptionError` for its description.
        """
        text = None if description is None else check_description(description)
        if text is not None:
            gate().check(text)
        found = read_upload(files, self.lora.bank.layout)
        adapter = self.shelf.shared(found.weights, lambda: found.state)
        self.check_free(name, owner, found.id)
        label = self._label(found.id, "uploaded", owner, text, found.dtype, name=name, expires=expires)
        self.shelf.put(kept := KeptAdapter(label, adapter, found.receipt, replace(found, state=adapter.state).files))
        return kept

    def _label(self, id: str, kind: Any, owner: str, description: str | None, dtype: Any, **more: Any) -> Label:
        return Label(
            id=id,
            kind=kind,
            owner=owner,
            description=description,
            fingerprint=self.lora.bank.layout.fingerprint,
            dtype=dtype,
            created=int(time.time()),
            **more,
        )

    # ---- making

    def request(
        self,
        description: str | None = None,
        *,
        examples: Sequence[Example] = (),
        generator: str | None = None,
        seed: int = 0,
        shots: Sequence[tuple[str, str]] = (),
        inputs: Sequence[str] | None = None,
        min_accuracy: float | None = None,
    ) -> GenerateRequest:
        """`checked_request`, for this library's bank."""
        reads = self._base is not None
        return checked_request(
            self.lora, description, tuple(examples), generator, seed, shots, inputs, min_accuracy, reads_examples=reads
        )

    def create(
        self,
        description: str | None = None,
        *,
        examples: Sequence[Example] = (),
        generator: str | None = None,
        seed: int = 0,
        shots: Sequence[tuple[str, str]] = (),
        inputs: Sequence[str] | None = None,
        min_accuracy: float | None = None,
        owner: str = "",
    ) -> KeptAdapter:
        """The adapter for a description or examples; made if it is not there yet. Blocks.

        Raises what `request` and `GenLora.generate` raise, and `OverloadError` where too many wait already.
        """
        wanted = self.request(
            description,
            examples=examples,
            generator=generator,
            seed=seed,
            shots=shots,
            inputs=inputs,
            min_accuracy=min_accuracy,
        )
        found = self.start(GenerateJob(wanted, owner))
        return found if isinstance(found, KeptAdapter) else found.future.result()

    def start(self, job: GenerateJob) -> KeptAdapter | GenerateJob:
        """The adapter if it is there, else the job that makes it: one job, however many of its owner ask. Never blocks.

        Raises `OverloadError` where too many generations wait already. Whoever loses interest calls `leave`.
        """
        if (made := self.shelf.get(job.id, job.owner)) is not None:
            check_accuracy(made.receipt, job.request.min_accuracy)
            return made
        return self.queue.start(job)

    def leave(self, job: GenerateJob) -> None:
        """One caller no longer waits. A job that nobody waits for is not begun."""
        self.queue.leave(job)

    def _make(self, job: GenerateJob) -> KeptAdapter:
        """For the queue: one adapter, kept."""
        asked = job.request
        if (found := self.shelf.get(job.id, job.owner)) is not None:
            check_accuracy(found.receipt, asked.min_accuracy)
            return found
        began = time.perf_counter()
        options: dict[str, Any] = {
            "seed": asked.seed,
            "shots": asked.shots,
            "inputs": asked.inputs or None,
            "min_accuracy": asked.min_accuracy,
            "dtype": "float16",
            "progress": lambda what, done, total: job.tick(what, done / max(1, total)),
        }
        if asked.examples:
            kind = None if asked.fitted else asked.generator
            options |= {"examples": asked.examples, "base": self._base, "generator": kind}
        else:
            options |= {"generator": asked.generator, "quick": self.quick}
        made = self.lora.generate(asked.description, **options)
        receipt = made.receipt()
        # As its files hold it, and without what was serialised for the receipt, which would double the memory.
        adapter = self.shelf.shared(
            receipt["files"][AdapterFiles.WEIGHTS], lambda: made.state.folded().to(torch.float16)
        )
        kept = replace(made, generated=replace(made.generated, adapter=adapter.state))
        named = {"name": job.name, "expires": job.expires}
        label = self._label(asked.id, "generated", job.owner, asked.description, "float16", **named)
        took = time.perf_counter() - began
        result = KeptAdapter(label, adapter, receipt, lambda: replace(kept).files(), made.prompt, took, kept)
        job.tick("keeping", 1.0)
        self.shelf.put(result)
        with self._lock:
            self._made += 1
        log.info("%s: made by %s in %.0f ms", result.id, asked.generator, took * 1e3)
        return result

    def warm(self) -> None:
        """Load what the first request would otherwise wait for: the embedder and the generator."""
        for name in self.lora.bank.names()[:1]:
            with suppress(PolicyError):  # another bank's description may be stopped: then less is warm, no harm done
                self.lora.generate(self.lora.bank.get(name).description, quick=self.quick)

    def stats(self) -> dict[str, int]:
        """Adapters kept and their memory, generations running and waiting, and how many were made and let go of."""
        shelf = {"adapters": len(self.shelf), "bytes": self.shelf.bytes, "evictions": self.shelf.dropped}
        return {**shelf, "created": self._made, **self.queue.stats()}
