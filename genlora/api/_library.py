"""Adapters by the names that clients use: the bank's experts, and adapters generated from descriptions or examples.

Everything stays in memory. A description is generated once, however often and by however many it is asked for.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch

from genlora.bank import BASE_ALIAS
from genlora.base import LoadedBase, require_compatible
from genlora.descriptions import check_description
from genlora.engine import Adapter
from genlora.errors import ConfigError, EngineError, OverloadError, PolicyError, UnknownModelError, UnsafeNameError
from genlora.files import canonical_json, check_name, sha256_bytes
from genlora.generators import GENERATORS, ExpectedAccuracy
from genlora.lru import Lru
from genlora.mixture import Mixture
from genlora.tasks import BARE, Example, PromptFormat
from genlora.versions import versions

from ._adapter import GeneratedAdapter
from ._bundle import shots_of
from ._genlora import GenLora
from ._refine import read_labelled

log = logging.getLogger(__name__)

PREFIX = "genlora:"
MIXTURE_PREFIX = "mixture:"
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, eq=False)
class GenerateResult:
    """An adapter that was made on request, with what the client is told about it."""

    id: str
    """`genlora:` and the first 16 hex digits of the request's digest."""
    receipt: Mapping[str, Any]
    generated: GeneratedAdapter = field(repr=False)
    adapter: Adapter = field(repr=False)
    took_s: float
    """How long making it took, in seconds; never part of the receipt."""

    @property
    def expected_accuracy(self) -> ExpectedAccuracy | None:
        """The share of inputs it is expected to answer right."""
        return self.generated.expected_accuracy

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.generated.warnings


@dataclass(frozen=True)
class Model:
    """One name that clients may ask for."""

    id: str
    kind: str
    """base, expert, mixture or generated."""
    description: str = ""


@dataclass(frozen=True)
class GenerateRequest:
    """What an adapter is to be made from, checked and in normal form; its digest names the adapter."""

    description: str | None
    examples: tuple[Example, ...]
    generator: str
    seed: int
    digest: str
    shots: tuple[tuple[str, str], ...] = ()
    """(input, answer) pairs that stand in its prompt."""

    @property
    def id(self) -> str:
        return PREFIX + self.digest[:16]


@dataclass(eq=False)
class GenerateJob:
    """A generation under way, and how many wait for it."""

    id: str
    future: "Future[GenerateResult]"
    callers: int = 1


class Library:
    """The adapters of one server. Thread-safe.

    Args:
        lora: makes the adapters; its bank's experts can be named too.
        base: reads examples; without one, `create` takes descriptions only. Raises `BaseMismatchError` if it is not
            the bank's.
        quick: generate without the same-task test: a server with many callers; the demo asks the base first.
        max_adapters: how many generated adapters are kept; the least recently used go first, those in use never.
        running: how many are generated at the same time.
        waiting: how many generations may wait; what comes on top is refused at once.
        mixtures: served by their keys, `mixture:<digest>`. Raises `BaseMismatchError` for one of another base.
    """

    def __init__(
        self,
        lora: GenLora,
        *,
        base: LoadedBase | None = None,
        quick: bool = True,
        max_adapters: int = 1024,
        running: int = 2,
        waiting: int = 32,
        mixtures: Sequence[Mixture] = (),
    ) -> None:
        for name, value, least in (("max_adapters", max_adapters, 1), ("running", running, 1), ("waiting", waiting, 0)):
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
        self.limits = (running, waiting)
        self._base = base
        self.quick = quick
        self._made: Lru[str, GenerateResult] = Lru(max_adapters)
        self._jobs: dict[str, GenerateJob] = {}
        self._lock = threading.RLock()  # cancelling a job calls `_forget` in the same thread
        self._pool = _single_threaded_pool(running)
        self._experts: tuple[str, tuple[Model, ...]] | None = None
        self._closed = False
        self._running = 0
        self.most_running = 0
        """The most generations that ever ran at the same time."""
        self.created = 0
        self._mean_s = 0.5

    def close(self) -> None:
        """Let running generations end, refuse the waiting ones and all new ones."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- by name

    @property
    def base_name(self) -> str:
        """The base's own name, beside the alias `base`."""
        return self.lora.bank.layout.name

    def find(self, name: str) -> Adapter | Mixture | None:
        """The adapter called `name`; None for the bare base.

        Names are `base` or the base's own, an expert of the bank, `genlora:<digest>` from `create`, or
        `mixture:<digest>` of a mixture given at the start. Raises `UnknownModelError` for anything else.
        """
        if name in (BASE_ALIAS, self.base_name):
            return None
        if name in self.mixtures:
            return self.mixtures[name]
        if name.startswith(PREFIX):
            return self.get(name).adapter
        bank = self.lora.bank
        try:
            known = check_name(name) in bank
        except UnsafeNameError:
            known = False
        if not known:
            raise UnknownModelError(f"{name[:80]!r} {self._choices(name)}")
        # The blob and slot would do, but the record's digest also changes when a name is given to other weights.
        return Adapter(f"expert:{name}:{bank.get(name).digest[:16]}", bank.state(name))

    def get(self, name: str) -> GenerateResult:
        """A generated adapter that is in memory. Raises `UnknownModelError`."""
        found = self._made.get(name)
        if found is None:
            raise self._gone(name)
        return found

    def prompt(self, name: str) -> PromptFormat:
        """How the model called `name` is to be asked: as its bundle says, if it was generated here; else bare."""
        return self.get(name).generated.prompt if name.startswith(PREFIX) else BARE

    @contextmanager
    def lease(self, name: str) -> Iterator[Adapter | Mixture | None]:
        """`find`, and inside the block the adapter is not let go of."""
        if not name.startswith(PREFIX):
            yield self.find(name)
            return
        found = self._made.lease(name)
        if found is None:
            raise self._gone(name)
        try:
            yield found.adapter
        finally:
            self._made.release(name)

    def _gone(self, name: str) -> UnknownModelError:
        return UnknownModelError(
            f"{name[:80]!r} is not in memory: it was never made here, or {self._made.limit:,} others have been used "
            "since. Make it (again) with POST /v1/adapters; the same description gets the same id."
        )

    def _choices(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name[:80], self.lora.bank.names(), n=3)
        hint = f"did you mean {', '.join(near)}? Otherwise " if near else ""
        return (
            f"is no model here; {hint}expected {BASE_ALIAS}, an expert of the bank (GET /v1/models lists them), or an "
            f"id {PREFIX}... that POST /v1/adapters gave out."
        )

    def models(self) -> list[Model]:
        """Every name there is: the base, the bank's experts, then generated adapters, least recently used first."""
        revision = self.lora.bank.revision
        if self._experts is None or self._experts[0] != revision:
            found = tuple(Model(r.name, "expert", r.description) for r in self.lora.bank.records())
            self._experts = (revision, found)
        out = [Model(BASE_ALIAS, "base"), Model(self.base_name, "base"), *self._experts[1]]
        out += [Model(key, "mixture", f"a mixture of {', '.join(m.names)}") for key, m in self.mixtures.items()]
        for name in self._made.keys():
            made = self._made.get(name)
            if made is not None:
                out.append(Model(name, "generated", made.generated.description or ""))
        return out

    # ---- making

    def request(
        self,
        description: str | None = None,
        *,
        examples: Sequence[Example] = (),
        generator: str | None = None,
        seed: int = 0,
        shots: Sequence[tuple[str, str]] = (),
    ) -> GenerateRequest:
        """Check a request and name it. Raises `DescriptionError`, `TaskError` or `ConfigError`."""
        shots = shots_of(shots)
        if (description is None) == (not examples):
            raise ConfigError("give either a description or examples of the task, and not both.")
        kind = generator or ("cvae" if examples else self.lora.generator)
        if kind not in GENERATORS:
            raise ConfigError(f"no generator is called {kind[:40]!r}; choose one of {', '.join(sorted(GENERATORS))}.")
        if examples and kind != "cvae":
            raise ConfigError(f"only the generator cvae starts from examples, not {kind}. Leave generator out.")
        if examples and self._base is None:
            raise ConfigError("this server does not read examples. Give a description.")
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seed must be between 0 and {MAX_SEED}, got {str(seed)[:40]}. Choose another.")
        text = None if description is None else check_description(description)
        asked = {
            "description": text,
            "examples": read_labelled(examples).sha256 if examples else None,
            "generator": kind,
            "seed": seed,
            "bank": self.lora.bank.revision,
            "versions": versions(),
            **({"shots": [list(shot) for shot in shots]} if shots else {}),
        }
        return GenerateRequest(text, tuple(examples), kind, seed, sha256_bytes(canonical_json(asked)), shots)

    def create(
        self,
        description: str | None = None,
        *,
        examples: Sequence[Example] = (),
        generator: str | None = None,
        seed: int = 0,
        shots: Sequence[tuple[str, str]] = (),
    ) -> GenerateResult:
        """The adapter for a description or examples; made if it is not there yet. Blocks.

        Raises what `request` and `GenLora.generate` raise, and `OverloadError` where too many wait already.
        """
        found = self.start(self.request(description, examples=examples, generator=generator, seed=seed, shots=shots))
        return found if isinstance(found, GenerateResult) else found.future.result()

    def start(self, request: GenerateRequest) -> GenerateResult | GenerateJob:
        """The adapter if it is there, else the job that makes it: one job, however many ask. Never blocks.

        Raises `OverloadError` where `waiting` generations wait already. Whoever loses interest calls `leave`.
        """
        with self._lock:
            if (made := self._made.get(request.id)) is not None:
                return made
            if self._closed:
                raise EngineError("this server is shutting down and makes no more adapters. Ask another one.")
            if (job := self._jobs.get(request.id)) is not None:
                job.callers += 1
                return job
            running, waiting = self.limits
            if len(self._jobs) >= running + waiting:
                soon = max(1.0, self._mean_s * len(self._jobs) / running)
                raise OverloadError(
                    f"{waiting} adapters are waiting to be generated already. Ask again in {soon:.0f} s.",
                    retry_after=soon,
                )
            job = GenerateJob(request.id, self._pool.submit(self._make, request))
            self._jobs[request.id] = job
        job.future.add_done_callback(lambda _: self._forget(job))
        return job

    def leave(self, job: GenerateJob) -> None:
        """One caller no longer waits. A job that nobody waits for is not begun."""
        with self._lock:
            job.callers -= 1
            if job.callers <= 0:
                job.future.cancel()  # does nothing once it runs; its adapter is then kept for whoever asks next

    def _forget(self, job: GenerateJob) -> None:
        with self._lock:
            if self._jobs.get(job.id) is job:
                del self._jobs[job.id]

    def _make(self, request: GenerateRequest) -> GenerateResult:
        with self._lock:
            self._running += 1
            self.most_running = max(self.most_running, self._running)
        began = time.perf_counter()
        try:
            made = self._generate(request)
            took = time.perf_counter() - began
        finally:
            with self._lock:
                self._running -= 1
        # What was serialised for the receipt's digests is not kept: it would double the memory.
        result = GenerateResult(request.id, made.receipt(), replace(made), Adapter(request.id, made.state), took)
        if not self._made.put(request.id, result):
            raise OverloadError("every adapter in memory is in use. Ask again in a few seconds.", retry_after=5)
        with self._lock:
            self.created += 1
            self._mean_s += 0.2 * (took - self._mean_s)
        log.info("%s: made by %s in %.0f ms", result.id, request.generator, took * 1e3)
        return result

    def _generate(self, request: GenerateRequest) -> GeneratedAdapter:
        options: dict[str, Any] = {"seed": request.seed, "shots": request.shots}
        if request.examples:
            return self.lora.generate(examples=request.examples, base=self._base, **options)
        return self.lora.generate(request.description, generator=request.generator, quick=self.quick, **options)

    def warm(self) -> None:
        """Load what the first request would otherwise wait for: the embedder and the generator."""
        for name in self.lora.bank.names()[:1]:
            with suppress(PolicyError):  # another bank's description may be stopped: then less is warm, no harm done
                self.lora.generate(self.lora.bank.get(name).description, quick=self.quick)

    def stats(self) -> dict[str, int]:
        """Adapters kept, generations running and waiting, and how many were made and let go of since the start."""
        with self._lock:
            running = min(len(self._jobs), self.limits[0])
            return {
                "adapters": len(self._made),
                "running": running,
                "waiting": len(self._jobs) - running,
                "created": self.created,
                "evictions": self._made.evictions,
            }


def _single_threaded_pool(threads: int) -> ThreadPoolExecutor:
    """Threads in which torch runs on one core each, as generators want it; other threads keep their number.

    Generators would set and reset the number for every request, and a thread that first uses torch in between, such as
    the engine's, would be left with one core for good.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="genlora-generate")
    before, all_set = torch.get_num_threads(), threading.Barrier(threads + 1)

    def settle() -> None:
        torch.get_num_threads()  # a thread's first question gives it the common number, and would undo what comes next
        torch.set_num_threads(1)
        all_set.wait()

    for _ in range(threads):
        pool.submit(settle)
    all_set.wait()
    torch.set_num_threads(before)  # what threads that start later take
    return pool
