"""The first generator: the weighted sum of the nearest experts (SG-LoRA's stage one, arXiv 2509.10535)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from genlora.adapter import AdapterState, update_norms, weighted_sum
from genlora.errors import AdapterFormatError
from genlora.lru import Lru

from ._clock import Stopwatch, one_thread
from ._coverage import Calibration
from ._neighbourhood import PLACES, Neighbourhood, coverage_warnings, neighbourhood
from ._protocol import BankLike, Generated, Request, Vector

NORM_SLACK = 1.001
"""A weighted mean is no longer than the longest of its parts; the rest is rounding."""
KEPT_BYTES = 16 << 20
"""Of adapters made of one expert alone, which many requests may ask for; in bulk there is room for more."""


class AggregateGenerator:
    """Top-K experts by cosine similarity, softmax weights, exact weighted sum of their products, compressed.

    Products are summed, never factors: factors of one update are not unique. With K = 1 it returns the nearest expert.
    """

    kind: str = "aggregate"

    def __init__(self, library: BankLike, calibration: Calibration) -> None:
        self.library = library
        self.calibration = calibration
        self.alone: Lru[tuple[str, str, int], tuple[AdapterState, float]] = Lru(KEPT_BYTES)
        """Adapters of single experts, by name, blob and rank: the same object for the same expert."""

    def generate(self, request: Request, vector: Vector, near: Neighbourhood | None = None) -> Generated:
        """The adapter for `request`, whose description has the unit embedding `vector`. Bit for bit repeatable.

        Raises `BankError` when no expert is left to use, `AdapterFormatError` when the result is not finite or longer
        than its parts (a damaged or poisoned expert).
        """
        watch = Stopwatch()
        near = near or neighbourhood(self.library, self.calibration, request, vector, watch)
        adapter, discarded = self._combined(near, request.rank or self.library.rank, watch)
        return Generated(
            adapter=adapter,
            neighbours=near.contributions[: near.used],
            coverage=near.coverage,
            spread=near.spread,
            discarded=round(discarded, PLACES),
            warnings=coverage_warnings(near.coverage, near.found[0].name),
            times_ms=watch.ms,
        )

    def _combined(self, near: Neighbourhood, rank: int, watch: Stopwatch) -> tuple[AdapterState, float]:
        """The checked sum, and what compressing it lost."""
        used = near.used
        key = (near.found[0].name, near.contributions[0].blob, rank)
        if used == 1 and (known := self.alone.get(key)) is not None:
            return known
        with watch("combine"):
            adapter, discarded = combine(near.states[:used], near.weights, rank=rank)
        with watch("check"):
            check_emission(adapter, {path: float(e[:used].max()) for path, e in near.energies.items()})
        if used == 1:
            self.alone.put(key, (adapter, discarded), 4 * adapter.parameters)
        return adapter, discarded


def combine(states: Sequence[AdapterState], weights: Sequence[float], *, rank: int) -> tuple[AdapterState, float]:
    """`weighted_sum` on one thread: faster for matrices this small, and the same bytes on any number of cores."""
    with one_thread():
        return weighted_sum(states, weights, rank=rank)


def check_emission(adapter: AdapterState, energies: Mapping[str, float]) -> None:
    """Refuse an adapter that is not finite, or that has a module longer (Frobenius) than the longest of its parts.

    `energies` holds ‖ΔW‖² of the longest part, for each module.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # what is infinite is looked for here; numpy need not warn
        norms = update_norms(adapter)
    for path, norm in norms.items():
        bound = math.sqrt(energies[path])
        if not norm <= bound * NORM_SLACK + 1e-6:  # also true of NaN
            raise AdapterFormatError(
                f"{path}: the generated update has norm {norm:.4g} (Frobenius), expected a finite number of at most "
                f"{bound:.4g}, the longest of its experts. Run: genlora bank verify"
            )
