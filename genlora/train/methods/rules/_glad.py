"""GLAD: the gradient is steered by the gradient a little further up the loss."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .._masters import Masters
from .._registry import Option, method
from .._rules import Again, Hooks


def per_slot(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """(k,) inner products of two lists of (k, ...)."""
    return torch.stack([(x * y).flatten(1).sum(1) for x, y in zip(one, other, strict=True)]).sum(0)


def steered(grads: list[Tensor], sharp: list[Tensor], weight: float) -> list[Tensor]:
    """(1 - w) g + w g_s; where they disagree, g without its part against g_s. Experts (k, ...) each for themselves."""
    dot, size = per_slot(grads, sharp), per_slot(sharp, sharp).clamp(min=1e-30)
    out = []
    for g, h in zip(grads, sharp, strict=True):
        shape = (-1, *[1] * (g.ndim - 1))
        freed = g - (dot / size).view(shape) * h
        out.append(torch.where((dot < 0).view(shape), freed, (1 - weight) * g + weight * h))
    return out


@method(
    "rule",
    "glad",
    axis="dynamics",
    title="mixes in the gradient a small step up the loss: flatter minima",
    source="arXiv 2507.13089, its mixing weight derived here: the paper's repository is a placeholder; weight=1 is SAM",
    cost="two forward and backward passes a step",
    when="few examples, and inputs of other classes than those trained on will come",
    options={
        "rho": Option(0.5, "how far up the loss, in the norm of what is trained", low=1e-4, high=10),
        "weight": Option(0.5, "of the second gradient; 0 only removes conflicts, 1 is SAM", low=0, high=1),
    },
)
class Glad(Hooks):
    """g' of `steered`, g_s at w + rho g / ‖g‖ on the same batch; w is put back bit for bit."""

    def __init__(self, *, rho: float, weight: float) -> None:
        self.rho, self.weight = rho, weight

    def gradients(self, stack: Masters, grads: list[Tensor], again: Again) -> list[Tensor]:
        masters = stack.masters
        live = [stack.live[stack.place(i)].view(-1, *[1] * (g.ndim - 1)) for i, g in enumerate(grads)]
        here = [g * on for g, on in zip(grads, live, strict=True)]
        norm = per_slot(here, here).sqrt().clamp(min=1e-30)
        before = [x.clone() for x in masters]
        for x, g in zip(masters, here, strict=True):
            x.add_(self.rho * g / norm.view(-1, *[1] * (g.ndim - 1)))
        sharp = again()
        for x, old in zip(masters, before, strict=True):
            x.copy_(old)
        return steered(here, [g * on for g, on in zip(sharp, live, strict=True)], self.weight)
