"""Flexora: a search tells which layers are worth an adapter."""

import torch
from torch import Tensor

from .._context import Context
from .._registry import Option, method
from .._search import searched
from ..rules._lisa import block_of


def gates_of(alpha: Tensor) -> Tensor:
    """N softmax(alpha): all 1 at the start, N in sum."""
    return len(alpha) * torch.softmax(alpha, 0)


@method(
    "allocate",
    "flexora",
    axis="rank",
    title="only the layers that a search on validation examples asks for",
    source="Wei et al. 2024, arXiv 2408.10774",
    cost="a search for every expert before it is trained: `steps` times 1 + `validation` batches, forward and backward",
    when="training overfits: fewer layers, fewer numbers",
    options={
        "steps": Option(60, "alternations of the search", low=1, high=100000),
        "validation": Option(2, "validation batches in each", low=1, high=100),
        "lr": Option(2e-3, "of the factors in the search", low=1e-6, high=1),
        "gate_lr": Option(0.01, "of the gates", low=1e-6, high=1),
        "keep": Option(0, "layers kept; 0: those above the mean", low=0, high=10000),
    },
)
class Flexora:
    """Layers whose number grew above zero, the start; at least the first of them. The run's rank, or none."""

    def __init__(self, *, steps: int, validation: int, lr: float, gate_lr: float, keep: int) -> None:
        self.how = {"steps": steps, "validation": validation, "lr": lr, "gate_lr": gate_lr}
        self.keep = keep

    def most(self, rank: int) -> int:
        """The largest rank a module may be given."""
        return rank

    def __call__(self, context: Context) -> dict[str, int]:
        layers: dict[str, list[str]] = {}
        for path in context.specs:
            layers.setdefault(block_of(path), []).append(path)
        alpha = searched(context, list(layers.values()), gates_of, **self.how)
        order = alpha.argsort(descending=True).tolist()
        n = min(self.keep, len(order)) or max(1, int((alpha > 0).sum()))
        chosen = {list(layers)[i] for i in order[:n]}
        return {path: context.rank if block_of(path) in chosen else 0 for path in context.specs}
