"""The figures to reach, judged by the run itself: a target is met when the interval's lower end clears the bar."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._metrics import Array, Estimate, Scores, Series, closure, gap
from ._store import UnitResult
from ._summary import BASE, DESCRIBED, OWN, Summary

AUTO = Series("auto")


@dataclass(frozen=True)
class Target:
    """One line of the targets' table."""

    what: str
    bar: str
    value: float | None
    low: float | None
    """The end of the 95 % interval that has to clear the bar; the lower one, or the upper where small is good."""
    unit: str
    met: bool | None
    """None where this run cannot tell."""
    note: str = ""


def judge(summary: Summary, results: list[UnitResult]) -> list[Target]:
    """Every target of the protocol that an evaluation can tell about."""
    scores = Scores(results)
    near, far = summary.groups["near"], summary.groups["far"]

    def points(what: str, bar: float, f: Callable[..., Array], series: list[Series], tasks: list[str]) -> Target:
        return _at_least(what, bar, scores.estimate(f, series, tasks))

    targets = [
        _headline(scores, near, summary),
        points("auto described - multi-task described", 0.02, gap, [Series("auto-described"), DESCRIBED], near),
        _over_retrieval(scores, near),
        points("auto - multi-task, both bare", 0.15, gap, [AUTO, Series("multitask")], near),
        points("gap closure, near", 0.80, closure, [AUTO, BASE, OWN], near),
        points("gap closure, far", 0.40, closure, [AUTO, BASE, OWN], far),
        points("conditioning gain (matched - mismatched)", 0.15, gap, [AUTO, Series("auto", ("mismatched",))], near),
        _paraphrases(summary),
        _coverage(summary),
    ]
    latencies = [_latency(name, a.p50_ms) for name, a in summary.adapters.items() if not name.endswith("-described")]
    return [*targets, *latencies]


def _at_least(what: str, bar: float, found: Estimate | None, note: str = "") -> Target:
    shown = f">= {bar * 100:+.0f} points" if "closure" not in what else f">= {bar:.0%}"
    unit = "points" if "closure" not in what else "%"
    if found is None:
        return Target(what, shown, None, None, unit, None, "not measured in this run")
    return Target(what, shown, found.value * 100, found.low * 100, unit, bool(found.low >= bar), note)


def _headline(scores: Scores, near: list[str], summary: Summary) -> Target:
    found = scores.estimate(gap, [AUTO, DESCRIBED], near)
    target = _at_least("**headline**: auto, bare - multi-task, described", 0.02, found)
    if found is None:
        return target
    ours, theirs = (summary.methods["near"][m].prompt_tokens for m in ("auto", "multitask-described"))
    note = f"{ours:.0f} against {theirs:.0f} prompt tokens"
    return Target(target.what, target.bar, target.value, target.low, "points", bool(target.met and ours < theirs), note)


def _over_retrieval(scores: Scores, near: list[str]) -> Target:
    """Against whichever of the two is better on these tasks."""
    rivals = [s for s in (Series("aggregate"), Series("nearest-expert")) if scores.common([s], near)]
    what = "auto - the better of weighted top-K and nearest expert"
    if not rivals or not scores.common([AUTO], near):
        return _at_least(what, 0.05, None)
    best = max(rivals, key=lambda s: np.mean([scores.mean(s, t) for t in scores.common([s, AUTO], near)] or [0.0]))
    return _at_least(what, 0.05, scores.estimate(gap, [AUTO, best], near), f"against {best.method}")


def _paraphrases(summary: Summary) -> Target:
    what, bar = "unseen paraphrases: median spread of a task's score", "<= 3 points"
    spread = summary.spread["near"].get("auto")
    if not spread:
        return Target(what, bar, None, None, "points", None, "not measured in this run")
    rng = np.random.default_rng(0)
    values = np.array(spread)
    medians = np.median(values[rng.integers(0, len(values), (2000, len(values)))], axis=1)
    value, high = float(np.median(values)) * 100, float(np.quantile(medians, 0.975)) * 100
    return Target(what, bar, value, high, "points", high <= 3, "upper end, tasks resampled")


def _coverage(summary: Summary) -> Target:
    what, bar = f"coverage against gap closure of {summary.headline or 'auto'}, rank correlation", ">= 0.50"
    found = summary.rank_correlation
    if found is None:
        return Target(what, bar, None, None, "", None, "not measured in this run")
    return Target(what, bar, found[0], found[1], "", bool(found[1] >= 0.5), f"over {len(summary.coverage)} tasks")


def _latency(name: str, p50: float) -> Target:
    return Target(f"warm generate, {name}: p50", "<= 50 ms", p50, p50, "ms", p50 <= 50, "in this process, files made")
