"""Comp-LoRA: the update stays out of the directions that the weight itself uses most."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec

from .._context import Start
from .._registry import Option, method
from .._structure import Parts, Plain, padded


def leading(weight: Tensor, energy: float) -> tuple[Tensor, Tensor]:
    """U_k (d_out, k) and V_k (d_in, k) of the fewest singular vectors that hold `energy` of ‖W‖²."""
    u, s, vh = torch.linalg.svd(weight, full_matrices=False)
    share = s.square().cumsum(0) / s.square().sum().clamp(min=1e-30)
    k = min(int((share < energy).sum()) + 1, len(s))
    return u[:, :k].contiguous(), vh[:k].T.contiguous()


@method(
    "structure",
    "complement",
    axis="rank",
    title="A and B projected out of the weight's leading singular directions",
    source="arXiv 2501.15040, derived from its abstract and a review: there is no official code",
    cost="an SVD of each weight, once; two thin products a step",
    when="what the base does must not change: inputs that lie in the leading directions give the old outputs",
    options={
        "energy": Option(0.9, "share of the weight's energy that is left alone", low=0, high=1),
        "side": Option("both", "which factor is projected", choices=("both", "left", "right")),
    },
)
class Complement(Plain):
    """ΔW = s (I - U_k U_kᵀ) B A (I - V_k V_kᵀ)."""

    needs_weight = True

    def __init__(self, *, energy: float, side: str) -> None:
        self.energy, self.side = energy, side

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"a": (rank, spec.d_in), "b": (spec.d_out, rank)}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        assert weight is not None
        u, v = leading(weight, self.energy)
        return {"u": u[None], "v": v[None]}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        return {"a": padded(given.a, rows=rank), "b": padded(given.b, columns=rank)}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        a, b, u, v = parts["a"], parts["b"], parts["u"], parts["v"]
        if self.side != "left":
            a = a - (a @ v) @ v.mT
        if self.side != "right":
            b = b - u @ (u.mT @ b)
        return a, b
