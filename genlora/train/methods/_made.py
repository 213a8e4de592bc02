"""A method made ready for the modules of one model: its parts, an empty stack, and an expert put into it."""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import ModuleSpec, check_rank
from genlora.errors import TrainingError

from ._config import MethodConfig
from ._context import Context, plain_weight
from ._rules import Optimiser, Rule
from ._stack import MethodStack
from ._structure import Structure
from .rules._adamw import AdamW
from .structures._lora import Lora


class Made:
    """What a `MethodConfig` means for these modules.

    Raises `ConfigError` where the model's weights are quantised and the method needs them.
    """

    def __init__(
        self,
        model: nn.Module,
        specs: Sequence[ModuleSpec],
        method: MethodConfig,
        *,
        rank: int,
        scale: float,
        seed: int,
        common: Callable[[int], Mapping[str, Tensor]],
    ) -> None:
        """`common` gives the A that all experts start from, {path: (rank, d_in)}, for the rank that it is asked for."""
        self.specs, self.method, self.seed = list(specs), method, seed
        self.init, self.allocate = method.make("init"), method.make("allocate")
        start = method.methods[0]
        self.structure: Structure = Lora(residual=True) if "residual" in start.traits else method.make("structure")
        if method.init == "common" and self.structure.own_init is not None:
            self.init = self.structure.own_init
        made = method.make("rule")
        self.rules: list[Rule] = [r for r in made if not hasattr(r, "memory")]
        self.optimiser: Optimiser = next((r for r in made if hasattr(r, "memory")), AdamW())
        own = [x.scale for x in (self.structure, self.optimiser, *self.rules) if x.scale is not None]
        self.scale = own[0] if own else scale
        self.rank = check_rank(self.allocate.most(rank) if self.structure.ranked else rank)
        self.common = common(self.rank)
        if self.structure.needs_weight or any("gradient" in m.traits for m in method.methods):
            for s in self.specs:
                plain_weight(model, s.path)
        weights: dict[str, Tensor | None] = dict.fromkeys((s.path for s in self.specs), None)
        if self.structure.needs_weight:
            weights = {p: plain_weight(model, p).detach().to("cpu", torch.float32) for p in weights}
        self.shared = {s.path: self.structure.shared(s, self.rank, weights[s.path], seed) for s in self.specs}

    def stack(self, slots: int) -> Any:
        """An empty stack."""
        return MethodStack(
            self.specs,
            self.rank,
            slots,
            scale=self.scale,
            structure=self.structure,
            optimiser=self.optimiser,
            rules=self.rules,
            shared=self.shared,
        )

    def seed_of(self, name: str) -> int:
        """What an expert's own draws hang on: the run's seed and its name, so that no neighbour changes them."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}\0{name}".encode()).digest()[:7])

    def open(self, stack: MethodStack, slot: int, context: Context, name: str) -> None:
        """Put a fresh expert into `slot`: its modules' ranks, then where it starts. The model is plain, and stays so.

        Raises `TrainingError` where the allocation leaves out every module.
        """
        ranks: dict[str, int] = self.allocate(context)
        tied: dict[str, str] = self.allocate.tied(context) if hasattr(self.allocate, "tied") else {}
        if not self.structure.ranked:
            ranks = {p: self.rank if r > 0 else 0 for p, r in ranks.items()}
        if not any(ranks.values()):
            raise TrainingError(f"{name}: allocation {self.method.allocate} left out every module. Allocate otherwise.")
        # A structure that knows no ranks starts every module alike; what is left out is masked.
        starting = ranks if self.structure.ranked else dict.fromkeys(ranks, self.rank)
        given = self.init(dataclasses.replace(context, ranks=starting))
        parts = {s.path: self.structure.start(s, self.rank, given[s.path], self.shared[s.path]) for s in self.specs}
        stack.put(slot, parts, seed=self.seed_of(name), ranks=[ranks[s.path] for s in self.specs], tied=tied)

    def ranks_of(self, stack: MethodStack, slot: int) -> dict[str, int]:
        """{path: rank} that the expert in `slot` was given."""
        return {s.path: int(r) for s, r in zip(self.specs, stack.ranks[:, slot], strict=True)}

    def numbers(self, stack: MethodStack, slot: int) -> int:
        """How many numbers are trained of the expert in `slot`."""
        ranks = self.ranks_of(stack, slot)
        again = {i for at, modules in stack.groups() if at == slot for i in modules[1:]}
        own = [s for i, s in enumerate(self.specs) if ranks[s.path] > 0 and i not in again]
        shapes = [self.structure.trained(s, ranks[s.path]) for s in own]
        return sum(math.prod(x) for many in shapes for n, x in many.items() if n not in self.optimiser.idle)
