"""What a bank says about a request: its nearest experts with their weights, coverage and spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState
from genlora.errors import AdapterFormatError, BankError
from genlora.lru import Lru

from ._clock import Stopwatch, one_thread
from ._coverage import NONE, STANDARD_K, Calibration, Products, products, softmax, spread_of, support_of
from ._protocol import LOW, BankLike, Contribution, Coverage, NeighbourLike, Request, Vector

PLACES = 6
"""Similarities are rounded to this many decimals before anything is computed from them, so that a receipt holds the
very numbers that made the weights."""
_KEPT = 1024
"""Neighbourhoods of one bank whose inner products are kept, some ten kilobytes each: requests in bulk share them."""
_kept: WeakKeyDictionary[BankLike, Lru[tuple[tuple[str, str], ...], Products]] = WeakKeyDictionary()


class NeighbourStates(Sequence[AdapterState]):
    """Factors of experts, read when they are asked for: what is known of a neighbourhood already needs none."""

    def __init__(self, library: BankLike, names: Sequence[str]) -> None:
        self._library, self._names = library, tuple(names)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, at: int) -> AdapterState: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[AdapterState, ...]: ...
    def __getitem__(self, at: int | slice) -> AdapterState | tuple[AdapterState, ...]:
        if isinstance(at, slice):
            return tuple(self._library.state(name) for name in self._names[at])
        return self._library.state(self._names[at])

    def chosen(self, places: Sequence[int]) -> Self:
        """Those at these places, in that order."""
        return type(self)(self._library, [self._names[i] for i in places])


@dataclass(frozen=True)
class Neighbourhood:
    """What a bank says about a request, whatever generator answers it."""

    found: tuple[NeighbourLike, ...]
    """Nearest first: at least `STANDARD_K` where the bank holds as many."""
    states: NeighbourStates
    similarities: tuple[float, ...]
    weights: tuple[float, ...]
    """Softmax weights of the first `top_k`."""
    coverage: Coverage
    spread: float
    energies: Mapping[str, NDArray[np.float64]]
    """‖ΔW‖² of each expert in each module."""
    contributions: tuple[Contribution, ...]
    """Of each expert found, with weight 0 after the first `top_k`."""

    @property
    def used(self) -> int:
        return len(self.weights)

    def only(self, at: int) -> Self:
        """The same request with its `at`-nearest expert alone: the nearest as `top_k` = 1 would find it; coverage
        stays.
        """
        first = [at, *(i for i in range(len(self.found)) if i != at)]
        alone = replace(self.contributions[at], weight=1.0)
        return replace(
            self,
            found=tuple(self.found[i] for i in first),
            states=self.states.chosen(first),
            similarities=tuple(self.similarities[i] for i in first),
            energies={path: e[first] for path, e in self.energies.items()},
            weights=(1.0,),
            spread=0.0,
            contributions=(alone,),
        )


def neighbourhood(
    library: BankLike, calibration: Calibration, request: Request, vector: Vector, watch: Stopwatch
) -> Neighbourhood:
    """The request's nearest experts, their weights, coverage and spread. Raises `BankError` when none is left."""
    with watch("search"):
        found = _nearest(library, vector, max(request.top_k, STANDARD_K), request.exclude)
    states = NeighbourStates(library, [n.name for n in found])
    similarities = tuple(round(n.similarity, PLACES) for n in found)
    used = min(request.top_k, len(found))
    weights = tuple(softmax(similarities[:used], request.temperature))
    inner = _inner(library, found, states, watch)
    with watch("coverage"):
        coverage = calibration.coverage(support_of(similarities, inner.gram))
        spread = round(spread_of(weights, inner.gram[:used, :used]), PLACES)
    padded = (*weights, *[0.0] * (len(found) - used))
    contributions = tuple(_contribution(library, *x) for x in zip(found, similarities, padded, strict=True))
    return Neighbourhood(tuple(found), states, similarities, weights, coverage, spread, inner.energies, contributions)


def _inner(library: BankLike, found: Sequence[NeighbourLike], states: NeighbourStates, watch: Stopwatch) -> Products:
    """Inner products of the experts found, computed once for the same experts in the same order: the same bits."""
    names = [n.name for n in found]
    known = _kept.setdefault(library, Lru(_KEPT))
    key = tuple((name, library.get(name).blob) for name in names)
    inner = known.get(key)
    if inner is None:
        with watch("states"):
            read = states[:]
        with watch("coverage"), one_thread():
            inner = products(read)
        check_parts(inner.energies, names)
        known.put(key, inner)
    return inner


def _nearest(library: BankLike, vector: Vector, k: int, exclude: frozenset[str]) -> list[NeighbourLike]:
    found = [n for n in library.search(vector, k + len(exclude)) if n.name not in exclude][:k]
    if not found:
        raise BankError(
            "the bank has no expert to generate from. Add some with: genlora bank train, or genlora bank import"
        )
    # Ordered by the rounded numbers, then by name: the last bits of a similarity must not decide an order.
    return sorted(found, key=lambda n: (-round(n.similarity, PLACES), n.name))


def _contribution(library: BankLike, neighbour: NeighbourLike, similarity: float, weight: float) -> Contribution:
    record = library.get(neighbour.name)
    return Contribution(neighbour.name, similarity, weight, record.blob, record.licence)


def check_parts(energies: Mapping[str, NDArray[np.float64]], names: Sequence[str]) -> None:
    """Refuse experts whose ‖ΔW‖² is not a finite number in some module."""
    for path, values in energies.items():
        for name, energy in zip(names, values, strict=True):
            if not np.isfinite(energy):
                raise AdapterFormatError(
                    f"expert {name}: {path} is not finite. Its weights are damaged; run: genlora bank verify"
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
