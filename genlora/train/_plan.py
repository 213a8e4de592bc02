"""Experts trained by another method than plain LoRA: their stack, where each starts, and what it ends as."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, check_rank, energies
from genlora.base import LoadedBase

from ._config import ExpertConfig
from .methods._context import Context
from .methods._full import NOTE, FullStack
from .methods._made import Made
from .methods._stack import MethodStack, converted
from .methods.rules._lisa import Lisa
from .rows._losses import label_losses
from .rows._packing import Batch, EncodedRows, Row, take
from .rows._stacked import Stack, common_start

log = logging.getLogger(__name__)

Pack = Callable[[Sequence[tuple[Sequence[int], Sequence[Row]]]], Batch]
Keep = Callable[[dict[str, Tensor], dict[str, Any]], str]
NATIVE_LIMIT = 0.01
"""Share of an update that may be lost when it is stored as a plain LoRA before what was trained is kept too."""
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


class Plan(Made):
    """How one run's experts are trained by `config.method`.

    Raises `ConfigError` where the base's weights are quantised and the method needs them.
    """

    def __init__(self, base: LoadedBase, config: ExpertConfig, *, stored_rank: int, pack: Pack) -> None:
        self.base, self.config, self.pack = base, config, pack
        self.stored_rank = check_rank(stored_rank)
        super().__init__(
            base.model,
            list(base.layout.of(config.targets)),
            config.method,
            rank=config.rank,
            scale=config.scale,
            seed=config.seed,
            common=lambda rank: common_start(base.layout, config.targets, rank, seed=config.seed),
        )
        self.full: Lisa | None = None
        if config.method.full:
            self.full = next(r for r in self.rules if isinstance(r, Lisa))
            log.warning("experts are trained one by one: rule lisa in mode full changes the base's own weights")
        self.ratio: float | None = None
        """Time of a step over plain LoRA's, once `measure` was called."""

    def stack(self, slots: int) -> MethodStack | FullStack:
        """An empty stack."""
        if self.full is not None:
            return FullStack(self.base.model, self.specs, self.full)
        return super().stack(slots)

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
        self.open(stack, slot, context, expert.name)

    def report(self, stack: MethodStack | FullStack, slot: int, keep: Keep | None = None) -> dict[str, Any]:
        """What the card of the expert in `slot` says of how it was made.

        `keep` is given what was trained where storing loses more than `NATIVE_LIMIT`, and returns where that lies.
        """
        state = stack.state(slot)
        _, error = converted(state, self.stored_rank)
        if isinstance(stack, FullStack):
            inside, numbers = sum(energies(state).values()), sum(w.numel() for w in stack.weights.values())
            error = math.sqrt((error**2 * inside + stack.outside()) / max(inside + stack.outside(), 1e-30))
            return self._told(error, numbers) | {"note": NOTE}
        ranks = self.ranks_of(stack, slot)
        report = self._told(error, self.numbers(stack, slot))
        if len(set(ranks.values())) > 1:
            report["ranks"] = ranks
        if shared := [[stack.paths[i] for i in modules] for at, modules in stack.groups() if at == slot]:
            report["shared"] = shared
        if keep is not None and error > NATIVE_LIMIT:
            own = {k: v for k, v in stack.tensors(slot).items() if not k.startswith(("m", "v"))}
            report["native"] = keep(own, {"method": self.method.to_settings(), "rank": self.config.rank})
        return report

    def _told(self, error: float, numbers: int) -> dict[str, Any]:
        report: dict[str, Any] = {"conversion_error": float(f"{error:.4g}"), "trained_numbers": numbers}
        return report if self.ratio is None else report | {"step_time_ratio": float(f"{self.ratio:.3g}")}

    def stored(self, stack: MethodStack | FullStack, slot: int) -> AdapterState:
        """The expert as it stands, as a plain LoRA of the stored rank."""
        return converted(stack.state(slot), self.stored_rank)[0]

    def native(self, tensors: dict[str, Tensor]) -> AdapterState:
        """An expert as it was trained, of whatever rank that takes, from what `report` kept."""
        one = self.stack(1)
        one.restore(0, tensors, seed=0, history=False)
        return one.state(0)

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
