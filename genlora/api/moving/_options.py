"""What a transfer is set to."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from genlora.errors import ConfigError
from genlora.train import ExpertConfig

Filter = Literal["auto", "discriminator", "seeds", "none"]
"""`auto` takes the expert's discriminator, where there is one that tells more than chance, else `seeds`."""
Side = Literal["source", "target"]
Method = Literal["distil", "project"]
LEAST_INPUTS = 24
"""Fewer kept inputs than this train nothing."""


@dataclass(frozen=True, kw_only=True)
class TransferOptions:
    """How an expert is moved. Raises `ConfigError` for values out of range."""

    method: Method = "distil"
    """`distil` trains on synthesised inputs; `project` maps the weights and trains nothing."""
    count: int = 200
    """Synthesised inputs that are wanted."""
    most: int = 0
    """Inputs that are asked for at most; 0 for eight times `count`."""
    writer: Side = "source"
    """Which base writes the inputs."""
    filter: Filter = "auto"
    sure: bool = True
    """Keep only what the expert is about as sure of as of the seeds."""
    config: ExpertConfig = field(default_factory=lambda: ExpertConfig(lr=4e-3))
    """How the adapter on the target is trained; its rank and targets may be other ones than the expert's."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (("method", Method), ("writer", Side), ("filter", Filter)):
            if getattr(self, name) not in get_args(kind):
                raise ConfigError(
                    f"{name} is {str(getattr(self, name))[:40]!r}, expected one of {', '.join(get_args(kind))}."
                )
        if self.count < LEAST_INPUTS:
            raise ConfigError(f"count is {self.count}, expected at least {LEAST_INPUTS} inputs to train on.")
        if self.most and self.most < self.count:
            raise ConfigError(f"most is {self.most}, expected at least count, {self.count}. Ask for more.")

    @property
    def limit(self) -> int:
        return self.most or 8 * self.count

    def told(self) -> dict[str, Any]:
        """What a run folder and a report hold of it."""
        kept = ("method", "count", "writer", "filter", "sure", "seed")
        training = {k: getattr(self.config, k) for k in ("rank", "targets", "lr", "max_rows", "seed")}
        return {**{k: getattr(self, k) for k in kept}, "most": self.limit, "training": training}
