"""What all fits on the stream share: the schedule without an end, the running mean of the weights, the counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlora.base import LoadedBase

from ..rows._dialogues import Dialogue, batch_of
from ..rows._packing import Batch
from ..rows._routed import FactorSetter
from ._config import StreamConfig


class StreamFit(nn.Module):
    """Subclasses make their parameters, then call `begin`."""

    base: LoadedBase
    setter: FactorSetter

    def __init__(self, base: LoadedBase, setter: FactorSetter, config: StreamConfig) -> None:
        super().__init__()
        object.__setattr__(self, "base", base)  # frozen, and not of this module's state
        object.__setattr__(self, "setter", setter)
        self.config = config
        self.mean: dict[str, Tensor] = {}
        self.tokens = 0
        self.seen = 0
        self.history: list[dict[str, float]] = []

    def begin(self) -> None:
        """The running mean starts as the weights are now."""
        self.mean = {k: v.detach().clone() for k, v in self.named_parameters()}

    def laid_out(self, found: Sequence[Dialogue]) -> Batch:
        """A step's sequences as a batch. On a GPU all steps have one shape, for what is compiled."""
        base = self.base
        least = self.config.tokens if base.device.type == "cuda" else 0
        dtype = next(base.model.parameters()).dtype
        pad = base.tokenizer.pad_token_id or 0
        return batch_of(found, pad=pad, dtype=dtype, device=base.device, least=least)

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """AdamW with a warm-up and a rate that falls with the square root of the step."""
        del steps
        c = self.config
        optimiser = torch.optim.AdamW(self.parameters(), lr=c.lr, betas=(0.9, 0.99), weight_decay=c.weight_decay)
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, c.lr_at)

    def run_state(self) -> dict[str, Any]:
        return {"mean": self.mean, "tokens": self.tokens, "seen": self.seen, "history": self.history}

    def load_run_state(self, state: Mapping[str, Any]) -> None:
        self.mean = {k: v.to(self.base.device) for k, v in state["mean"].items()}
        self.tokens, self.seen = int(state["tokens"]), int(state["seen"])
        self.history = [dict(h) for h in state["history"]]

    @torch.no_grad()
    def average(self) -> None:
        """The running mean follows the weights, faster in the first steps."""
        keep = min(self.config.average, (1 + self.seen) / (10 + self.seen))
        for name, value in self.named_parameters():
            if self.mean[name].device != value.device:  # the module has moved since it began
                self.mean[name] = self.mean[name].to(value.device)
            self.mean[name].mul_(keep).add_(value, alpha=1 - keep)
        self.seen += 1
