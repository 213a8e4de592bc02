"""The first generator: the weighted sum of the nearest experts (SG-LoRA's stage one, arXiv 2509.10535)."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from genlora.adapter import AdapterState, update_norms, weighted_sum
from genlora.errors import AdapterFormatError, BankError

from ._coverage import LOW, NONE, STANDARD_K, Calibration, Coverage, products, softmax, spread_of, support_of
from ._protocol import Contribution, Generated, Library, NeighbourLike, Request, Vector

PLACES = 6
"""Similarities are rounded to this many decimals before anything is computed from them, so that a receipt holds the
very numbers that made the weights."""

NORM_SLACK = 1.001
"""A weighted mean is no longer than the longest of its parts; the rest is rounding."""


class Stopwatch:
    """Milliseconds per named stage."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[stage] = self.ms.get(stage, 0.0) + (time.perf_counter() - start) * 1e3


@dataclass(frozen=True)
class Neighbourhood:
    """What a bank says about a request, whatever generator answers it."""

    found: tuple[NeighbourLike, ...]
    """Nearest first: at least `STANDARD_K` where the bank holds as many."""
    states: tuple[AdapterState, ...]
    similarities: tuple[float, ...]
    weights: tuple[float, ...]
    """Softmax weights of the first `top_k`."""
    coverage: Coverage
    spread: float
    energies: Mapping[str, NDArray[np.float64]]
    """‖ΔW‖² of each expert in each module."""
    contributions: tuple[Contribution, ...]

    @property
    def used(self) -> int:
        return len(self.weights)

    def nearest(self) -> Self:
        """The same request with its nearest expert alone, as `top_k` = 1 would find it; coverage stays."""
        alone = replace(self.contributions[0], weight=1.0)
        return replace(self, weights=(1.0,), spread=0.0, contributions=(alone,))


def neighbourhood(
    library: Library, calibration: Calibration, request: Request, vector: Vector, watch: Stopwatch
) -> Neighbourhood:
    """The request's nearest experts, their weights, coverage and spread. Raises `BankError` when none is left."""
    with watch("search"):
        found = _nearest(library, vector, max(request.top_k, STANDARD_K), request.exclude)
    with watch("states"):
        states = tuple(library.state(n.name) for n in found)
    similarities = tuple(round(n.similarity, PLACES) for n in found)
    used = min(request.top_k, len(found))
    weights = tuple(softmax(similarities[:used], request.temperature))
    with watch("coverage"), one_thread():
        inner = products(states)
        check_parts(inner.energies, [n.name for n in found])
        coverage = calibration.coverage(support_of(similarities, inner.gram))
        spread = round(spread_of(weights, inner.gram[:used, :used]), PLACES)
    contributions = tuple(_contribution(library, *x) for x in zip(found[:used], similarities, weights, strict=False))
    return Neighbourhood(
        tuple(found), states, similarities, weights, coverage, spread, inner.energies, contributions
    )  # fmt: skip


def _nearest(library: Library, vector: Vector, k: int, exclude: frozenset[str]) -> list[NeighbourLike]:
    found = [n for n in library.search(vector, k + len(exclude)) if n.name not in exclude][:k]
    if not found:
        raise BankError(
            "the bank has no expert to generate from. Add some with: genlora bank train, or genlora bank import"
        )
    # Ordered by the rounded numbers, then by name: the last bits of a similarity must not decide an order.
    return sorted(found, key=lambda n: (-round(n.similarity, PLACES), n.name))


def _contribution(library: Library, neighbour: NeighbourLike, similarity: float, weight: float) -> Contribution:
    record = library.get(neighbour.name)
    return Contribution(neighbour.name, similarity, weight, record.blob, record.licence)


class AggregateGenerator:
    """Top-K experts by cosine similarity, softmax weights, exact weighted sum of their products, compressed.

    Products are summed, never factors: factors of one update are not unique. With K = 1 it returns the nearest expert.
    """

    kind: ClassVar[str] = "aggregate"

    def __init__(self, library: Library, calibration: Calibration) -> None:
        self.library = library
        self.calibration = calibration

    def generate(self, request: Request, vector: Vector, near: Neighbourhood | None = None) -> Generated:
        """The adapter for `request`, whose description has the unit embedding `vector`. Bit for bit repeatable.

        Raises `BankError` when no expert is left to use, `AdapterFormatError` when the result is not finite or longer
        than its parts (a damaged or poisoned expert).
        """
        watch = Stopwatch()
        near = near or neighbourhood(self.library, self.calibration, request, vector, watch)
        used = near.used
        with watch("combine"):
            adapter, discarded = combine(near.states[:used], near.weights, rank=request.rank or self.library.rank)
        with watch("check"):
            check_emission(adapter, {path: float(e[:used].max()) for path, e in near.energies.items()})
        return Generated(
            adapter=adapter,
            neighbours=near.contributions,
            coverage=near.coverage,
            spread=near.spread,
            discarded=round(discarded, PLACES),
            warnings=coverage_warnings(near.coverage, near.found[0].name),
            times_ms=watch.ms,
        )


def combine(states: Sequence[AdapterState], weights: Sequence[float], *, rank: int) -> tuple[AdapterState, float]:
    """`weighted_sum` on one thread: faster for matrices this small, and the same bytes on any number of cores."""
    with one_thread():
        return weighted_sum(states, weights, rank=rank)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread inside the block: sums do not depend on how they were split."""
    before = torch.get_num_threads()
    if before == 1:  # every change of the number costs a new team of threads: milliseconds
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_parts(energies: Mapping[str, NDArray[np.float64]], names: Sequence[str]) -> None:
    """Refuse experts whose ‖ΔW‖² is not a finite number in some module."""
    for path, values in energies.items():
        for name, energy in zip(names, values, strict=True):
            if not np.isfinite(energy):
                raise AdapterFormatError(
                    f"expert {name}: {path} is not finite. Its weights are damaged; run: genlora bank verify"
                )


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


def coverage_warnings(coverage: Coverage, nearest: str) -> tuple[str, ...]:
    if coverage.value >= LOW:
        return ()
    if coverage.value <= NONE:
        return (
            f"no support in the bank: coverage is {coverage.value:.2f}, no expert is near this description (nearest: "
            f"{nearest}), and the adapter is as good as arbitrary. Do not rely on it; add experts near it first.",
        )
    return (
        f"coverage is low ({coverage.value:.2f}): the bank holds nothing near this description (nearest: {nearest}) "
        "and the adapter may do no better than the base. Say the task in other words, or add experts near it.",
    )
