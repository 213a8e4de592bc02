"""Running an evaluation: every method answers every task with each of its descriptions and seeds, stored at once."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from genlora.adapter import AdapterState, attached
from genlora.base import LoadedBase
from genlora.errors import GenloraError
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


class Evaluation:
    """One run: `run()` does what is missing in the store and returns everything."""

    def __init__(
        self,
        base: LoadedBase,
        maker: AdapterSource,
        store: RunStore,
        *,
        examples: int = 60,
        on_tick: Callable[[EvaluationTick], None] | None = None,
    ) -> None:
        self.base = base
        self.maker = maker
        self.store = store
        self.examples = examples
        self.on_tick = on_tick
        self._began = time.perf_counter()
        self._done = self._total = 0.0
        self._asked = 0
        self._said: dict[str, tuple[Prediction, ...]] = {}

    def run(self, tasks: Sequence[Task], methods: Sequence[Method]) -> Evaluated:
        """Answer everything: first base and own expert of each task, then the other methods on the tasks that count."""
        out = Evaluated()
        usable = []
        for method in methods:
            if why := self.maker.available(method):
                out.skipped[method.name] = why
                log.warning("method %s is left out: %s", method.name, why)
            else:
                usable.append(method)
        needed = [m for m in usable if m.name in NEEDED]
        others = [m for m in usable if m.name not in NEEDED]
        self._total = sum(self._cost(m, t) for t in tasks for m in usable)
        first: dict[str, dict[str, UnitResult]] = {}
        for task in tasks:
            found = self._needed(task, needed, out)
            if found is None:
                self._total -= sum(self._cost(m, task) for m in others)
                continue
            first[task.name] = found
            out.tasks.append(task)
            out.results.extend(found.values())
            examples = held_out(task, self.examples)
            out.majority[task.name] = majority(task, examples).strict_mean
        for task in out.tasks:
            self._said.clear()
            for method in others:
                try:
                    out.results.extend(self._unit(method, task, v) for v in variants(method, task))
                except GenloraError as err:
                    out.skipped[f"{method.name} on {task.name}"] = str(err)
                    log.warning("%s on %s: %s", method.name, task.name, err)
        out.asked = self._asked
        out.seconds = time.perf_counter() - self._began
        return out

    def _needed(self, task: Task, methods: Sequence[Method], out: Evaluated) -> dict[str, UnitResult] | None:
        """Results of base and own expert, or None when the task does not count; the reason goes to `out`."""
        try:
            found = {m.name: self._unit(m, task, Variant("one")) for m in methods}
        except GenloraError as err:
            out.left_out[task.name] = str(err)
            return None
        if "own" not in found:
            return found
        ours, theirs = ([p.strict for p in found[n].predictions] for n in ("own", "base-bare"))
        gap = paired_difference(ours, theirs)
        if gap.low > 0:
            return found
        out.left_out[task.name] = (
            f"its own expert does not beat the base: {sum(ours) / len(ours):.3f} against "
            f"{sum(theirs) / len(theirs):.3f} (one-sided 90 % bound {gap.low:+.3f})"
        )
        return None

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
