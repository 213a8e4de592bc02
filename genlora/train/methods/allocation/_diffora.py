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
    source="arXiv 2502.08905, its search derived from the abstract and summaries: there is no code",
    cost="a search for every expert before it is trained: `steps` times 1 + `validation` batches, forward and backward",
    when="many projections are trained and half of them would do",
    options={
        "share": Option(0.5, "of a layer's modules that are kept, rounded up", low=0.01, high=1),
        "steps": Option(60, "alternations of the search", low=1, high=100000),
        "validation": Option(2, "validation batches in each", low=1, high=100),
        "lr": Option(2e-3, "of the factors in the search", low=1e-6, high=1),
        "gate_lr": Option(0.05, "of the gates", low=1e-6, high=1),
        "shared": Option(False, "those of a kind that are not kept share one adapter, instead of having none"),
    },
)
class Diffora:
    """Gates sigmoid(alpha), one a module; in each layer the ceil(share M) largest are kept at the run's rank.

    With `shared` the others of each kind have one adapter between them: same start, one gradient, the sum of theirs.
    """

    def __init__(
        self, *, share: float, steps: int, validation: int, lr: float, gate_lr: float, shared: bool = False
    ) -> None:
        self.how = {"steps": steps, "validation": validation, "lr": lr, "gate_lr": gate_lr}
        self.share, self.shared = share, shared

    def most(self, rank: int) -> int:
        """The largest rank a module may be given."""
        return rank

    def __call__(self, context: Context) -> dict[str, int]:
        kept = self._kept(context)
        return {path: context.rank if path in kept or self.shared else 0 for path in context.specs}

    def tied(self, context: Context) -> dict[str, str]:
        """{path: the first of those that share an adapter with it}, of modules of one kind and shape."""
        if not self.shared:
            return {}
        kept, first = self._kept(context), {}
        alone = {path: (s.leaf, s.d_in, s.d_out) for path, s in context.specs.items() if path not in kept}
        for path, kind in alone.items():
            first.setdefault(kind, path)
        return {path: first[kind] for path, kind in alone.items()}

    def _kept(self, context: Context) -> set[str]:
        """Searched once for an expert."""
        if "diffora" not in context.cache:
            context.cache["diffora"] = self._searched(context)
        return context.cache["diffora"]

    def _searched(self, context: Context) -> set[str]:
        alpha = searched(context, [[p] for p in context.specs], torch.sigmoid, **self.how)
        layers: dict[str, list[tuple[float, str]]] = {}
        for value, path in zip(alpha.tolist(), context.specs, strict=True):
            layers.setdefault(block_of(path), []).append((value, path))
        kept: set[str] = set()
        for found in layers.values():
            n = math.ceil(self.share * len(found))
            kept |= {path for _, path in sorted(found, key=lambda pair: -pair[0])[:n]}
        return kept
