"""LoRA-FA: A stays as it starts, and B's gradient is what is nearest to the full one."""

import torch
from torch import Tensor

from .._masters import Masters
from .._registry import method
from .._rules import Adam


@method(
    "rule",
    "lora-fa",
    axis="dynamics",
    title="A frozen; B's gradient times (A Aᵀ)⁻¹",
    source="Zhang et al. 2023, arXiv 2308.03303; equal to PEFT's create_lorafa_optimizer",
    cost="none; half the numbers are trained",
    when="all experts of a bank must keep one A",
    traits=("optimiser", "free factors"),
)
class LoraFa(Adam):
    """AdamW on s⁻² gB (A Aᵀ)⁻¹."""

    idle = frozenset({"a"})

    def rate(self, stack: Masters, index: int, master: Tensor) -> float:
        return 0.0 if stack.name(index) == "a" else 1.0

    def step(self, stack: Masters, grads: list[Tensor], lr: Tensor, weight_decay: float) -> None:
        n, made = len(stack.specs), []
        for i, a in enumerate(stack.trained["a"]):
            gram = a.double() @ a.double().mT + 1e-8 * torch.eye(a.shape[1], dtype=torch.float64)
            made.append((grads[n + i].double() @ torch.linalg.pinv(gram) / stack.scale**2).float())
        super().step(stack, [torch.zeros_like(g) for g in grads[:n]] + made, lr, weight_decay)
