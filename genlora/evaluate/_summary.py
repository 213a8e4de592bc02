"""Everything a report says, as plain numbers: one pass from predictions to tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from genlora.tasks import Task, catalogue

from ._methods import CONTROLS, MATCHED, METHODS, SEEDS, Method
from ._metrics import Estimate, Scores, Series, calibration_error, closure, gap, level, spearman, spearman_interval
from ._novelty import REPLICA
from ._run import Evaluated
from ._store import UnitResult

BASE, OWN, DESCRIBED = Series("base-bare"), Series("own"), Series("multitask-described")
HEADLINE = ("auto", "hypernet", "aggregate")
"""The generator that coverage, novelty and paraphrases are told of: the first of these that was run."""


@dataclass(frozen=True)
class MethodSummary:
    """One method on one group of tasks."""

    method: str
    strict: Estimate
    lenient: float
    valid: float
    closure: Estimate | None
    """Of the gap between base and own expert."""
    conditional: Estimate | None
    """Of the gap between the described multi-task adapter and the own expert."""
    calibration: float
    """Expected calibration error; NaN where no answer is simply right or wrong."""
    prompt_tokens: float
    tasks: int


@dataclass(frozen=True)
class AdapterSummary:
    """What a method's adapters cost."""

    made: int
    p50_ms: float
    p90_ms: float
    bytes: int
    replicas: float
    """Share of adapters that are as good as a copy of an expert."""
    median_cosine: float


@dataclass
class Summary:
    """A whole evaluation in numbers."""

    groups: dict[str, list[str]]
    """Names of the tasks that count, by group: near, far, all."""
    methods: dict[str, dict[str, MethodSummary]] = field(default_factory=dict)
    """By group, then method."""
    conditioning: dict[str, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    """By group, method and control: matched minus control."""
    controls: dict[str, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    spread: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """By group and method: each task's best minus worst paraphrase."""
    seeds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    adapters: dict[str, AdapterSummary] = field(default_factory=dict)
    per_task: dict[str, dict[str, float]] = field(default_factory=dict)
    """Strict score by task and method, with 'majority'."""
    coverage: list[dict[str, Any]] = field(default_factory=list)
    """Per task: coverage, gap closure, novelty of the headline generator."""
    rank_correlation: tuple[float, float, float] | None = None
    """Spearman of coverage and gap closure, and its 95 % interval."""
    headline: str = ""


def groups_of(tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Near tasks are of a family that the bank was trained on, far ones are not; the catalogue's roles decide."""
    known = catalogue()
    trained = {e.family for e in known.values() if e.role == "bank"}
    near = []
    for t in tasks:
        role = known[t.name].role if t.name in known else ""
        if role == "test-near" or (role != "test-far" and t.family in trained):
            near.append(t.name)
    far = [t.name for t in tasks if t.name not in near]
    return {"near": near, "far": far, "all": [t.name for t in tasks]}


def summarise(found: Evaluated) -> Summary:
    """All figures of an evaluation."""
    return _Builder(found).build()


class _Builder:
    def __init__(self, found: Evaluated) -> None:
        self.found = found
        self.strict = Scores(found.results)
        self.lenient = Scores(found.results, field="lenient", draws=2)
        self.valid = Scores(found.results, field="valid", draws=2)
        self.tasks = {t.name: t for t in found.tasks}
        self.ran = [m for m in METHODS.values() if any(r.method == m.name for r in found.results)]

    def build(self) -> Summary:
        out = Summary(groups_of(self.found.tasks))
        names = [m.name for m in self.ran]
        out.headline = next((h for h in HEADLINE if h in names), "")
        for group, tasks in out.groups.items():
            out.methods[group] = {m.name: s for m in self.ran if (s := self._method(m, tasks)) is not None}
            told = [m for m in self.ran if m.controls]
            out.controls[group] = {m.name: self._controls(m, tasks, difference=False) for m in told}
            out.conditioning[group] = {m.name: self._controls(m, tasks, difference=True) for m in told}
            out.spread[group] = self._ranges(tasks, [("d0",), ("d1",), ("d2",)])
            drawn = [("d0", "one"), *((f"s{i}",) for i in range(1, SEEDS))]
            out.seeds[group] = self._ranges(tasks, drawn, [m for m in self.ran if m.draws])
        for task in self.tasks:
            scores = {
                m.name: self.strict.mean(Series(m.name), task)
                for m in self.ran
                if self.strict.has(Series(m.name), task)
            }
            out.per_task[task] = {**scores, "majority": self.found.majority.get(task, 0.0)}
        out.adapters = {m.name: a for m in self.ran if (a := self._adapters(m)) is not None}
        self._coverage(out)
        return out

    def _method(self, method: Method, tasks: Sequence[str]) -> MethodSummary | None:
        series = Series(method.name)
        tasks = self.strict.common([series], tasks)
        strict = self.strict.estimate(level, [series], tasks)
        if strict is None:
            return None
        units = [u for t in tasks for v in MATCHED if (u := self.strict.units.get((method.name, t, v))) is not None]
        return MethodSummary(
            method=method.name,
            strict=strict,
            lenient=float(np.mean([self.lenient.mean(series, t) for t in tasks])),
            valid=float(np.mean([self.valid.mean(series, t) for t in tasks])),
            closure=self.strict.estimate(closure, [series, BASE, OWN], tasks),
            conditional=self.strict.estimate(closure, [series, DESCRIBED, OWN], tasks),
            calibration=self._calibration(units),
            prompt_tokens=float(np.mean([np.mean([p.prompt_tokens for p in u.predictions]) for u in units])),
            tasks=len(tasks),
        )

    def _calibration(self, units: Sequence[UnitResult]) -> float:
        """Over tasks whose answers are right or wrong; a ROUGE score is neither."""
        flat = [p for u in units if self.tasks[u.task].metric != "rouge-l" for p in u.predictions]
        return calibration_error([p.confidence for p in flat], [p.strict for p in flat])

    def _controls(self, method: Method, tasks: Sequence[str], *, difference: bool) -> dict[str, Estimate]:
        out = {}
        matched = Series(method.name)
        for control in CONTROLS:
            series = Series(method.name, (control,))
            found = (
                self.strict.estimate(gap, [matched, series], tasks)
                if difference
                else self.strict.estimate(level, [series], self.strict.common([matched], tasks))
            )
            if found is not None:
                out[control] = found
        return out

    def _ranges(
        self, tasks: Sequence[str], variants: Sequence[tuple[str, ...]], methods: Sequence[Method] | None = None
    ) -> dict[str, list[float]]:
        """Per method: for each task the largest minus the smallest score over variants."""
        out: dict[str, list[float]] = {}
        for m in self.ran if methods is None else methods:
            rows = []
            for t in tasks:
                scores = [self.strict.mean(s, t) for v in variants if self.strict.has(s := Series(m.name, v), t)]
                if len(scores) > 1:
                    rows.append(max(scores) - min(scores))
            if rows:
                out[m.name] = rows
        return out

    def _adapters(self, method: Method) -> AdapterSummary | None:
        about = [u.about for u in self.found.results if u.method == method.name and u.variant not in CONTROLS]
        ms = [a["generate_ms"] for a in about if "generate_ms" in a]
        cosines = [a["cosine"] for a in about if "cosine" in a]
        if not ms:
            return None
        return AdapterSummary(
            made=len(ms),
            p50_ms=float(np.median(ms)),
            p90_ms=float(np.quantile(ms, 0.9)),
            bytes=int(max(a["bytes"] for a in about if "bytes" in a)),
            replicas=float(np.mean([c >= REPLICA for c in cosines])) if cosines else 0.0,
            median_cosine=float(np.median(cosines)) if cosines else 0.0,
        )

    def _coverage(self, out: Summary) -> None:
        if not out.headline:
            return
        series = Series(out.headline)
        for task in self.strict.common([series, BASE, OWN], list(self.tasks)):
            units = [u for v in MATCHED if (u := self.strict.units.get((out.headline, task, v))) is not None]
            means = [self.strict.mean(s, task) for s in (series, BASE, OWN)]
            out.coverage.append(
                {
                    "task": task,
                    "group": "near" if task in out.groups["near"] else "far",
                    "coverage": float(np.mean([u.about["coverage"] for u in units])),
                    "closure": float(closure(*(np.array(m) for m in means))),
                    "strict": means[0],
                    "cosine": float(np.mean([u.about["cosine"] for u in units])),
                    "nearest": units[0].about["nearest"],
                }
            )
        pairs = [(c["coverage"], c["closure"]) for c in out.coverage if math.isfinite(c["closure"])]
        if len(pairs) >= 3:
            x, y = zip(*pairs, strict=True)
            value = spearman(x, y)
            if math.isfinite(value):
                out.rank_correlation = (value, *spearman_interval(x, y))


def to_json(value: Any) -> Any:
    """Plain JSON of summaries: dataclasses as objects, NaN and infinity as null."""
    if isinstance(value, (MethodSummary, AdapterSummary, Estimate, Summary)):
        return to_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 6) if math.isfinite(value) else None
    return value
