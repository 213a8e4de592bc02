"""Riemannian preconditioning: each factor's gradient is measured by the other factor."""

import torch
from torch import Tensor

from .._masters import Masters
from .._registry import Option, method
from .._rules import Adam


@method(
    "rule",
    "riemannian",
    axis="dynamics",
    title="gradients of A and B preconditioned by (Bᵀ B)⁻¹ and (A Aᵀ)⁻¹",
    source="Zhang & Pilanci 2024, arXiv 2402.02347; equal to PEFT's create_riemannian_optimizer",
    cost="r x r inverses a step",
    when="training is unsteady in the rate: the step no longer depends on how B A is divided",
    options={"reg": Option(0.01, "added to the diagonals before they are inverted", low=1e-8, high=10)},
    traits=("optimiser", "free factors"),
)
class Riemannian(Adam):
    """AdamW on (Bᵀ B + reg)⁻¹ gA and gB (A Aᵀ + reg)⁻¹."""

    def __init__(self, *, reg: float) -> None:
        self.reg = reg

    def step(self, stack: Masters, grads: list[Tensor], lr: Tensor, weight_decay: float) -> None:
        n, to_a, to_b = len(stack.specs), [], []
        for i, (a, b) in enumerate(zip(stack.trained["a"], stack.trained["b"], strict=True)):
            eye = self.reg * torch.eye(a.shape[1])
            to_a.append(torch.linalg.solve(b.mT @ b + eye, grads[i]))
            to_b.append(torch.linalg.solve(a @ a.mT + eye, grads[n + i].mT).mT)
        super().step(stack, to_a + to_b, lr, weight_decay)
