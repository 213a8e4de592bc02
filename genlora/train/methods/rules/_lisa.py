"""LISA: only a few blocks of the model learn at a time, drawn anew every few steps."""

import random
import re

from genlora.errors import ConfigError

from .._masters import Masters
from .._registry import Option, method
from .._rules import Hooks

_BLOCK = re.compile(r"(.*?layers\.\d+)(?:\.|$)")


def block_of(path: str) -> str:
    """The transformer block that a module is in; a module outside of one is its own."""
    found = _BLOCK.match(path)
    return found[1] if found else path


@method(
    "rule",
    "lisa",
    axis="dynamics",
    title="n blocks, drawn anew every few steps, learn; the others stand still",
    source="Pan et al. 2024, arXiv 2403.17919",
    cost="none on the adapter, though fewer numbers change a step; mode=full: a float32 copy of the model, experts one "
    "by one, and most of the change is outside of what a LoRA of the targets holds",
    when="training overfits, or forgets; with any other rule. mode=full: as the strongest reference there is",
    options={
        "blocks": Option(2, "blocks that learn at a time", low=1, high=10000),
        "every": Option(20, "steps between two draws", low=1, high=100000),
        "mode": Option("adapter", "blocks of the adapter, or of the model itself", choices=("adapter", "full")),
    },
)
class Lisa(Hooks):
    """Each expert draws its own blocks, uniformly and without putting back, from its seed and its own step count, so
    that neither a neighbour nor a restart changes them. A block that is frozen loses its moments.
    """

    def __init__(self, *, blocks: int, every: int, mode: str) -> None:
        self.blocks, self.every, self.mode = blocks, every, mode

    def drawn(self, names: list[str], seed: int, step: int) -> set[str]:
        """The blocks that learn at this step. Raises `ConfigError` where there are not so many."""
        if self.blocks > len(names):
            raise ConfigError(
                f"lisa.blocks is {self.blocks}, and what is trained lies in {len(names)} blocks. Draw fewer."
            )
        return set(random.Random(f"{seed} {step // self.every}").sample(names, self.blocks))

    def begin(self, stack: Masters) -> None:
        owners = [block_of(p) for p in stack.paths]
        names = list(dict.fromkeys(owners))
        for slot, seed in enumerate(stack.seeds):
            step = int(stack.steps[slot])
            chosen = self.drawn(names, seed, step)
            frozen = [i for i, owner in enumerate(owners) if owner not in chosen]
            stack.live[frozen, slot] = 0
            if step % self.every == 0:
                stack.forget(frozen, slot)
