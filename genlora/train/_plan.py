"""Experts trained by another method than plain LoRA: their stack, where each starts, and what it ends as."""

import dataclasses
import hashlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, ModuleSpec, check_rank, energies
from genlora.base import LoadedBase
from genlora.errors import TrainingError

from ._config import ExpertConfig
from .methods._context import Context, plain_weight
from .methods._full import NOTE, FullStack
from .methods._rules import Optimiser, Rule
from .methods._stack import MethodStack, converted
from .methods._structure import Structure
from .methods.rules._adamw import AdamW
from .methods.rules._lisa import Lisa
from .methods.structures._lora import Lora
from .rows._losses import label_losses
from .rows._packing import Batch, EncodedRows, Row, take
from .rows._stacked import Stack, common_start

log = logging.getLogger(__name__)

Pack = Callable[[Sequence[tuple[Sequence[int], Sequence[Row]]]], Batch]
PROBES = 3
"""Steps that a method and plain LoRA are each timed for; the first of them warms up."""


class Packs(Sequence[Batch]):
    """Batches of one expert's own rows, each laid out when it is asked for."""

    def __init__(self, encoded: EncodedRows, order: Sequence[int], config: ExpertConfig, pack: Pack) -> None:
        self.prefix, self.pack = encoded.prefix, pack
        self.rows: list[list[Row]] = []
        at = 0
        while at < len(order):
            rows, at = take(encoded.rows, order, at, budget=config.pack_tokens, most=config.pack_rows)
            self.rows.append(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.pack([(self.prefix, self.rows[index])])


@dataclass(frozen=True)
class Opening:
    """One expert before its first step: its name and its rows."""

    name: str
    train: EncodedRows
    order: Sequence[int]
    validation: EncodedRows


class Plan:
    """How one run's experts are trained by `config.method`.

    Raises `ConfigError` where the base's weights are quantised and the method needs them.
    """

    def __init__(self, base: LoadedBase, config: ExpertConfig, *, stored_rank: int, pack: Pack) -> None:
        self.base, self.config, self.pack = base, config, pack
        self.stored_rank = check_rank(stored_rank)
        method = config.method
        self.specs = list(base.layout.of(config.targets))
        self.init, self.allocate = method.make("init"), method.make("allocate")
        start = method.methods[0]
        self.structure: Structure = Lora(residual=True) if "residual" in start.traits else method.make("structure")
        if method.init == "common" and self.structure.own_init is not None:
            self.init = self.structure.own_init
        made = method.make("rule")
        self.rules: list[Rule] = [r for r in made if not hasattr(r, "memory")]
        self.optimiser: Optimiser = next((r for r in made if hasattr(r, "memory")), AdamW())
        self.full: Lisa | None = None
        if method.full:
            self.full = next(r for r in made if isinstance(r, Lisa))
            log.warning("experts are trained one by one: rule lisa in mode full changes the base's own weights")
        own = [x.scale for x in (self.structure, self.optimiser, *self.rules) if x.scale is not None]
        self.scale = own[0] if own else config.scale
        self.rank = check_rank(self.allocate.most(config.rank) if self.structure.ranked else config.rank)
        self.common = common_start(base.layout, config.targets, self.rank, seed=config.seed)
        if self.structure.needs_weight or any("gradient" in m.traits for m in method.methods):
            for s in self.specs:
                plain_weight(base.model, s.path)
        weights = {s.path: self._weight(s.path) if self.structure.needs_weight else None for s in self.specs}
        self.shared = {s.path: self.structure.shared(s, self.rank, weights[s.path], config.seed) for s in self.specs}
        self.ratio: float | None = None
        """Time of a step over plain LoRA's, once `measure` was called."""

    def _weight(self, path: str) -> Tensor:
        return plain_weight(self.base.model, path).detach().to("cpu", torch.float32)

    def stack(self, slots: int) -> MethodStack | FullStack:
        """An empty stack."""
        if self.full is not None:
            return FullStack(self.base.model, self.specs, self.full)
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
        return int.from_bytes(hashlib.sha256(f"{self.config.seed}\0{name}".encode()).digest()[:7])

    def begin(self, stack: MethodStack | FullStack, slot: int, expert: Opening) -> None:
        """Put a fresh expert into `slot`; the model is plain, and is plain again afterwards."""
        if isinstance(stack, FullStack):
            stack.begin(self.seed_of(expert.name))
            return
        c = self.config
        context = Context(
            model=self.base.model,
            specs={s.path: s for s in self.specs},
            rank=c.rank,
            scale=self.scale,
            seed=self.seed_of(expert.name) % (1 << 31),
            common=self.common,
            loss=_mean_loss,
            train=Packs(expert.train, expert.order, c, self.pack),
            validation=Packs(expert.validation, range(len(expert.validation.rows)), c, self.pack),
            warm_lr=c.lr / c.warmup_steps,
        )
        ranks: dict[str, int] = self.allocate(context)
        if not self.structure.ranked:
            ranks = {p: self.rank if r > 0 else 0 for p, r in ranks.items()}
        if not any(ranks.values()):
            raise TrainingError(
                f"{expert.name}: allocation {c.method.allocate} left out every module. Allocate otherwise."
            )
        # A structure that knows no ranks starts every module alike; what is left out is masked.
        starting = ranks if self.structure.ranked else dict.fromkeys(ranks, self.rank)
        given = self.init(dataclasses.replace(context, ranks=starting))
        parts = {s.path: self.structure.start(s, self.rank, given[s.path], self.shared[s.path]) for s in self.specs}
        stack.put(slot, parts, seed=self.seed_of(expert.name), ranks=[ranks[s.path] for s in self.specs])

    def report(self, stack: MethodStack | FullStack, slot: int) -> dict[str, Any]:
        """What the card of the expert in `slot` says of how it was made."""
        state = stack.state(slot)
        _, error = converted(state, self.stored_rank)
        if isinstance(stack, FullStack):
            inside, numbers = sum(energies(state).values()), sum(w.numel() for w in stack.weights.values())
            error = math.sqrt((error**2 * inside + stack.outside()) / max(inside + stack.outside(), 1e-30))
            return self._told(error, numbers) | {"note": NOTE}
        ranks = {s: int(r) for s, r in zip(self.specs, stack.ranks[:, slot], strict=True)}
        numbers = sum(self._numbers(s, r) for s, r in ranks.items() if r > 0)
        report = self._told(error, numbers)
        if len(set(ranks.values())) > 1:
            report["ranks"] = {s.path: r for s, r in ranks.items()}
        return report

    def _told(self, error: float, numbers: int) -> dict[str, Any]:
        report: dict[str, Any] = {"conversion_error": float(f"{error:.4g}"), "trained_numbers": numbers}
        return report if self.ratio is None else report | {"step_time_ratio": float(f"{self.ratio:.3g}")}

    def _numbers(self, spec: ModuleSpec, rank: int) -> int:
        """How many numbers are trained in a module that was given `rank`."""
        shapes = self.structure.trained(spec, rank)
        return sum(torch.Size(x).numel() for n, x in shapes.items() if n not in self.optimiser.idle)

    def stored(self, stack: MethodStack | FullStack, slot: int) -> AdapterState:
        """The expert as it stands, as a plain LoRA of the stored rank."""
        return converted(stack.state(slot), self.stored_rank)[0]

    def measure(self, stack: MethodStack | FullStack, backward: Callable[[], object]) -> None:
        """Time steps of rate 0 of the method and of plain LoRA on the batch of `backward`; they change nothing."""
        c, model = self.config, self.base.model
        start = {p: a[: c.rank] for p, a in self.common.items()}
        plain = Stack(start, {s.path: s.d_out for s in self.specs}, stack.slots, scale=c.scale)
        still = torch.zeros(stack.slots)

        def seconds(some: Any, **extra: Any) -> float:
            took = []
            with some.attached(model):
                for _ in range(PROBES):
                    began = time.perf_counter()
                    backward()
                    some.step(still, clip=c.clip, weight_decay=0.0, **extra)
                    took.append(time.perf_counter() - began)
            return min(took[1:])

        self.ratio = seconds(stack, closure=backward) / max(seconds(plain), 1e-9)


def _mean_loss(model: nn.Module, batch: Batch) -> Tensor:
    return label_losses(model, batch).loss.mean()
