"""LoRA-SB: the frozen factors of `xs` from the first step that full fine-tuning would take."""

import torch

from .._context import Context, Start, low_rank_svd
from .._registry import Option, method


@method(
    "init",
    "lora-sb",
    axis="initialisation",
    title="the core of structure xs between singular vectors of full fine-tuning's first step",
    source="Ponkshe et al. 2024, arXiv 2411.19557",
    cost="a backward pass through the weights for a few batches, once",
    when="always, where the structure is xs",
    options={
        "batches": Option(8, "training batches that the gradient is the mean of", low=1, high=1000),
        "sign": Option(True, "approximate AdamW's first step, sign(G); false: the gradient itself, of the same size"),
    },
    traits=("gradient",),
)
class LoraSb:
    """D = -η sign(G), the first step of AdamW at the warm-up's learning rate η; D ≈ U S Vᵀ, B = U_r, A = V_rᵀ and the
    core starts at diag(S_r): training begins one truncated step away from the base.
    """

    def __init__(self, *, batches: int, sign: bool) -> None:
        self.batches, self.sign = batches, sign

    def __call__(self, context: Context) -> dict[str, Start]:
        out = {}
        for i, (path, g) in enumerate(context.gradients(self.batches).items()):
            step = g.sign() if self.sign else g / g.square().mean().sqrt().clamp(min=1e-30)
            rank = context.ranks[path]
            u, s, v = low_rank_svd(-context.warm_lr * step, rank, iterations=10, seed=context.seed + i)
            out[path] = Start(v.T.contiguous(), u.contiguous(), torch.diag(s))
        return out
