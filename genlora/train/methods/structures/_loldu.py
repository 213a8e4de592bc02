"""LoLDU: only a diagonal between the weight's own triangular factors is trained."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec

from .._context import Start
from .._registry import Option, method
from .._structure import Parts, Plain


def ldu(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """P L (d_out, q), D (q,) and unit upper U (q, d_in) with W = P L diag(D) U, q = min(d_out, d_in).

    A pivot near zero is kept at 1e-6 of the largest, so that nothing is divided by zero.
    """
    p, lower, upper = torch.linalg.lu(weight.double())
    d = upper.diagonal().clone()
    least = 1e-6 * d.abs().max().clamp(min=1e-30)
    d = torch.where(d.abs() < least, torch.where(d < 0, -least, least), d)
    return (p @ lower).float(), d.float(), (upper / d[:, None]).float()


@method(
    "structure",
    "loldu",
    axis="rank",
    title="only a diagonal of r numbers between the weight's LDU factors",
    source="Shi et al. 2024, arXiv 2410.13618",
    cost="an LU of each weight, once; the time of LoRA of rank `width`; trains `width` numbers a module",
    when="experts must be tinier still; takes rates of 1e-2 and up, and a width far above the bank's rank loses much",
    options={"width": Option(0, "numbers trained a module; 0: the rank", low=0, high=4096)},
)
class Loldu(Plain):
    """ΔW = s L_r diag(d) U_r with d from zero on the clean base: the same gradients as training D on a residual one."""

    ranked = False
    needs_weight = True
    fixed_factors = frozenset({"a"})

    def __init__(self, *, width: int) -> None:
        self.width = width

    def _width(self, spec: ModuleSpec, rank: int) -> int:
        return min(self.width or rank, spec.d_in, spec.d_out)

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"d": (self._width(spec, rank),)}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        assert weight is not None
        width = self._width(spec, rank)
        lower, _, upper = ldu(weight)
        return {"lower": lower[None, :, :width].contiguous(), "upper": upper[None, :width].contiguous()}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        return {"d": torch.zeros(self._width(spec, rank))}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        return parts["upper"], parts["lower"] * parts["d"][:, None, :]
