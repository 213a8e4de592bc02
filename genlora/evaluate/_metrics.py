"""Figures out of predictions: means over tasks, paired bootstrap intervals, gap closure, calibration error, ranks.

Every task weighs the same: a method's score is the mean over tasks of its mean over examples (and over paraphrases).
Two intervals are given for each figure, both 95 %. The first resamples examples within each task, the same ones for all
methods (paired and stratified): it tells how sure the figure is *for these tasks*, and decides. The second resamples
whole tasks (clusters): it tells how much another choice of tasks would change it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._methods import MATCHED
from ._store import UnitResult

Array = NDArray[np.float64]

DRAWS = 2000
CONFIDENCE = 0.95
BINS = 10


@dataclass(frozen=True)
class Estimate:
    """A figure with both intervals, in the unit of the scores (0 to 1)."""

    value: float
    low: float
    """95 %, examples resampled within tasks."""
    high: float
    task_low: float
    """95 %, tasks resampled."""
    task_high: float
    tasks: int


@dataclass(frozen=True)
class Series:
    """The scores of a method with some of its descriptions and seeds."""

    method: str
    variants: tuple[str, ...] = MATCHED


class Scores:
    """Strict scores (or another field of the predictions) of all units, with shared bootstrap draws."""

    def __init__(self, results: Iterable[UnitResult], *, field: str = "strict", draws: int = DRAWS) -> None:
        self.units = {(r.method, r.task, r.variant): r for r in results}
        self._field = field
        self._draws = draws
        self._weights: dict[str, Array] = {}
        self._vectors: dict[tuple[Series, str], Array] = {}
        self._drawn: dict[tuple[Series, str], Array] = {}

    def has(self, series: Series, task: str) -> bool:
        """Whether a method answered a task with at least one of the variants."""
        return any((series.method, task, v) in self.units for v in series.variants)

    def vector(self, series: Series, task: str) -> Array:
        """One score per example, the mean over the variants there are, (n,)."""
        key = (series, task)
        if key not in self._vectors:
            found = [
                self.units[(series.method, task, v)] for v in series.variants if (series.method, task, v) in self.units
            ]
            rows = [[float(getattr(p, self._field)) for p in u.predictions] for u in found]
            self._vectors[key] = np.mean(rows, axis=0)
        return self._vectors[key]

    def mean(self, series: Series, task: str) -> float:
        """Mean over examples."""
        return float(self.vector(series, task).mean())

    def _draw(self, series: Series, task: str) -> Array:
        """Bootstrap means of a task, (draws,): the same examples for every series."""
        if task not in self._weights:
            n = len(self.vector(series, task))
            rng = np.random.default_rng(sum(task.encode()))
            self._weights[task] = rng.multinomial(n, [1 / n] * n, size=self._draws) / n
        key = (series, task)
        if key not in self._drawn:
            self._drawn[key] = self._weights[task] @ self.vector(series, task)
        return self._drawn[key]

    def common(self, series: Sequence[Series], tasks: Sequence[str]) -> list[str]:
        """Tasks that all of the series answered."""
        return [t for t in tasks if all(self.has(s, t) for s in series)]

    def estimate(self, f: Callable[..., Array], series: Sequence[Series], tasks: Sequence[str]) -> Estimate | None:
        """`f` of the series' scores, over the tasks they have in common; None when there is none.

        `f` takes an array per series and works element by element.
        """
        tasks = self.common(series, tasks)
        if not tasks:
            return None
        points = [np.array([self.mean(s, t) for t in tasks]) for s in series]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(f(*(p.mean() for p in points)))
            inside = f(*(np.mean([self._draw(s, t) for t in tasks], axis=0) for s in series))
            rng = np.random.default_rng(len(tasks))
            pick = rng.integers(0, len(tasks), (self._draws, len(tasks)))
            across = f(*(p[pick].mean(axis=1) for p in points))
        low, high = _interval(inside)
        task_low, task_high = _interval(across)
        return Estimate(value, low, high, task_low, task_high, len(tasks))


def _interval(draws: Array) -> tuple[float, float]:
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def level(a: Array) -> Array:
    """A score itself, for `Scores.estimate`."""
    return np.asarray(a)


def gap(a: Array, b: Array) -> Array:
    """A difference of scores."""
    return a - b


def closure(method: Array, base: Array, own: Array) -> Array:
    """How much of the way from base to own expert a method goes: 0 is the base, 1 the expert."""
    return (method - base) / (own - base)


def calibration_error(confidence: Sequence[float], right: Sequence[float], *, bins: int = BINS) -> float:
    """Expected calibration error (Naeini et al. 2015): the mean over answers of |accuracy - confidence| of their bin.

    Bins have equal width; the last one holds 1 itself. NaN for no answers.
    """
    if not len(confidence):
        return float("nan")
    c, r = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    where = np.minimum((c * bins).astype(int), bins - 1)
    return float(sum(abs(c[where == b].sum() - r[where == b].sum()) for b in range(bins)) / len(c))


def ranks(values: Sequence[float]) -> Array:
    """Ranks from 1, ties shared."""
    v = np.asarray(values, dtype=np.float64)
    order = v.argsort(kind="stable")
    out = np.empty(len(v))
    out[order] = np.arange(1, len(v) + 1)
    for x in np.unique(v):
        out[v == x] = out[v == x].mean()
    return out


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation, -1 to 1; NaN for fewer than three pairs or a constant side."""
    if len(a) < 3 or len(set(a)) < 2 or len(set(b)) < 2:
        return float("nan")
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def spearman_interval(a: Sequence[float], b: Sequence[float], *, draws: int = DRAWS) -> tuple[float, float]:
    """95 % interval of `spearman`, pairs resampled."""
    x, y = np.asarray(a), np.asarray(b)
    rng = np.random.default_rng(len(x))
    found = []
    for _ in range(draws if len(x) >= 3 else 0):
        pick = rng.integers(0, len(x), len(x))
        found.append(spearman(x[pick].tolist(), y[pick].tolist()))
    return _interval(np.array(found, dtype=np.float64))
