"""Running an evaluation: every method answers every task with each of its descriptions and seeds, stored at once."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from genlora.adapter import AdapterState, attached
from genlora.base import LoadedBase
from genlora.errors import GenloraError, ManifestError
from genlora.tasks import BARE, AnswerForm, Example, PromptFormat, Task, sample

from ._answers import Answered, answer_as_is, forced_score, held_out, majority
from ._methods import NEEDED, SHOTS, Method, Variant, paraphrases, variants
from ._statistics import paired_difference
from ._store import Prediction, RunStore, UnitResult, unit_key

log = logging.getLogger(__name__)

PROTOCOL = 2
"""Raised when prompts or selection change, so that answers of before are not taken for those of now."""
HINDSIGHT_EXPERTS = 50
HINDSIGHT_EXAMPLES = 30
FORCED_SPEED = 4
"""How many times as fast an answer is rated by forcing as it is written; for the time left alone."""


@dataclass(frozen=True)
class AdapterUnderTest:
    """An adapter to be measured, and what is known of it."""

    state: AdapterState | None
    """None where the adapter is no plain LoRA (Arrow)."""
    about: dict[str, Any]
    identity: str
    """Digest of its weights."""
    prompt: PromptFormat = BARE
    """How its bundle asks it."""


class AdapterSource(Protocol):
    """Where adapters come from. Raises `GenloraError` for what cannot be made."""

    def available(self, method: Method) -> str:
        """Why `method` cannot be run at all, or ''."""
        ...

    def make(self, method: Method, task: Task, variant: Variant) -> AdapterUnderTest: ...

    def candidates(self, task: Task, description: str, n: int) -> Sequence[tuple[str, AdapterState]]:
        """The n experts nearest to a description, nearest first."""
        ...

    def routed(self, base: LoadedBase) -> AbstractContextManager[None]:
        """All experts on the base, routed by Arrow."""
        ...


@dataclass(frozen=True)
class EvaluationTick:
    """What a progress display needs, once per unit."""

    done: float
    total: float
    """Work, in prompts asked; what was found in the run folder is left out of both."""
    what: str
    eta_s: float


@dataclass
class Evaluated:
    """All results of a run."""

    results: list[UnitResult] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    """Tasks that count: their own expert beats the base."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Tasks that do not count, and why."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Methods that could not be run, and why."""
    majority: dict[str, float] = field(default_factory=dict)
    """Strict score of the training split's most frequent answer, by task."""
    asked: int = 0
    """Prompts answered by this call; the rest was in the run folder, or asked of the very same adapter before."""
    seconds: float = 0.0


@dataclass(frozen=True)
class TaskResults:
    """What the methods gave on one task."""

    task: Task
    first: tuple[UnitResult, ...] = ()
    """Of the base and the task's own expert."""
    others: tuple[UnitResult, ...] = ()
    left_out: str = ""
    """Why the task does not count; '' where it does."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """{what: why it could not be run on this task}."""
    asked: int = 0

    def to_json(self) -> dict[str, Any]:
        """Everything but the answers, which are in the run folder."""
        units = {k: [[u.method, u.variant] for u in getattr(self, k)] for k in ("first", "others")}
        return {**units, "left_out": self.left_out, "skipped": dict(self.skipped), "asked": self.asked}

    @classmethod
    def from_json(cls, task: Task, told: Mapping[str, Any], store: RunStore) -> "TaskResults":
        """The inverse, with the answers out of the run folder. Raises `ManifestError` where they are gone."""

        def units(which: str) -> tuple[UnitResult, ...]:
            return tuple(_stored(store, method, task.name, variant) for method, variant in told[which])

        return cls(task, units("first"), units("others"), told["left_out"], told["skipped"], told["asked"])


def _stored(store: RunStore, method: str, task: str, variant: str) -> UnitResult:
    found = store.load(method, task, variant)
    if found is None:
        raise ManifestError(f"{store.path(method, task, variant)}: was written and cannot be read. Begin again.")
    return found


def gathered(found: Iterable[TaskResults], *, examples: int) -> Evaluated:
    """What all tasks gave: first base and own expert of each, then the other methods."""
    began, out, others = time.perf_counter(), Evaluated(), list[UnitResult]()
    for one in found:
        out.skipped.update(one.skipped)
        out.asked += one.asked
        if one.left_out:
            out.left_out[one.task.name] = one.left_out
            continue
        out.tasks.append(one.task)
        out.results.extend(one.first)
        others.extend(one.others)
        out.majority[one.task.name] = majority(one.task, held_out(one.task, examples)).strict_mean
    out.results.extend(others)
    out.seconds = time.perf_counter() - began
    return out


def usable_methods(maker: AdapterSource, methods: Sequence[Method]) -> tuple[list[Method], dict[str, str]]:
    """The methods that can be run, and why the others cannot."""
    usable, skipped = [], {}
    for method in methods:
        if why := maker.available(method):
            skipped[method.name] = why
            log.warning("method %s is left out: %s", method.name, why)
        else:
            usable.append(method)
    return usable, skipped


class Evaluation:
    """One run: `task()` does what is missing of a task in the store and returns everything."""

    def __init__(
        self,
        base: LoadedBase,
        maker: AdapterSource,
        store: RunStore,
        methods: Sequence[Method],
        *,
        tasks: Sequence[Task] = (),
        examples: int = 60,
        on_tick: Callable[[EvaluationTick], None] | None = None,
    ) -> None:
        """`methods` can all be run (`usable_methods`); `tasks` are those to come, for the time left."""
        self.base = base
        self.maker = maker
        self.store = store
        self.examples = examples
        self.on_tick = on_tick
        self._needed = [m for m in methods if m.name in NEEDED]
        self._others = [m for m in methods if m.name not in NEEDED]
        self._began = time.perf_counter()
        self._done = 0.0
        self._total = sum(self._cost(m, t) for t in tasks for m in methods)
        self._asked = 0
        self._said: dict[str, tuple[Prediction, ...]] = {}

    def task(self, task: Task) -> TaskResults:
        """Answer everything of a task: base and own expert, then, where it counts, with the other methods."""
        self._said.clear()
        before = self._asked
        first, why = self._first(task)
        if why:
            self._total -= sum(self._cost(m, task) for m in self._others)
            return TaskResults(task, left_out=why, asked=self._asked - before)
        others: list[UnitResult] = []
        skipped = {}
        for method in self._others:
            try:
                others.extend(self._unit(method, task, v) for v in variants(method, task))
            except GenloraError as err:
                skipped[f"{method.name} on {task.name}"] = str(err)
                log.warning("%s on %s: %s", method.name, task.name, err)
        return TaskResults(task, tuple(first), tuple(others), skipped=skipped, asked=self._asked - before)

    def _first(self, task: Task) -> tuple[list[UnitResult], str]:
        """Results of base and own expert, and why the task does not count, or ''."""
        try:
            found = {m.name: self._unit(m, task, Variant("one")) for m in self._needed}
        except GenloraError as err:
            return [], str(err)
        if "own" not in found:
            return list(found.values()), ""
        ours, theirs = ([p.strict for p in found[n].predictions] for n in ("own", "base-bare"))
        gap = paired_difference(ours, theirs)
        if gap.low > 0:
            return list(found.values()), ""
        return [], (
            f"its own expert does not beat the base: {sum(ours) / len(ours):.3f} against "
            f"{sum(theirs) / len(theirs):.3f} (one-sided 90 % bound {gap.low:+.3f})"
        )

    def _cost(self, method: Method, task: Task) -> float:
        n = min(self.examples, len(task.split("test")))
        search = HINDSIGHT_EXPERTS * min(n, HINDSIGHT_EXAMPLES) // FORCED_SPEED if method.kind == "hindsight" else 0
        return float(n * len(variants(method, task)) + search)

    def _unit(self, method: Method, task: Task, variant: Variant) -> UnitResult:
        examples = held_out(task, self.examples)
        shots = sample(task.split("train"), SHOTS, seed=0) if method.prompt == "shots" else ()
        made = None
        if method.kind not in ("base", "hindsight"):
            made = self.maker.make(method, task, variant)
        key = self._key(method, task, variant, examples, shots, made)
        cost = self._cost(method, task) / len(variants(method, task))
        told = variant.description if method.prompt == "described" else None
        form = None
        if method.prompt == "bundle" and made is not None:
            told, form = made.prompt.description, made.prompt.answer_form
        alike = self._alike(method, task, made, examples, shots, told, form)
        if (known := self.store.load(method.name, task.name, variant.name, key)) is not None:
            self._said[alike] = known.predictions
            self._total -= cost
            self._tick(method, task)
            return known
        about = dict(made.about) if made else {}
        state = made.state if made else None
        if method.kind == "hindsight":
            about, state = self._best_expert(task, examples)
        rows = self._said.get(alike)
        if rows is None:
            context = self.maker.routed(self.base) if method.kind == "arrow" else attached(self.base.model, state)
            with context:
                found = answer_as_is(self.base, task, examples, description=told, shots=shots, form=form)
            rows = predictions(found)
            self._said[alike] = rows
            self._asked += int(cost)
        result = UnitResult(method.name, task.name, variant.name, variant.description, variant.seed, about, rows)
        self.store.save(result, key)
        self._done += cost
        self._tick(method, task)
        return result

    def _alike(
        self,
        method: Method,
        task: Task,
        made: AdapterUnderTest | None,
        examples: Sequence[Example],
        shots: Sequence[Example],
        told: str | None,
        form: AnswerForm | None,
    ) -> str:
        """The same for units that ask the same adapter the same prompts: they are answered once.

        `auto` is often the very adapter of another generator, and paraphrases often have the same nearest expert.
        """
        return unit_key(
            task=task.name,
            adapter=made.identity if made else method.kind,
            asked=[e.input for e in examples],
            shots=[[e.input, e.output] for e in shots],
            told=told,
            **({"form": form.to_json()} if form is not None else {}),
        )

    def _key(
        self,
        method: Method,
        task: Task,
        variant: Variant,
        examples: Sequence[Example],
        shots: Sequence[Example],
        made: AdapterUnderTest | None,
    ) -> str:
        return unit_key(
            protocol=PROTOCOL,
            method=asdict(method) | {"title": "", "about": ""},
            metric=task.metric,
            description=variant.description,
            seed=variant.seed,
            asked=[[e.input, *e.answers] for e in examples],
            shots=[[e.input, e.output] for e in shots],
            adapter=made.identity if made else "",
            **({"prompt": made.prompt.to_json()} if made and method.prompt == "bundle" else {}),
        )

    def _best_expert(self, task: Task, examples: Sequence[Example]) -> tuple[dict[str, Any], AdapterState]:
        """The expert that would answer the first examples best, by forcing; ties go to the nearer one."""
        found: list[tuple[tuple[float, float], str, AdapterState]] = []
        few = examples[:HINDSIGHT_EXAMPLES]
        near = self.maker.candidates(task, paraphrases(task)[0], HINDSIGHT_EXPERTS)
        for name, state in near:
            with attached(self.base.model, state):
                found.append((forced_score(self.base, few), name, state))
            if self.on_tick is not None:
                self.on_tick(EvaluationTick(self._done, self._total, f"{task.name}: best expert", self._eta()))
        best = max(found, key=lambda f: f[0])
        scores = {name: round(score[0], 4) for score, name, _ in sorted(found, key=lambda f: f[0], reverse=True)[:5]}
        return {"expert": best[1], "looked_at": len(found), "best": scores}, best[2]

    def _eta(self) -> float:
        spent = time.perf_counter() - self._began
        return spent / self._done * max(0.0, self._total - self._done) if self._done else float("inf")

    def _tick(self, method: Method, task: Task) -> None:
        if self.on_tick is not None:
            self.on_tick(EvaluationTick(self._done, self._total, f"{task.name}: {method.title}", self._eta()))


def predictions(answered: Answered) -> tuple[Prediction, ...]:
    """One `Prediction` per example."""
    a, s = answered, answered.scores
    columns = (a.answers, s.strict, s.lenient, s.valid, a.confidence, a.token_confidence, a.prompt_tokens)
    rows = zip(a.examples, *columns, strict=True)
    return tuple(Prediction(e.input, e.answers, *rest) for e, *rest in rows)
