"""What a sweep says: each method at its own best learning rate, and why one shared rate is no ranking."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from genlora.errors import ConfigError

from ._pieces import Outcome

PLAIN = "lora"


@dataclass(frozen=True)
class Best:
    """A method at its own best rate."""

    method: str
    rate: float
    edge: str
    """`low` or `high` where the best rate is the grid's last: a better one may lie beyond; else empty."""
    validation_loss: float
    test_loss: float
    deviation: float
    """Of the test loss between seeds; 0 for one seed."""
    right: float
    seconds: float
    numbers: int
    to_plain: int | None = None
    """Steps until its smoothed training loss was where plain LoRA's, at its best rate, ended; None: it never was."""


@dataclass(frozen=True)
class Tables:
    """What a sweep says."""

    best: tuple[Best, ...]
    """Best first."""
    shared: Mapping[float, Mapping[str, float]]
    """{rate: {method: mean test loss}}, for the rates that two methods or more were tried at."""
    tuned_spread: float
    """Between methods at their own best rates: largest test loss minus smallest."""
    shared_spread: float
    """The largest such spread at one shared rate, of those where all converged."""
    warnings: tuple[str, ...]

    @property
    def winners(self) -> dict[float, str]:
        """Who would win at each shared rate."""
        return {rate: min(row, key=lambda m: (row[m], m)) for rate, row in self.shared.items()}

    @property
    def verdict(self) -> str:
        """One line: who wins, plain LoRA first of all."""
        first = self.best[0]
        plain = next((b for b in self.best if b.method == PLAIN), None)
        if plain is None:
            return f"{first.method} has the lowest loss ({first.test_loss:.4f}); plain LoRA was not in the sweep."
        if first.method == PLAIN:
            return f"Plain LoRA at its own best rate, {first.rate:g}, wins: no method has a lower loss."
        gap = plain.test_loss - first.test_loss
        noise = max(plain.deviation, first.deviation)
        said = f"{first.method} is {gap:.4f} below plain LoRA ({first.test_loss:.4f} against {plain.test_loss:.4f})"
        if not noise:
            return f"{said}; with one seed nobody knows whether that is more than chance."
        return (
            f"{said}, {'more' if gap > 2 * noise else 'not more'} than twice the deviation between seeds ({noise:.4f})."
        )


def tables(outcomes: Sequence[Outcome]) -> Tables:
    """Best rates and shared rates, from any set of outcomes. Raises `ConfigError` for none, or where all diverged."""
    if not outcomes:
        raise ConfigError("no piece of the sweep is done yet, so there is nothing to compare.")
    methods = list(dict.fromkeys(o.method for o in outcomes))
    means = {
        (m, r): _mean(outcomes, m, r) for m in methods for r in sorted({o.rate for o in outcomes if o.method == m})
    }
    best = sorted((_best(outcomes, m, means) for m in methods), key=lambda b: (b.test_loss, b.method))
    goal = next((curve_of(outcomes, b.method, b.rate)[-1:] for b in best if b.method == PLAIN), [])
    best = [replace(b, to_plain=_reached(curve_of(outcomes, b.method, b.rate), goal)) for b in best]
    shared: dict[float, dict[str, float]] = {}
    for (m, r), (_, test) in sorted(means.items(), key=lambda x: x[0][1]):
        shared.setdefault(r, {})[m] = test
    shared = {r: row for r, row in shared.items() if len(row) > 1}
    good = [b.test_loss for b in best if math.isfinite(b.test_loss)]
    if not good:
        raise ConfigError("every training of the sweep diverged. Try lower rates: NAME@RATE.")
    spreads = [max(row.values()) - min(row.values()) for row in shared.values() if math.isfinite(max(row.values()))]
    return Tables(
        tuple(best), shared, max(good) - min(good), max(spreads, default=0.0), _warnings(outcomes, best, shared)
    )


def curve_of(outcomes: Sequence[Outcome], method: str, rate: float) -> list[float]:
    """Training loss step by step: mean over tasks and seeds, then over the last eighth of the steps up to each.

    All methods see the same rows in the same order, so that curves may be compared though single batches differ.
    """
    mine = [o.losses for o in outcomes if o.method == method and o.rate == rate and o.losses]
    raw = [statistics.fmean(step) for step in zip(*mine, strict=False)]
    window = max(1, len(raw) // 8)
    return [statistics.fmean(raw[max(0, i + 1 - window) : i + 1]) for i in range(len(raw))]


def _reached(curve: Sequence[float], goal: Sequence[float]) -> int | None:
    return next((i + 1 for i, loss in enumerate(curve) if goal and loss <= goal[0]), None)


def _mean(outcomes: Sequence[Outcome], method: str, rate: float) -> tuple[float, float]:
    mine = [o for o in outcomes if o.method == method and o.rate == rate]
    return statistics.fmean(o.validation_loss for o in mine), statistics.fmean(o.test_loss for o in mine)


def _best(outcomes: Sequence[Outcome], method: str, means: Mapping[tuple[str, float], tuple[float, float]]) -> Best:
    rates = [r for m, r in means if m == method]
    rate = min(rates, key=lambda r: means[method, r][0])
    mine = [o for o in outcomes if o.method == method and o.rate == rate]
    by_seed = [statistics.fmean(o.test_loss for o in mine if o.seed == s) for s in sorted({o.seed for o in mine})]
    spread = statistics.stdev(by_seed) if len(by_seed) > 1 and all(map(math.isfinite, by_seed)) else 0.0
    edge = "" if len(rates) == 1 else {min(rates): "low", max(rates): "high"}.get(rate, "")
    told = (statistics.fmean(o.right for o in mine), statistics.fmean(o.seconds for o in mine), mine[0].numbers)
    return Best(method, rate, edge, *means[method, rate], spread, *told)


def _warnings(
    outcomes: Sequence[Outcome], best: Sequence[Best], shared: Mapping[float, Mapping[str, float]]
) -> tuple[str, ...]:
    found = []
    rates = {m: {o.rate for o in outcomes if o.method == m} for m in {o.method for o in outcomes}}
    if len(rates) > 1 and any(len(r) == 1 for r in rates.values()):
        found.append(
            "a method was tried at one rate only: this is no ranking of methods, it says which of them that rate "
            "suits. Give each a grid (--points 5)."
        )
    winners = {min(row, key=lambda m: (row[m], m)) for row in shared.values()}
    if shared:
        change = f"the winner changes with it ({', '.join(sorted(winners))})" if len(winners) > 1 else "it is no tuning"
        found.append(f"a table at one shared rate ranks rates as much as methods: {change}. Compare at own best rates.")
    for b in best:
        if b.edge:
            side = "lower" if b.edge == "low" else "higher"
            found.append(
                f"{b.method}: its best rate, {b.rate:g}, is the grid's {b.edge}est; try {side}: {b.method}@{b.rate:g}"
            )
    if len({o.seed for o in outcomes}) == 1:
        found.append("one seed: differences smaller than those between seeds mean nothing, and these are not known.")
    return tuple(found)


def tables_json(found: Tables) -> dict[str, Any]:
    """As JSON, which has no infinity."""
    told = {
        "verdict": found.verdict,
        "best": [asdict(b) for b in found.best],
        "shared": {f"{r:g}": dict(row) for r, row in found.shared.items()},
        "winners": {f"{r:g}": m for r, m in found.winners.items()},
        "tuned_spread": found.tuned_spread,
        "shared_spread": found.shared_spread,
        "warnings": list(found.warnings),
    }
    return json.loads(json.dumps(told, default=str).replace("Infinity", "null"))
