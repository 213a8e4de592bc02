"""What decides a fit on the stream, whatever is fitted."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from genlora.errors import ConfigError

ALL_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """What a step holds, and how fast is learned from it."""

    rank: int = 16
    targets: tuple[str, ...] = ALL_TARGETS
    scale: float = 2.0
    lr: float = 1e-3
    warmup: int = 20
    """Steps of a rising rate; then it stands until `decay_from`, and falls with one over the square root of the step,
    so that the run has no end that has to be known beforehand."""
    decay_from: int = 200
    weight_decay: float = 0.01
    average: float = 0.98
    """Decay per step of the running mean of the weights: what is validated and shipped."""
    half_groups: int = 1
    """Four sequences each, of which one pair shares its inputs."""
    tokens: int = 224
    """Longest sequence."""
    turns: int = 8
    packs: float = 0.5
    """Share of sequences whose rows do not see each other: a dialogue has but one answer in eight without examples."""
    undescribed: float = 0.2
    """Share of dialogues without a description in the prompt."""
    catalogue: float = 0.25
    """Share of sequences from the catalogue's training tasks; the rest is the stream."""
    specs: int = 0
    """Different specs of the stream at most, for ablations; 0 for an endless stream."""
    validation_dialogues: int = 8
    validation_specs: int = 32
    """Held-out specs of each kind that validation looks at."""
    seed: int = 0

    def __post_init__(self) -> None:
        least = (("rank", 1), ("half_groups", 1), ("turns", 2), ("tokens", 32), ("specs", 0), ("validation_specs", 1))
        for name, low in least:
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least {low}. Correct the setting.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lr_at(self, step: int) -> float:
        """The learning rate's factor at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return min(1.0, math.sqrt(self.decay_from / max(step, 1)))
