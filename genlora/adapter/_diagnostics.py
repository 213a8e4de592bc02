"""What an update looks like: its norms, effective rank, likeness to others, and intruder dimensions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genlora.errors import AdapterFormatError, AdapterShapeError

from ._algebra import energies
from ._state import AdapterState, LoraPair


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


def intruder_dimensions(weight: Tensor, pair: LoraPair, *, k: int = 10, eps: float = 0.5) -> Intruders:
    """Intruder dimensions of ΔW in `weight` (d_out, d_in): Shuttleworth et al., arXiv 2410.21228.

    A top-k left singular vector of W + ΔW is an intruder if its cosine with every one of W's is below `eps`. Needs
    the full SVD of W twice, so it takes seconds for large modules.
    """
    if tuple(weight.shape) != (pair.d_out, pair.d_in):
        raise AdapterShapeError(
            f"the weight is {tuple(weight.shape)}, expected {(pair.d_out, pair.d_in)} as the update. "
            "Is it the same module?"
        )
    base = weight.detach().double()
    old = torch.linalg.svd(base, full_matrices=False).U
    new = torch.linalg.svd(base + pair.scale * (pair.b.double() @ pair.a.double()), full_matrices=False)
    top = min(k, new.S.shape[0])
    likeness = (new.U[:, :top].mT @ old).abs().amax(1)
    indices = [i for i in range(top) if float(likeness[i]) < eps]
    return Intruders(len(indices), tuple(indices), tuple(float(new.S[i]) for i in indices), k, eps, pair.rank)
