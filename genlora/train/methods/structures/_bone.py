"""Bone: small blocks that the weight's own blocks steer."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec
from genlora.errors import ConfigError

from .._context import Start
from .._registry import Option, method
from .._structure import Parts, Plain


@method(
    "structure",
    "bone",
    axis="rank",
    title="r x r blocks, each steered by the weight's own blocks",
    source="Kang & Yin 2024, arXiv 2409.15371; equal to PEFT's MissConfig with init_weights='bat'",
    cost="as much again as the base's own product, forward and backward, and the full update is built each step",
    when="few numbers should reach a full-rank update; as a plain LoRA much of it is lost, and the card says how much",
    options={"size": Option(0, "r, a divisor of both sides of every module; 0: the rank", low=0, high=1024)},
)
class Bone(Plain):
    """ΔW_ab = (W_ab + I) D_a over blocks of r x r, a down the rows and b along the columns. No scale."""

    ranked = False
    scale = 1.0
    needs_weight = True

    def __init__(self, *, size: int) -> None:
        self.size = size

    def fixed(self, spec: ModuleSpec) -> frozenset[str]:
        return frozenset({"b"} if spec.d_out <= spec.d_in else {"a"})

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        r = self.size or rank
        if spec.d_in % r or spec.d_out % r:
            raise ConfigError(
                f"{spec.path} is {spec.d_out} x {spec.d_in}, which blocks of {r} do not tile. Choose another bone.size."
            )
        return {"blocks": (spec.d_out // r, r, r)}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        assert weight is not None
        return {"weight": weight[None], "eye": torch.eye(min(weight.shape))[None]}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        return {"blocks": torch.zeros(self.trained(spec, rank)["blocks"])}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        blocks, weight = parts["blocks"], parts["weight"][0]
        k, rows, r, _ = blocks.shape
        m, n = weight.shape
        cut = weight.view(rows, r, n // r, r).permute(0, 2, 1, 3) + torch.eye(r)
        full = (cut @ blocks[:, :, None]).permute(0, 1, 3, 2, 4).reshape(k, m, n)
        return (full, parts["eye"]) if m <= n else (parts["eye"], full)
