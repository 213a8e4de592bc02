"""Many adapters of one base into one, by name: what a federated server or a merge of experts does.

What is exact here is exact in products, B A, because factors are not unique. Averaging factors (FedAvg, FedIT) is wrong
by cross terms between clients; it is here as the baseline that the others are measured against.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from genlora.errors import ConfigError

from ._algebra import MAX_RANK, check_rank, check_sum, delta_state, energies, modules_of, padded, resize, weighted_sum
from ._diagnostics import product_cosine
from ._state import AdapterState, LoraPair

FAIR_LAMBDA = 0.01
TIES_DENSITY = 0.2
DARE_DENSITY = 0.5
SIMILARITY_TEMPERATURE = 0.1

Report = dict[str, float]


@dataclass(frozen=True, eq=False)
class Aggregated:
    """One adapter, and how far it is from the weighted sum of its parts."""

    state: AdapterState
    report: Mapping[str, float]
    """`error`: ‖ΔW - Σ pₖ ΔWₖ‖ / ‖Σ pₖ ΔWₖ‖ over all modules (0 is exact), and what the method tells besides."""


@dataclass(frozen=True)
class Aggregation:
    """A way to make one adapter of many."""

    name: str
    source: str
    about: str
    options: Mapping[str, Any]
    """Its options with their defaults."""
    run: Callable[..., tuple[AdapterState, Report]]
    """(states, weights, rank, **options) -> (adapter, what it tells besides)."""


def aggregate(
    name: str,
    states: Sequence[AdapterState],
    weights: Sequence[float],
    *,
    rank: int | None = None,
    **options: Any,
) -> Aggregated:
    """The adapters `states` as one, by the method `name` (see `AGGREGATIONS`).

    Args:
        name: of the method.
        states: adapters of one base; ranks, scales and modules may differ, and a module that one lacks is zero there.
        weights: one each, such as shares of the clients' data; 0 or more, and not all 0.
        rank: largest rank of the result. By default `flora` keeps the sum of all ranks, and the others the largest one.
        options: of the method; see `Aggregation.options`.

    Raises `ConfigError` for an unknown name, option or value, `AdapterShapeError` for adapters of different bases.
    """
    method = aggregation_named(name)
    unknown = sorted(set(options) - set(method.options))
    if unknown:
        known = ", ".join(method.options) or "none"
        raise ConfigError(f"aggregation {name} has no option {unknown[0]!r}; it has: {known}.")
    check_sum(states, weights)
    if min(weights) < 0 or sum(weights) <= 0:
        raise ConfigError(f"weights are {list(weights)!r}, expected numbers of 0 or more with a sum above 0.")
    if rank is not None:
        check_rank(rank)
    state, told = method.run(states, weights, rank, **{**method.options, **options})
    return Aggregated(state, {"error": _error(state, states, weights), **told})


def aggregation_named(name: str) -> Aggregation:
    """The method of that name, or a `ConfigError` that lists them."""
    if name not in AGGREGATIONS:
        raise ConfigError(f"no aggregation {name!r}; choose from {', '.join(AGGREGATIONS)}.")
    return AGGREGATIONS[name]


def _error(state: AdapterState, states: Sequence[AdapterState], weights: Sequence[float]) -> float:
    size = sum(energies(_stacked(states, weights)).values())
    off = sum(energies(_stacked([state, *states], [-1.0, *weights])).values())
    return (off / size) ** 0.5 if size > 0 else 0.0


def _stacked(states: Sequence[AdapterState], weights: Sequence[float]) -> AdapterState:
    """Σ wₖ Bₖ Aₖ with the factors side by side, weights and scales inside B: exact, of rank Σ rₖ."""
    out = {}
    for path, pairs in modules_of(states).items():
        parts = [(w, p) for w, p in zip(weights, pairs, strict=True) if p is not None]
        a = torch.cat([p.a.float() for _, p in parts])
        out[path] = LoraPair(a, torch.cat([(w * p.scale) * p.b.float() for w, p in parts], 1))
    return AdapterState(out)


def _flora(states: Sequence[AdapterState], weights: Sequence[float], rank: int | None) -> tuple[AdapterState, Report]:
    stack = _stacked(states, weights)
    widest = max(p.rank for p in stack.values())
    if rank is None and widest > MAX_RANK:
        raise ConfigError(
            f"the stack of {len(states)} adapters has rank {widest}, and genlora writes at most {MAX_RANK}. "
            "Give a rank to compress it to."
        )
    if rank is None or widest <= rank:
        return stack, {"lost": 0.0}
    state, lost = resize(stack, rank)
    return state, {"lost": lost}


def _svd(states: Sequence[AdapterState], weights: Sequence[float], rank: int | None) -> tuple[AdapterState, Report]:
    state, lost = weighted_sum(states, weights, rank=rank or _widest(states))
    return state, {"lost": lost}


def _similarity(
    states: Sequence[AdapterState],
    weights: Sequence[float],
    rank: int | None,
    *,
    similarities: Sequence[float] | None,
    temperature: float,
) -> tuple[AdapterState, Report]:
    """Weights times softmax(similarity / temperature), then `_svd`. Without `similarities`, each adapter's is its
    cosine with the weighted sum: an odd one out counts less.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature is {temperature}, expected a number above 0; 0.1 is the default.")
    if similarities is None:
        mean = _stacked(states, weights)
        similarities = [product_cosine(s, mean) for s in states]
    if len(similarities) != len(states):
        raise ConfigError(f"{len(similarities)} similarities for {len(states)} adapters; expected one each.")
    logits = torch.tensor(weights, dtype=torch.float64).log() + torch.tensor(similarities).double() / temperature
    chosen = (torch.softmax(logits, 0) * sum(weights)).tolist()
    state, told = _svd(states, chosen, rank)
    return state, {**told, "largest_weight": max(chosen) / sum(weights)}


def _fedavg(states: Sequence[AdapterState], weights: Sequence[float], rank: int | None) -> tuple[AdapterState, Report]:
    state = _averaged(states, weights)
    return (state, {}) if rank is None else (resize(state, rank)[0], {})


def _averaged(states: Sequence[AdapterState], weights: Sequence[float]) -> AdapterState:
    """A and B averaged separately, smaller ranks padded with zeros; scales inside B."""
    rank, total = _widest(states), sum(weights)
    out = {}
    for path, pairs in modules_of(states).items():
        parts = [(w, padded(p.folded(), rank)) for w, p in zip(weights, pairs, strict=True) if p is not None]
        a, b = parts[0][1].a * 0, parts[0][1].b * 0
        for w, p in parts:
            a, b = a + (w / total) * p.a, b + w * p.b
        out[path] = LoraPair(a, b)
    return AdapterState(out)


def _fair(
    states: Sequence[AdapterState], weights: Sequence[float], rank: int | None, *, lam: float, cosine: bool
) -> tuple[AdapterState, Report]:
    """Averages, with B corrected towards the exact sum: least squares with a ridge, in closed form.

    dB = (ΔW - B̄ Ā) Āᵀ (Ā Āᵀ + λ I)⁻¹. What of ΔW lies outside the rows of Ā stays out of reach. With `cosine` the
    paper's own distance instead, see `_turned`; it turns B and cannot mend its size.
    """
    if not lam >= 0:
        raise ConfigError(f"lam is {lam}, expected a number of 0 or more; {FAIR_LAMBDA} is the default.")
    mean, everything = _averaged(states, weights), _stacked(states, weights)
    out, moved, size = {}, 0.0, 0.0
    for path, pair in mean.items():
        a, b, exact = pair.a.double(), pair.b.double(), everything[path]
        wanted = exact.b.double() @ (exact.a.double() @ a.mT)
        gram = a @ a.mT
        if cosine:
            step = _turned(b, gram, wanted, float((exact.b.double() @ exact.a.double()).norm()), lam)
            out[path] = LoraPair(pair.a, (b + step).float())
            moved, size = moved + float(step.square().sum()), size + float(b.square().sum())
            continue
        # Zero rows where a rank was padded, and at λ = 0 any rows that depend on each other: the pseudo-inverse.
        inverse = torch.linalg.pinv(gram + lam * torch.eye(len(gram), dtype=gram.dtype), hermitian=True)
        step = (wanted - b @ gram) @ inverse
        out[path] = LoraPair(pair.a, (b + step).float())
        moved, size = moved + float(step.square().sum()), size + float(b.square().sum())
    state = AdapterState(out) if rank is None else resize(AdapterState(out), rank)[0]
    return state, {
        "correction": (moved / size) ** 0.5 if size > 0 else 0.0,
        "averaged_error": _error(mean, states, weights),
        "cosine": product_cosine(state, everything),
        "averaged_cosine": product_cosine(mean, everything),
    }


def _turned(b: Tensor, gram: Tensor, wanted: Tensor, size: float, lam: float) -> Tensor:
    """The minimum over dB of 1 - cos(ΔW, (B̄ + dB) Ā) + λ ‖dB‖, one module, float64.

    Args:
        b: B̄ (d_out, r).
        gram: Ā Āᵀ (r, r).
        wanted: ΔW Āᵀ (d_out, r), all that the cosine needs of ΔW beside its norm `size`.
        size: ‖ΔW‖.
        lam: λ.

    The norm has a corner at zero: nothing moves where the cosine's slope there is not above λ. Elsewhere L-BFGS, which
    unlike the paper's SGD draws nothing.
    """
    length = float((b @ gram * b).sum().clamp(min=0).sqrt())
    if size == 0 or length == 0:
        return torch.zeros_like(b)
    slope = (wanted * b).sum() / (size * length**3) * (b @ gram) - wanted / (size * length)
    if float(slope.norm()) <= lam or float(slope.norm()) < 1e-12:
        return torch.zeros_like(b)
    # From a hundredth of B̄'s size down the slope, where the norm is smooth.
    step = (-0.01 * b.norm() / slope.norm() * slope).requires_grad_(True)
    search = torch.optim.LBFGS([step], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        moved = b + step
        return 1 - (wanted * moved).sum() / (size * (moved @ gram * moved).sum().sqrt()) + lam * step.norm()

    def closure() -> Tensor:
        search.zero_grad()
        value = loss()
        value.backward()
        return value

    with torch.enable_grad():
        search.step(closure)
        better = float(loss().detach()) < 1 - float((wanted * b).sum()) / (size * length)
    return step.detach() if better else torch.zeros_like(b)


def _sparse(
    states: Sequence[AdapterState],
    weights: Sequence[float],
    rank: int | None,
    *,
    density: float,
    kind: Literal["ties", "dare_linear", "dare_ties"],
    seed: int = 0,
) -> tuple[AdapterState, Report]:
    """PEFT's TIES and DARE on the updates themselves, not on factors; the result is compressed to `rank` by SVD."""
    if not 0 < density <= 1:
        raise ConfigError(f"density is {density}, expected a share above 0 and at most 1.")
    from peft.utils import merge_utils

    # PEFT divides by how many adapters agree on an entry: weights of a mean become weights of a sum.
    share = torch.tensor(weights) * (len(weights) if kind.endswith("ties") else 1)
    mix = getattr(merge_utils, kind)
    found: dict[str, Tensor] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for path, pairs in modules_of(states).items():
            first = next(p for p in pairs if p is not None)
            zero = torch.zeros(first.d_out, first.d_in)
            deltas = [zero if p is None else p.delta() for p in pairs]
            # From 1 on PEFT warns that nothing is pruned; the next number below prunes nothing either.
            found[path] = mix(deltas, share, density=min(density, np.nextafter(1.0, 0.0)))
    state, lost = weighted_sum([delta_state(found)], [1.0], rank=rank or _widest(states))
    return state, {"lost": lost}


def _ties(
    states: Sequence[AdapterState], weights: Sequence[float], rank: int | None, *, density: float
) -> tuple[AdapterState, Report]:
    return _sparse(states, weights, rank, density=density, kind="ties")


def _dare(
    states: Sequence[AdapterState],
    weights: Sequence[float],
    rank: int | None,
    *,
    density: float,
    seed: int,
    ties: bool,
) -> tuple[AdapterState, Report]:
    return _sparse(states, weights, rank, density=density, kind="dare_ties" if ties else "dare_linear", seed=seed)


def _widest(states: Sequence[AdapterState]) -> int:
    return max(p.rank for s in states for p in s.values())


AGGREGATIONS: dict[str, Aggregation] = {
    m.name: m
    for m in (
        Aggregation("flora", "FLoRA, arXiv 2409.05976", "factors stacked: exact, of the sum of all ranks", {}, _flora),
        Aggregation(
            "fair",
            "LoRA-FAIR, arXiv 2411.14961",
            "factors averaged, then B corrected towards the exact sum",
            {"lam": FAIR_LAMBDA, "cosine": False},
            _fair,
        ),
        Aggregation(
            "fedavg",
            "FedAvg, arXiv 1602.05629; on LoRA factors: FedIT, arXiv 2305.05644",
            "A and B averaged apart from each other: wrong by cross terms, and the baseline",
            {},
            _fedavg,
        ),
        Aggregation(
            "svd", "FlexLoRA, arXiv 2402.11505", "the exact sum, compressed to the best update of one rank", {}, _svd
        ),
        Aggregation(
            "ties",
            "TIES-Merging, arXiv 2306.01708",
            "only the largest changes, and of them those that agree in sign; compressed",
            {"density": TIES_DENSITY},
            _ties,
        ),
        Aggregation(
            "dare",
            "DARE, arXiv 2311.03099",
            "changes dropped at random and the rest enlarged; compressed",
            {"density": DARE_DENSITY, "seed": 0, "ties": False},
            _dare,
        ),
        Aggregation(
            "similarity",
            "SG-LoRA, arXiv 2509.10535",
            "the exact sum with weights by likeness, compressed",
            {"similarities": None, "temperature": SIMILARITY_TEMPERATURE},
            _similarity,
        ),
    )
}
"""Every method by name."""
