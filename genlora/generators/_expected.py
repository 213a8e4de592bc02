"""The expected accuracy of an adapter for a request: what a user reads, with its interval.

A **reference table** holds requests whose truth is known (stored tasks in other words, near misses, held-out tasks)
with how near they are to what is stored, and how many answers each *way* got right: the nearest expert asked with the
bare input, the few-shot adapter asked with the description and none, one or three examples. For a new request and a way
the table is read by kernel regression (Nadaraya 1964, Watson 1964) over the request's features x:

    value = (Σ wᵢ fᵢ + m p̄) / (Σ wᵢ + m),   wᵢ = exp(-½ ‖(x - xᵢ) / h‖²)

with fᵢ the share right of request i, p̄ the table's mean and m the weight of that prior. The interval is where a task
like this one ends up in eight of ten cases: the 10 % and 90 % quantiles of the fᵢ under the same weights, the prior
spread over the table's own distribution.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlora.errors import ConfigError, ManifestError

Floats = NDArray[np.float64]

LOW_QUANTILE, HIGH_QUANTILE = 0.1, 0.9
_BANDWIDTHS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.5)
_PRIORS = (0.3, 1.0, 2.0, 4.0)
_Z = 1.2816
"""Of a normal distribution, eight of ten lie within so many deviations."""


@dataclass(frozen=True)
class ExpectedAccuracy:
    """The share of inputs that an adapter is expected to answer right."""

    value: float
    low: float
    high: float
    """In eight of ten requests like this one the true share lies between `low` and `high`."""

    def to_json(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False)
class WayTable:
    """What is known of one way of answering."""

    features: Floats
    """(n, d): one row a reference request, scaled so that equal steps matter alike in every column."""
    right: Floats
    """(n,): share of its answers that were right."""
    bandwidth: float
    prior: float

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.features.shape[0] != self.right.shape[0] or not len(self.right):
            raise ConfigError(
                f"a table has features {self.features.shape} and {self.right.shape} shares; expected one row a request."
            )

    def expect(
        self, x: Sequence[float] | NDArray[np.floating[Any]], *, without: Sequence[int] = ()
    ) -> ExpectedAccuracy:
        """The expected accuracy at features `x`, (d,); `without` leaves rows out: those of one reference request."""
        w = np.exp(-0.5 * (((self.features - np.asarray(x, np.float64)) / self.bandwidth) ** 2).sum(1))
        w[list(without)] = 0.0
        total = w + self.prior / len(w)
        total[list(without)] = 0.0
        value = float(total @ self.right / total.sum())
        low, high = _quantiles(self.right, total)
        return ExpectedAccuracy(round(value, 3), round(min(low, value), 3), round(max(high, value), 3))

    def errors(self, groups: Sequence[int] | None = None) -> Floats:
        """Squared errors of each row, read from the rows of other requests, (n,); `groups` says whose each row is."""
        whose = np.arange(len(self.right)) if groups is None else np.asarray(groups)
        return np.array(
            [
                (self.expect(x, without=np.flatnonzero(whose == g).tolist()).value - f) ** 2
                for x, f, g in zip(self.features, self.right, whose, strict=True)
            ]
        )


def measured(right: float, n: int) -> ExpectedAccuracy:
    """Of an adapter that got `right` of `n` answers right: that share, and Wilson's interval of eight in ten (1927)."""
    share = right / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n)) / (1 + _Z**2 / n)
    return ExpectedAccuracy(round(share, 3), round(max(0.0, middle - half), 3), round(min(1.0, middle + half), 3))


def fit_table(features: Floats, right: Floats, groups: Sequence[int] | None = None) -> WayTable:
    """The table with the bandwidth and prior that predict each request best from the others.

    Few numbers are chosen (one of forty pairs), by leaving one request out: the interval is honest for requests drawn
    alike. `groups` says which request each row belongs to; by default each is one of its own.
    """
    best: tuple[float, WayTable] | None = None
    for bandwidth in _BANDWIDTHS:
        for prior in _PRIORS:
            table = WayTable(features, right, bandwidth, prior)
            error = float(table.errors(groups).mean())
            if best is None or error < best[0]:
                best = (error, table)
    assert best is not None
    return best[1]


def _quantiles(values: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted quantiles at 10 % and 90 %."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order]) / weights.sum()
    found = [
        float(values[order][min(int(np.searchsorted(mass, q)), len(values) - 1)]) for q in (LOW_QUANTILE, HIGH_QUANTILE)
    ]
    return found[0], found[1]


def read_tables(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, WayTable]:
    """{way: table} of an artefact's config and tensors. Raises `ManifestError` where they do not fit."""
    out: dict[str, WayTable] = {}
    try:
        for way, about in config["ways"].items():
            out[way] = WayTable(
                np.asarray(tensors[f"{way}.features"].double().numpy()),
                np.asarray(tensors[f"{way}.right"].double().numpy()),
                float(about["bandwidth"]),
                float(about["prior"]),
            )
            width = 3 + (not way.endswith("-quick")) + ("-inputs" in way)
            if out[way].features.shape[1] != width:
                raise ValueError(f"{way}: {out[way].features.shape[1]} features, expected {width}")
            if not (math.isfinite(out[way].bandwidth) and out[way].bandwidth > 0 and out[way].prior > 0):
                raise ValueError(f"{way}: bandwidth {out[way].bandwidth}, prior {out[way].prior}")
    except (KeyError, TypeError, ValueError, ConfigError) as err:
        raise ManifestError(f"not a table of expected accuracy ({err!r}). Restore it, or: genlora train auto") from err
    return out
