"""How long a fit goes on, and how its learning rate ends.

A rate that stands still leaves weights that jump about their valley; they are good once it has fallen to zero (warm-up,
stable, decay: Hu et al. 2024, arXiv 2404.06395; Hägele et al. 2024, arXiv 2405.18392).
"""

import math
import time
from dataclasses import dataclass, field

from genlora.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The end of a fit, by its steps and, where `minutes` is set, by the clock of this call: what comes first."""

    steps: int
    """Of the whole run, also after a restart."""
    minutes: float | None = None
    """Of this call; validation at the end comes on top."""
    cool_down: float = 0.0
    """Last share of the steps, and of the minutes, in which the learning rate falls linearly to zero."""
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        if self.minutes is not None and not (math.isfinite(self.minutes) and self.minutes > 0):
            raise ConfigError(f"minutes is {self.minutes}, expected a number above 0. Correct the setting.")
        if not 0 <= self.cool_down <= 1:
            raise ConfigError(f"cool_down is {self.cool_down}, expected a share from 0 to 1. Correct the setting.")

    def spent(self) -> float:
        """Share of this call's minutes that has gone by; 0 where there is no limit."""
        return 0.0 if self.minutes is None else (time.perf_counter() - self.began) / (60 * self.minutes)

    def ends(self, done: int, spent: float) -> bool:
        """Whether `done` steps were all."""
        return done >= self.steps or spent >= 1

    def by_clock(self, spent: float) -> bool:
        """Whether the clock lowers the rate. What is trained then is this call's alone: a run that goes on does so from
        before, at its full rate.
        """
        return self.minutes is not None and 1 - spent < self.cool_down

    def rate(self, index: int, spent: float) -> float:
        """What the learning rate of step `index` is multiplied by, in (0, 1]."""
        left = min((self.steps - index) / self.steps, 1 - spent)
        return min(1.0, left / self.cool_down) if self.cool_down else 1.0
