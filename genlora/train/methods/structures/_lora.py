"""LoRA itself: A and B, both free (Hu et al. 2021)."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec

from .._context import Start
from .._registry import method
from .._structure import Parts, Plain, padded


@method(
    "structure",
    "lora",
    axis="rank",
    title="A and B, both free",
    source="Hu et al. 2021, arXiv 2106.09685",
    cost="none: what the others are compared with",
    when="always first; with its own learning rate it is hard to beat",
)
class Lora(Plain):
    """ΔW = s B A. With `residual`, ΔW = s (B A - B0 A0): what an init took out of the base is a frozen second half, so
    the base itself is never changed, and many experts with starts of their own share it.
    """

    def __init__(self, *, residual: bool = False) -> None:
        self.residual = residual

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"a": (rank, spec.d_in), "b": (spec.d_out, rank)}

    def kept(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"a0": (rank, spec.d_in), "b0": (spec.d_out, rank)} if self.residual else {}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        a, b = padded(given.a, rows=rank), padded(given.b, columns=rank)
        return {"a": a, "b": b, "a0": a.clone(), "b0": b.clone()} if self.residual else {"a": a, "b": b}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        a, b = parts["a"], parts["b"]
        if not self.residual:
            return a, b
        return torch.cat([a, parts["a0"]], 1), torch.cat([b, -parts["b0"]], 2)
