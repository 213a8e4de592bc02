"""DiffoRA: in each layer, the module types that a search asks for."""

import math

import torch

from .._context import Context
from .._registry import Option, method
from .._search import searched
from ..rules._lisa import block_of


@method(
    "allocate",
    "diffora",
    axis="rank",
    title="in each layer, only the projections that a search on validation examples asks for",
    source="arXiv 2502.08905, its search derived from the abstract and summaries: there is no code; no weight sharing",
    cost="a search for every expert before it is trained: `steps` times 1 + `validation` batches, forward and backward",
    when="many projections are trained and half of them would do",
    options={
        "share": Option(0.5, "of a layer's modules that are kept, rounded up", low=0.01, high=1),
        "steps": Option(60, "alternations of the search", low=1, high=100000),
        "validation": Option(2, "validation batches in each", low=1, high=100),
        "lr": Option(2e-3, "of the factors in the search", low=1e-6, high=1),
        "gate_lr": Option(0.05, "of the gates", low=1e-6, high=1),
    },
)
class Diffora:
    """Gates sigmoid(alpha), one a module; in each layer the ceil(share M) largest are kept at the run's rank."""

    def __init__(self, *, share: float, steps: int, validation: int, lr: float, gate_lr: float) -> None:
        self.how = {"steps": steps, "validation": validation, "lr": lr, "gate_lr": gate_lr}
        self.share = share

    def most(self, rank: int) -> int:
        """The largest rank a module may be given."""
        return rank

    def __call__(self, context: Context) -> dict[str, int]:
        alpha = searched(context, [[p] for p in context.specs], torch.sigmoid, **self.how)
        layers: dict[str, list[tuple[float, str]]] = {}
        for value, path in zip(alpha.tolist(), context.specs, strict=True):
            layers.setdefault(block_of(path), []).append((value, path))
        kept = set()
        for found in layers.values():
            n = math.ceil(self.share * len(found))
            kept |= {path for _, path in sorted(found, key=lambda pair: -pair[0])[:n]}
        return {path: context.rank if path in kept else 0 for path in context.specs}
