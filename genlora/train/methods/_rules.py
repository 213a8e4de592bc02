"""How a step is taken: the two protocols, and AdamW, which most rules lean on."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ._masters import Masters

Again = Callable[[], list[Tensor]]
"""Takes the gradients of the same batch once more, at the masters as they are now."""

BETAS = (0.9, 0.99)


@runtime_checkable
class Rule(Protocol):
    """Something that has a say in every step. Every tensor has the experts in front, (k, ...)."""

    scale: float | None
    """alpha / r that the rule asks for, or None."""

    def begin(self, stack: Masters) -> None:
        """Before the gradients are looked at."""
        ...

    def gradients(self, stack: Masters, grads: list[Tensor], again: Again) -> list[Tensor]:
        """What the step is taken from; `again` gives gradients anew, at masters that were moved meanwhile."""
        ...


@runtime_checkable
class Optimiser(Protocol):
    """Turns gradients into steps of `stack.masters`."""

    scale: float | None
    idle: frozenset[str]
    """Names of masters that it leaves alone."""

    def memory(self, stack: Masters) -> dict[str, list[Tensor]]:
        """What it remembers between steps, zero at first: {name, m or v: tensors (k, ...), one or more a module}."""
        ...

    def step(self, stack: Masters, grads: list[Tensor], lr: Tensor, weight_decay: float) -> None:
        """Change the masters where `stack.live` is 1; `lr` is (k,), 0 where a slot stands still."""
        ...


class Hooks:
    """A rule that does nothing."""

    scale: float | None = None

    def begin(self, stack: Masters) -> None:
        """Nothing."""

    def gradients(self, stack: Masters, grads: list[Tensor], again: Again) -> list[Tensor]:
        """As they are."""
        return grads


class Adam:
    """AdamW (Loshchilov & Hutter 2019), each tensor and expert with its own step count. `rate` is for who scales it."""

    scale: float | None = None
    idle: frozenset[str] = frozenset()

    def memory(self, stack: Masters) -> dict[str, list[Tensor]]:
        return {k: [torch.zeros_like(x) for x in stack.masters] for k in ("m", "v")}

    def rate(self, stack: Masters, index: int, master: Tensor) -> Tensor | float:
        """A factor of the step of one master."""
        return 1.0

    def step(self, stack: Masters, grads: list[Tensor], lr: Tensor, weight_decay: float) -> None:
        memory = zip(stack.memory["m"], stack.memory["v"], strict=True)
        for i, (master, (m, v), g) in enumerate(zip(stack.masters, memory, grads, strict=True)):
            live = stack.live[stack.place(i)]
            step = adam_direction(m, v, g, stack.counts[i], live) * self.rate(stack, i, master)
            size = (lr * live).view(-1, *[1] * (master.ndim - 1))
            master.mul_(1 - size * weight_decay).sub_(size * step)


def adam_direction(m: Tensor, v: Tensor, g: Tensor, count: Tensor, live: Tensor) -> Tensor:
    """Adam's step of size 1 from gradient `g` (k, ...), moments changed in place where `live` (k,) is 1."""
    b1, b2 = BETAS

    def wide(x: Tensor) -> Tensor:
        return x.view(-1, *[1] * (g.ndim - 1))

    on, t = wide(live) > 0, count.clamp(min=1)
    m.copy_(torch.where(on, b1 * m + (1 - b1) * g, m))
    v.copy_(torch.where(on, b2 * v + (1 - b2) * g * g, v))
    return (m / wide(1 - b1**t)) / ((v / wide(1 - b2**t)).sqrt() + 1e-8)
