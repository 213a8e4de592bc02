"""What an update looks like: its norms, effective rank, likeness to others, and intruder dimensions."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genlora.errors import AdapterFormatError, AdapterShapeError, ConfigError

from ._algebra import energies, weighted_sum
from ._state import AdapterState, LoraPair

_STILL = 1e-7
"""Of the largest singular value: what a Gram matrix in float64 resolves."""


def update_norms(state: AdapterState) -> dict[str, float]:
    """Frobenius norm of ΔW of every module, without forming ΔW."""
    return {path: energy**0.5 for path, energy in energies(state).items()}


def check_norms(state: AdapterState, bounds: Mapping[str, float], *, where: str) -> None:
    """Raise `AdapterFormatError` where a module's ‖ΔW‖ is not finite or exceeds its bound (threat A7).

    Modules without a bound need only be finite.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # what is infinite is looked for here; numpy need not warn
        norms = update_norms(state)
    for path, norm in norms.items():
        bound = bounds.get(path, math.inf)
        if not (norm <= bound and math.isfinite(norm)):
            expected = f"at most {bound:.3g}" if bound < math.inf else "a finite number"
            raise AdapterFormatError(
                f"{where}: {path} changes the base by {norm:.3g} (Frobenius norm), expected {expected}. "
                "That is far outside what trained experts do; check how the adapter was made."
            )


def singular_values(pair: LoraPair) -> Tensor:
    """Singular values of ΔW, (r,) float64, largest first, from the core of the factors."""
    r_a, r_b = torch.linalg.qr(pair.a.double().mT).R, torch.linalg.qr(pair.b.double()).R
    return torch.linalg.svdvals(r_b @ r_a.mT) * abs(pair.scale)


def effective_rank(pair: LoraPair) -> float:
    """Roy & Vetterli 2007: exp of the entropy of the singular values' shares, 1 to r; 0 for a zero update."""
    s = singular_values(pair)
    total = float(s.sum())
    if total <= 0.0:
        return 0.0
    p = s / total
    return float(torch.special.entr(p).sum().exp())


def product_inner(s1: AdapterState, s2: AdapterState) -> float:
    """Σ ⟨ΔW₁, ΔW₂⟩ over modules; a module that only one of them has counts as zero in the other."""
    total = 0.0
    for path in s1:
        if path not in s2:
            continue
        p, q = s1[path], s2[path]
        if (p.d_in, p.d_out) != (q.d_in, q.d_out):
            raise AdapterShapeError(
                f"{path}: updates are {p.d_out} x {p.d_in} and {q.d_out} x {q.d_in}. "
                "Only adapters of one base can be compared; check their fingerprints."
            )
        left = p.b.double().mT @ q.b.double()
        right = p.a.double() @ q.a.double().mT
        total += p.scale * q.scale * float((left * right).sum())
    return total


def product_cosine(s1: AdapterState, s2: AdapterState) -> float:
    """Cosine of two adapters' ΔW as one long vector, in [-1, 1]; 0 where one of them is zero.

    Taken in product space, so it does not depend on how the factors are spelled.
    """
    size = product_inner(s1, s1) * product_inner(s2, s2)
    return max(-1.0, min(1.0, product_inner(s1, s2) / size**0.5)) if size > 0 else 0.0


@dataclass(frozen=True)
class Intruders:
    """New leading directions of W + ΔW that W did not have. The count is bounded by k, not by the rank."""

    count: int
    indices: tuple[int, ...]
    """Which of the top k left singular vectors of W + ΔW, 0 first."""
    sigmas: tuple[float, ...]
    """Their singular values."""
    k: int
    eps: float
    rank: int


def left_directions(weight: Tensor) -> Tensor:
    """All left singular vectors of W (d_out, d_in) as columns, float64: what `intruder_dimensions` compares with."""
    return torch.linalg.svd(weight.detach().double(), full_matrices=False).U


def intruder_dimensions(
    weight: Tensor, pair: LoraPair, *, k: int = 10, eps: float = 0.5, old: Tensor | None = None
) -> Intruders:
    """Intruder dimensions of ΔW in `weight` (d_out, d_in): Shuttleworth et al., arXiv 2410.21228.

    A top-k left singular vector of W + ΔW is an intruder if its cosine with every one of W's is below `eps`. `old` is
    `left_directions(weight)`, for who asks about many updates of one weight. Raises `AdapterShapeError`, `ConfigError`.
    """
    found, sigma, _, _ = _intruders(weight, pair, k, eps, old)
    return Intruders(len(found), tuple(found), tuple(sigma), k, eps, pair.rank)


def mitigate(
    weight: Tensor, pair: LoraPair, *, lam: float = 0.75, k: int = 10, eps: float = 0.5, old: Tensor | None = None
) -> LoraPair:
    """The update with its intruder dimensions scaled by `lam`: 1 leaves it as it is, 0 takes them out.

    W' = W + ΔW + (λ - 1) Σ σᵢ uᵢ vᵢᵀ over the intruders i of W + ΔW; what W' - W is, at the pair's own rank (arXiv
    2410.21228; PEFT's documentation has λ the other way round, its code has it this way). Canonical float32.
    """
    if not 0 <= lam <= 1:
        raise ConfigError(f"lam is {lam}, expected a number from 0 (take intruders out) to 1 (leave them).")
    found, sigma, u, v = _intruders(weight, pair, k, eps, old)
    if not found or lam == 1:
        return pair
    out = (lam - 1) * torch.tensor(sigma, dtype=torch.float64) * u
    whole = LoraPair(torch.cat([pair.a.double(), v.mT]), torch.cat([pair.scale * pair.b.double(), out], 1))
    return weighted_sum([AdapterState({"": whole})], [1.0], rank=pair.rank)[0][""]


def _intruders(
    weight: Tensor, pair: LoraPair, k: int, eps: float, old: Tensor | None
) -> tuple[list[int], list[float], Tensor, Tensor]:
    """Positions among the top k, singular values, and left and right singular vectors (d, count) of the intruders."""
    if tuple(weight.shape) != (pair.d_out, pair.d_in):
        raise AdapterShapeError(
            f"the weight is {tuple(weight.shape)}, expected {(pair.d_out, pair.d_in)} as the update. "
            "Is it the same module?"
        )
    if k < 1 or not 0 < eps <= 1:
        raise ConfigError(f"k is {k} and eps {eps}, expected k of at least 1 and eps above 0 and at most 1.")
    base = weight.detach().double()
    u, s, v = _leading(base + pair.scale * (pair.b.double() @ pair.a.double()), k)
    likeness = (u.mT @ (left_directions(base) if old is None else old)).abs().amax(1)
    # Directions of no strength are arbitrary: those of a weight of low rank, past its end.
    found = [i for i in range(len(s)) if float(likeness[i]) < eps and float(s[i]) > _STILL * float(s[0])]
    return found, [float(s[i]) for i in found], u[:, found], v[:, found]


def _leading(matrix: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k largest singular triples U (m, k), S (k), V (n, k): by the smaller Gram matrix: faster than an SVD."""
    tall = matrix.shape[0] > matrix.shape[1]
    m = matrix.mT if tall else matrix
    values, vectors = torch.linalg.eigh(m @ m.mT)
    near = vectors.flip(1)[:, :k]
    s = values.flip(0)[:k].clamp(min=0).sqrt()
    far = m.mT @ near / s.clamp(min=torch.finfo(s.dtype).tiny)
    return (far, s, near) if tall else (near, s, far)


@dataclass(frozen=True)
class ModuleDiagnosis:
    """What one module's update looks like."""

    path: str
    rank: int
    effective_rank: float
    norm: float
    """‖ΔW‖, Frobenius."""
    weight_norm: float | None
    """‖W‖; None without the weight."""
    intruders: Intruders | None

    @property
    def relative_norm(self) -> float | None:
        """‖ΔW‖ / ‖W‖; None without the weight."""
        if self.weight_norm is None:
            return None
        return self.norm / self.weight_norm if self.weight_norm > 0 else math.inf


class Weights:
    """A base's weights for diagnoses of many adapters: each one's directions are computed once."""

    def __init__(self, weight_of: Callable[[str], Tensor]) -> None:
        self._weight_of = weight_of
        self._known: dict[str, tuple[Tensor, Tensor]] = {}

    def __call__(self, path: str) -> tuple[Tensor, Tensor]:
        """W (d_out, d_in) and its `left_directions`, both float64."""
        if path not in self._known:
            weight = self._weight_of(path).detach().double()
            self._known[path] = weight, left_directions(weight)
        return self._known[path]


def diagnose(
    state: AdapterState, weights: Weights | None = None, *, k: int = 10, eps: float = 0.5
) -> list[ModuleDiagnosis]:
    """Each module's figures, in the order of paths; without `weights` those that need the base are None."""
    norms, out = update_norms(state), []
    for path, pair in state.items():
        size, intruders = None, None
        if weights is not None:
            weight, old = weights(path)
            size = float(weight.norm())
            intruders = intruder_dimensions(weight, pair, k=k, eps=eps, old=old)
        out.append(ModuleDiagnosis(path, pair.rank, effective_rank(pair), norms[path], size, intruders))
    return out
