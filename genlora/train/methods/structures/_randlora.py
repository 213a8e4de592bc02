"""RandLoRA: a full-rank update from fixed random bases, of which only the weights are trained."""

import functools
import math
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import ModuleSpec

from .._context import Start
from .._registry import Option, method
from .._structure import Parts, Plain


@functools.lru_cache(maxsize=8)
def bases(large: int, small: int, rank: int, key: int, kind: str) -> tuple[Tensor, Tensor]:
    """PEFT's bases for one shape: A (rank, 1, small) and B (large, N, rank), drawn from `key`."""
    from peft import RandLoraConfig, inject_adapter_in_model

    stand_in = nn.ModuleDict({"m": nn.Linear(small, large, bias=False)})
    sparse: dict[str, Any] = {"sparse": kind == "sparse", "very_sparse": kind == "very-sparse"}
    inject_adapter_in_model(RandLoraConfig(r=rank, target_modules=["m"], projection_prng_key=key, **sparse), stand_in)
    layer: Any = stand_in["m"]
    return layer.randlora_A["default"].float(), layer.randlora_B["default"].float()


@method(
    "structure",
    "randlora",
    axis="rank",
    title="a full-rank sum of fixed random bases with trained weights",
    source="Albert et al. 2025, arXiv 2502.00987; bases drawn by PEFT, whose update it equals",
    cost="as much again as the base's own product, forward and backward; a smaller `bases_rank` trains more numbers",
    when="full rank is asked for; as a plain LoRA of the bank's rank much of it is lost, and the card says how much",
    options={
        "bases_rank": Option(32, "rank of each base", low=1, high=1024),
        "alpha": Option(640.0, "the update's size, over bases_rank", low=1e-3, high=1e6),
        "key": Option(0, "what the bases are drawn from", low=0, high=2**31),
        "kind": Option("dense", "how they are drawn", choices=("dense", "sparse", "very-sparse")),
    },
)
class RandLora(Plain):
    """ΔW = (alpha / r) Σ_j B_j diag(weights_j) A diag(gains_j): weights start at zero, gains at 1 / max(N, small)."""

    ranked = False
    scale = 1.0

    def __init__(self, *, bases_rank: int, alpha: float, key: int, kind: str) -> None:
        self.rank, self.alpha, self.key, self.kind = bases_rank, alpha, key, kind

    def fixed(self, spec: ModuleSpec) -> frozenset[str]:
        return frozenset({"b"} if spec.d_in <= spec.d_out else {"a"})

    def _sizes(self, spec: ModuleSpec) -> tuple[int, int]:
        small = min(spec.d_in, spec.d_out)
        return math.ceil(small / self.rank), small

    def trained(self, spec: ModuleSpec, rank: int) -> dict[str, tuple[int, ...]]:
        n, small = self._sizes(spec)
        return {"weights": (self.rank, n), "gains": (n, small)}

    def shared(self, spec: ModuleSpec, rank: int, weight: Tensor | None, seed: int) -> dict[str, Tensor]:
        small, large = sorted((spec.d_in, spec.d_out))
        a, b = bases(large, small, self.rank, self.key, self.kind)
        return {"base_a": a[None], "base_b": b.flatten(1)[None], "wide": torch.tensor([spec.d_in > spec.d_out])}

    def start(self, spec: ModuleSpec, rank: int, given: Start, shared: Parts) -> dict[str, Tensor]:
        n, small = self._sizes(spec)
        return {"weights": torch.zeros(self.rank, n), "gains": torch.full((n, small), 1 / max(n, small))}

    def factors(self, parts: Parts) -> tuple[Tensor, Tensor]:
        weights, gains = parts["weights"], parts["gains"]
        scaled = weights[:, :, :, None] * parts["base_a"] * gains[:, None]
        small_side, large_side = self.alpha / self.rank * scaled.flatten(1, 2), parts["base_b"]
        return (large_side.mT, small_side.mT) if bool(parts["wide"]) else (small_side, large_side)
