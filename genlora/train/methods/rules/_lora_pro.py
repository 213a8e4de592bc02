"""LoRA-Pro: the step of A and B whose product is nearest to the step of the full weights."""

import torch
from torch import Tensor

from .._masters import Masters
from .._registry import Option, method
from .._rules import Adam, adam_direction

_DAMPING = 1e-8


def adjust(a: Tensor, b: Tensor, grad_a: Tensor, grad_b: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Steps (hA, hB) that make s B hA + s hB A nearest to the gradient of the weights in Frobenius norm.

    Of all that do, those nearest to (grad_a, grad_b): X solves a Sylvester equation, through the eigenvectors of both
    Gram matrices. A is (k, r, d_in), B (k, d_out, r); float64, since the Gram matrices square the condition.
    """
    a, b, grad_a, grad_b = (x.double() for x in (a, b, grad_a, grad_b))
    eye = _DAMPING * torch.eye(a.shape[1], dtype=torch.float64)
    # An expert that diverged must not take its neighbours down: its own numbers stay what they are, below.
    l1, q1 = torch.linalg.eigh(torch.nan_to_num(b.mT @ b) + eye)
    l2, q2 = torch.linalg.eigh(torch.nan_to_num(a @ a.mT) + eye)
    inverse_b, inverse_a = (q / values[:, None, :] @ q.mT for values, q in ((l1, q1), (l2, q2)))
    h = inverse_b @ grad_a / scale**2
    x = q1 @ ((q1.mT @ (-h @ a.mT) @ q2) / (l1[:, :, None] + l2[:, None, :])) @ q2.mT
    outside = grad_b - b @ (inverse_b @ (b.mT @ grad_b))
    return h + x @ a, outside @ inverse_a / scale**2 - b @ x


@method(
    "rule",
    "lora-pro",
    axis="dynamics",
    title="steps of A and B that add up to the nearest step of the full weights",
    source="Wang et al. 2024, arXiv 2407.18242",
    cost="small eigenproblems a step; mode adam keeps two moments of the size of the weights, as full fine-tuning does",
    when="plain LoRA stays behind full fine-tuning and memory is there; mode sgd needs none, and a rate of its own",
    options={"mode": Option("adam", "moments of the full step, or none", choices=("adam", "sgd"))},
    traits=("optimiser", "free factors"),
)
class LoraPro(Adam):
    """Adam on the full step g̃ = s B hA + s hB A, whose direction is then divided between A and B the same way."""

    def __init__(self, *, mode: str) -> None:
        self.mode = mode

    def memory(self, stack: Masters) -> dict[str, list[Tensor]]:
        if self.mode == "sgd":
            return {}
        return {k: [torch.zeros(stack.slots, s.d_out, s.d_in) for s in stack.specs] for k in ("m", "v")}

    def step(self, stack: Masters, grads: list[Tensor], lr: Tensor, weight_decay: float) -> None:
        n, s = len(stack.specs), stack.scale
        for i in range(n):
            a, b = stack.trained["a"][i], stack.trained["b"][i]
            h_a, h_b = adjust(a, b, grads[i], grads[n + i], s)
            if self.mode == "adam":
                full = (s * (b.double() @ h_a + h_b @ a.double())).float()
                moments = stack.memory["m"][i], stack.memory["v"][i]
                u = adam_direction(*moments, full, stack.counts[i], stack.live[i])
                h_a, h_b = adjust(a, b, s * b.mT @ u, s * u @ a.mT, s)
            size = (lr * stack.live[i])[:, None, None]
            for master, h in ((a, h_a), (b, h_b)):
                master.mul_(1 - size * weight_decay).sub_(size * h.float())
