"""MiCA: B frozen at the weight's least singular vectors, A trained."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec

from .._context import Start
from .._registry import method
from .._structure import Parts, Plain


@method(
    "structure",
    "mica",
    axis="rank",
    title="A alone, B frozen at the weight's least left singular vectors",
    source="arXiv 2604.01694; equal to PEFT's init_lora_weights='mica'",
    cost="an SVD of each weight, once; a little less time than plain LoRA; trains r d_in numbers a module",
    when="the update must stay out of what the base writes most",
)
class Mica(Plain):
    """ΔW = s B A from A = 0."""

    needs_weight = True
    ranked = False
    fixed_factors = frozenset({"b"})

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"up": (rank, spec.d_in)}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        assert weight is not None
        least = torch.linalg.svd(weight, full_matrices=False).U[:, -rank:]
        return {"least": least[None].contiguous()}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        return {"up": torch.zeros(rank, spec.d_in)}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        return parts["up"], parts["least"]
