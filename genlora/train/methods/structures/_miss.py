"""MiSS: one trained block that all groups of inputs share."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec
from genlora.errors import ConfigError

from .._context import Start
from .._registry import Option, method
from .._structure import Parts, Plain


@method(
    "structure",
    "miss",
    axis="rank",
    title="B alone, on inputs summed over groups of r",
    source="Kang & Yin 2024, arXiv 2409.15371; equal to PEFT's MissConfig",
    cost="a little less time than plain LoRA; trains r d_out numbers a module",
    when="as LoRA of half the rank, which has as many numbers",
    options={"mini": Option(0, "repeat a block of so many outputs; 0: none", low=0, high=65536)},
)
class Miss(Plain):
    """ΔW = B A with A = [I I ...] of width d_in and B = Dᵀ; with `mini`, D is repeated over the outputs. No scale."""

    ranked = False
    scale = 1.0
    fixed_factors = frozenset({"a"})

    def __init__(self, *, mini: int) -> None:
        self.mini = mini

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        if self.mini and spec.d_out % self.mini:
            raise ConfigError(
                f"miss.mini is {self.mini}, which does not divide {spec.d_out}, the outputs of {spec.path}."
            )
        return {"block": (rank, self.mini or spec.d_out)}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        groups = torch.eye(rank).repeat(1, -(-spec.d_in // rank))[:, : spec.d_in]
        return {"groups": groups[None].contiguous(), "outputs": torch.tensor([spec.d_out])}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        return {"block": torch.zeros(self.trained(spec, rank)["block"])}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        block = parts["block"]
        return parts["groups"], block.repeat(1, 1, int(parts["outputs"]) // block.shape[2]).mT
