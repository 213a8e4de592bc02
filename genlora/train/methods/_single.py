"""One adapter on any small model, by any method: what picture classifiers and restorers are adapted with."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from genlora.adapter import AdapterState, ModuleSpec
from genlora.errors import ConfigError, TrainingError

from ._config import MethodConfig
from ._context import Context, Loss, kaiming_rows
from ._made import Made


@dataclass(frozen=True, kw_only=True)
class SingleConfig:
    """How it is trained."""

    rank: int = 4
    scale: float = 2.0
    """alpha / r."""
    steps: int = 200
    lr: float = 2e-3
    """Falls to a tenth, in a line."""
    clip: float = 1.0
    weight_decay: float = 0.0
    seed: int = 0
    method: MethodConfig = field(default_factory=MethodConfig)

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.lr < 1 or not 1 <= self.rank <= 256:
            raise ConfigError(
                f"steps is {self.steps}, lr {self.lr} and rank {self.rank}; expected at least 1, a rate between 0 and "
                "1, and a rank from 1 to 256."
            )
        if self.method.full:
            raise ConfigError("rule lisa in mode full trains the text base's own blocks. Use its mode adapter here.")


@dataclass(frozen=True, eq=False)
class Single:
    """The adapter after the last step, the loss of each, and how many numbers were trained."""

    state: AdapterState
    losses: tuple[float, ...]
    numbers: int


def linear_specs(model: nn.Module) -> list[ModuleSpec]:
    """All linear modules of `model`, in its order."""
    return [
        ModuleSpec(name, m.in_features, m.out_features) for name, m in model.named_modules() if isinstance(m, nn.Linear)
    ]


def fit_single(
    model: nn.Module,
    paths: Sequence[str],
    loss: Loss,
    train: Sequence[Any],
    config: SingleConfig,
    *,
    validation: Sequence[Any] = (),
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> Single:
    """Train an adapter of the linear modules at `paths`; `model` is frozen meanwhile, and as it was afterwards.

    Args:
        model: any module; its inputs have a dimension of experts in front, here of one.
        paths: of the modules that get factors.
        loss: `loss(model, batch)`, a scalar with gradients.
        train: batches, taken in turns.
        config: the method, and how long.
        validation: batches for allocations that search.
        on_step: told (steps done, loss).

    Raises:
        ConfigError: no batch, a path that is no linear module, or a method that this model cannot have.
        TrainingError: the loss is not finite.
    """
    known = {s.path: s for s in linear_specs(model)}
    if odd := [p for p in paths if p not in known]:
        raise ConfigError(f"{odd[0]!r} is no linear module of this model; it has {', '.join(known) or 'none'}.")
    if not train or not paths:
        raise ConfigError("training needs a batch and a module or more, and one of them is missing.")
    specs = [known[p] for p in paths]
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def common(rank: int) -> dict[str, torch.Tensor]:
        return {s.path: kaiming_rows(rank, s.d_in, seed=config.seed + i) for i, s in enumerate(specs)}

    how = {"rank": config.rank, "scale": config.scale, "seed": config.seed}
    made = Made(model, specs, config.method, **how, common=common)
    context = Context(
        model=model,
        specs={s.path: s for s in specs},
        **{**how, "scale": made.scale},
        common=made.common,
        loss=loss,
        train=train,
        validation=validation,
    )
    stack = made.stack(1)
    made.open(stack, 0, context, "single")
    losses: list[float] = []
    with torch.enable_grad(), stack.attached(model):
        for step in range(config.steps):
            batch = train[step % len(train)]

            def backward(batch: Any = batch) -> float:
                value = loss(model, batch)
                value.backward()
                return float(value.detach())

            losses.append(backward())
            if not math.isfinite(losses[-1]):
                raise TrainingError(f"step {step}: the loss is {losses[-1]}. Lower the learning rate ({config.lr:g}).")
            rate = torch.tensor([config.lr * (1 - 0.9 * step / config.steps)])
            stack.step(rate, clip=config.clip, weight_decay=config.weight_decay, closure=backward)
            on_step(step + 1, losses[-1])
    numbers = made.numbers(stack, 0)
    return Single(stack.state(0).folded(), tuple(losses), numbers)
