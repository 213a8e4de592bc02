"""A few steps of training for a mixture: the tasks' cross-entropy plus the balance loss; the base stays frozen."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.tasks import Example
from genlora.train import EncodedRows, Row, encode_rows, label_losses, pack, take

from ._modules import MixLora

MAX_STEPS = 100_000


@dataclass(frozen=True, kw_only=True)
class MixtureTraining:
    """How a mixture is trained. AdamW without weight decay, constant rate, all experts' tasks in every step."""

    steps: int = 40
    lr: float = 1e-2
    """Of the routers."""
    expert_lr: float = 0.0
    """Of the experts' factors; 0 leaves them as they are. MixLoRA trains them with 2e-4."""
    balance: float = 0.01
    """Coefficient of the balance loss (MixLoRA's)."""
    rows: int = 6
    """Examples of each task in a step, at most."""
    tokens: int = 160
    """Tokens of examples of each task in a step, beside the shared prefix."""
    max_row_tokens: int = 256
    """Longer examples are left out."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            f"steps must be 1 to {MAX_STEPS:,}": 1 <= self.steps <= MAX_STEPS,
            "lr must be over 0 and at most 1": 0 < self.lr <= 1,
            "expert_lr must be 0 to 1": 0 <= self.expert_lr <= 1,
            "balance must be 0 to 10": 0 <= self.balance <= 10,
            "rows must be at least 1": self.rows >= 1,
            "tokens must be at least 1": self.tokens >= 1,
        }
        for rule, kept in rules.items():
            if not kept:
                raise ConfigError(f"{rule}, got {getattr(self, rule.split()[0])}. Change it and build again.")


@dataclass(frozen=True)
class MixtureStep:
    """One training step, done."""

    step: int
    steps: int
    loss: float
    """Cross-entropy per answer token, natural logarithm."""
    balance: float
    """Balance loss without its coefficient, 1 is uniform."""


def train_mixture(
    base: LoadedBase,
    mix: MixLora,
    examples: Mapping[str, Sequence[Example]],
    config: MixtureTraining,
    *,
    on_step: Callable[[MixtureStep], None] | None = None,
) -> list[MixtureStep]:
    """Train the attached mixture `mix` on every expert's examples, in place. Bare prompts, as experts are trained on.

    Raises `TaskError` where a task's examples are all too long.
    """
    encoded = [encode_rows(base.tokenizer, own, max_tokens=config.max_row_tokens) for own in examples.values()]
    groups = [{"params": mix.router_parameters(), "lr": config.lr}]
    if config.expert_lr:
        groups.append({"params": mix.expert_parameters(), "lr": config.expert_lr})
    mix.requires_grad_(False)
    parameters = [p for g in groups for p in g["params"]]
    for p in parameters:
        p.requires_grad_(True)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    packs = _Packs(encoded, config)
    history = []
    try:
        with torch.enable_grad():
            for step in range(1, config.steps + 1):
                optimizer.zero_grad()
                taken = packs.next()
                batch = pack(taken, pad=base.tokenizer.pad_token_id or 0, dtype=_dtype(base), device=base.device)
                loss = label_losses(base.model, batch).loss.mean()
                balance = mix.balance_loss(_real_tokens(taken, batch.ids.shape[1]).to(base.device))
                (loss + config.balance * balance).backward()
                torch.nn.utils.clip_grad_norm_(parameters, config.clip)
                optimizer.step()
                history.append(MixtureStep(step, config.steps, float(loss.detach()), float(balance.detach())))
                if on_step is not None:
                    on_step(history[-1])
    finally:
        mix.requires_grad_(False)
    return history


class _Packs:
    """The next few rows of every task, in an order drawn anew for each pass over a task's rows."""

    def __init__(self, encoded: Sequence[EncodedRows], config: MixtureTraining) -> None:
        self._encoded, self._config = encoded, config
        self._rng = random.Random(config.seed)
        self._orders: list[list[int]] = [[] for _ in encoded]
        self._at = [0] * len(encoded)

    def next(self) -> list[tuple[Sequence[int], Sequence[Row]]]:
        out = []
        for i, task in enumerate(self._encoded):
            if self._at[i] >= len(self._orders[i]):
                self._orders[i] = self._rng.sample(range(len(task.rows)), len(task.rows))
                self._at[i] = 0
            rows, self._at[i] = take(
                task.rows, self._orders[i], self._at[i], budget=self._config.tokens, most=self._config.rows
            )
            out.append((task.prefix, rows))
        return out


def _real_tokens(packs: Sequence[tuple[Sequence[int], Sequence[Row]]], width: int) -> Tensor:
    """(packs, width) bool: the tokens that are no padding."""
    lengths = torch.tensor([len(prefix) + sum(map(len, rows)) for prefix, rows in packs])
    return torch.arange(width)[None] < lengths[:, None]


def _dtype(base: LoadedBase) -> torch.dtype:
    return next(base.model.parameters()).dtype
