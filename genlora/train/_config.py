"""What one training run is set to, and where each of its experts stands."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from genlora.errors import ConfigError
from genlora.files import check_name
from genlora.tasks import Task

from .methods._config import MethodConfig


@dataclass(frozen=True, kw_only=True)
class ExpertConfig:
    """How experts are trained. All experts of a bank share it, so that they are comparable."""

    rank: int = 8
    """LoRA rank r."""
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    """Leaf names of the modules that are trained."""
    scale: float = 2.0
    """alpha / r while training; folded into B when an expert is stored."""
    lr: float = 2e-3
    """Peak AdamW learning rate; linear warm-up, then linear decay to a tenth over `max_rows`."""
    warmup_steps: int = 6
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest gradient norm per expert."""
    max_rows: int = 960
    """Examples seen per expert at most, repeats included."""
    max_examples: int = 1000
    """Distinct training examples used at most, chosen by hash."""
    pack_tokens: int = 208
    """Tokens of rows per expert and step, beside the shared prefix."""
    pack_rows: int = 12
    """Rows per expert and step at most."""
    max_tokens: int = 144
    """Longest row (prompt with prefix, and answer) that is used."""
    validation_rows: int = 40
    eval_every: int = 10
    """Steps between two validations."""
    patience: int = 4
    """Validations without a better result before an expert stops."""
    slots: int = 8
    """Experts trained at the same time."""
    described: bool = False
    """Train with the description in the prompt instead of bare."""
    keep_last: int = 0
    """Keep the factors of an expert's last validations, this many, beside the best ones (SG-LoRA's library)."""
    seed: int = 0
    method: MethodConfig = field(default_factory=MethodConfig)
    """Where training starts, what is trained, and how a step is taken."""

    def to_json(self) -> dict[str, Any]:
        """All settings; the method only where it is not plain LoRA, so that records of old stay as they are."""
        out = asdict(self)
        out.pop("method")
        return out if self.method.plain else out | {"method": self.method.to_settings()}

    def __post_init__(self) -> None:
        for name, low in (
            ("keep_last", 0),
            ("rank", 1),
            ("max_rows", 1),
            ("pack_rows", 1),
            ("slots", 1),
            ("eval_every", 1),
            ("patience", 1),
        ):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least {low}. Correct the setting.")
        if self.rank > 256:
            raise ConfigError(f"rank must be in [1, 256], got {self.rank}. Choose a smaller rank; 8 is the default.")
        if not 0 < self.lr < 1:
            raise ConfigError(f"lr is {self.lr}, expected a number between 0 and 1; 2e-3 is the default.")


@dataclass
class TrainState:
    """Where one expert stands; written into its checkpoint."""

    name: str
    step: int = 0
    rows_seen: int = 0
    cursor: int = 0
    epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = 1e9
    bad: int = 0
    seconds: float = 0.0
    train_loss: list[float] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    stopped: str = ""
    method: dict[str, Any] = field(default_factory=dict)
    """What a method other than plain LoRA has to tell: conversion error, trained numbers, time of a step."""

    def to_json(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        out = asdict(self)
        if not self.method:
            del out["method"]
        return out


def check_names(tasks: Sequence[Task]) -> None:
    """Raise `ConfigError` for two tasks of one name, `UnsafeNameError` for one that cannot name a file."""
    names = [check_name(t.name, what="task name") for t in tasks]
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise ConfigError(f"task names must be unique; found twice: {', '.join(twice)}. Rename one of each pair.")
