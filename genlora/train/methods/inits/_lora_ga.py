"""LoRA-GA: factors from the gradient of the weights, so that the first step is full fine-tuning's in rank 2r."""

import torch

from .._context import Context, Start, low_rank_svd
from .._registry import Option, method


@method(
    "init",
    "lora-ga",
    axis="initialisation",
    title="A and B from the singular vectors of the task's own gradient",
    source="Wang et al. 2024, arXiv 2407.05000; the paper's formula, which PEFT 0.21's lora_ga is not",
    cost="a backward pass through the weights for a few batches, once; then the forward of rank 2r",
    when="steps are few or dear; experts no longer start from one A, and are stored cut from rank 2r to the bank's",
    options={
        "batches": Option(4, "training batches that the gradient is the mean of", low=1, high=1000),
        "gamma": Option(16.0, "of the stable scale: the smaller, the larger the start", low=1e-3, high=1e6),
        "scaling": Option("stable", "size of the start", choices=("stable", "gd", "unit")),
        "direction": Option("ArB2r", "which singular vectors go where", choices=("ArB2r", "A2rBr", "ArBr")),
    },
    traits=("residual", "gradient"),
)
class LoraGa:
    """G = U S Vᵀ, A = V[:, :r]ᵀ and B = U[:, r:2r]: after one step of SGD the update is -η s² (G Aᵀ A + B Bᵀ G), the
    best rank 2r of G since the two blocks are disjoint. The product at the start is taken out again (`residual`).
    """

    def __init__(self, *, batches: int, gamma: float, scaling: str, direction: str) -> None:
        self.batches, self.gamma, self.scaling, self.direction = batches, gamma, scaling, direction

    def __call__(self, context: Context) -> dict[str, Start]:
        out = {}
        for i, (path, g) in enumerate(context.gradients(self.batches).items()):
            r, (m, n) = context.ranks[path], g.shape
            u, _, v = low_rank_svd(g, max(1, min(4 * r, m, n)), iterations=4, seed=context.seed + i)
            half = min(r, u.shape[1] // 2)  # a module narrower than 2r has no second block of r
            first, second = torch.arange(half), torch.arange(half, 2 * half)
            if self.direction == "ArBr":
                first, second = torch.arange(1, 2 * half, 2), torch.arange(0, 2 * half, 2)
            to_a, to_b = (second, first) if self.direction == "A2rBr" else (first, second)
            size = {"stable": m**0.25 / self.gamma**0.5, "gd": 1 / context.scale, "unit": 1.0}[self.scaling]
            out[path] = Start(size * v[:, to_a].T.contiguous(), size * u[:, to_b].contiguous())
        return out
