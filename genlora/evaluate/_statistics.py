"""Intervals by paired bootstrap over examples: both systems answer the same questions, so differences are resampled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences with a two-sided interval of the stated confidence, in the scores' own unit."""

    mean: float
    low: float
    high: float
    n: int
    confidence: float


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], *, confidence: float = 0.8, seed: int = 0, draws: int = 4000
) -> Difference:
    """Bootstrap interval of mean(ours - theirs). A two-sided 80 % interval's lower end is the one-sided 90 % bound."""
    gap = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = gap[rng.integers(0, len(gap), (draws, len(gap)))].mean(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Difference(float(gap.mean()), float(low), float(high), len(gap), confidence)
