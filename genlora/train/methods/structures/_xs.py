"""LoRA-XS and LoRA-SB: A and B are frozen, a small square between them is trained."""

import torch
from torch import Tensor

from genlora.adapter import ModuleSpec

from .._context import Context, Start, low_rank_svd
from .._registry import method
from .._structure import Parts, Plain, padded


class XsStart:
    """LoRA-XS's own start: with W = U S Vᵀ, B = U_r S_r and A = V_rᵀ, the core zero. Once for all experts."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], Start] = {}

    def __call__(self, context: Context) -> dict[str, Start]:
        out = {}
        for path in context.specs:
            rank = context.ranks[path]
            if (path, rank) not in self._found:
                u, s, v = low_rank_svd(context.weight(path), rank, iterations=10, seed=0)
                self._found[path, rank] = Start(v.T.contiguous(), u * s, torch.zeros(len(s), len(s)))
            out[path] = self._found[path, rank]
        return out


@method(
    "structure",
    "xs",
    axis="rank",
    title="only an r x r core between frozen A and B",
    source="LoRA-XS, Bałazy et al. 2024, arXiv 2405.17604; with init lora-sb LoRA-SB, arXiv 2411.19557",
    cost="the time of plain LoRA; trains r² numbers a module instead of r (d_in + d_out)",
    when="experts must be tiny; take init lora-sb with it, without it the frozen factors know nothing of the task",
)
class Xs(Plain):
    """ΔW = B R A with B (d_out, r) and A (r, d_in) frozen: B' = B R."""

    scale = 1.0
    fixed_factors = frozenset({"a"})

    def __init__(self) -> None:
        self.own_init = XsStart()

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"core": (rank, rank)}

    def kept(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        return {"frozen_a": (rank, spec.d_in), "frozen_b": (spec.d_out, rank)}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        core = torch.zeros(rank, rank) if given.core is None else padded(given.core, rows=rank, columns=rank)
        return {"core": core, "frozen_a": padded(given.a, rows=rank), "frozen_b": padded(given.b, columns=rank)}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        return parts["frozen_a"], parts["frozen_b"] @ parts["core"]
