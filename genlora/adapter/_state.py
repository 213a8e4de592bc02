"""LoRA weights as plain values: `AdapterState` maps a module path in the base to its pair of factors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from genlora.errors import AdapterShapeError


@dataclass(frozen=True, eq=False)
class LoraPair:
    """One module's update, ΔW = scale · B A (Hu et al. 2021): `a` is (r, d_in), `b` is (d_out, r)."""

    a: Tensor
    b: Tensor
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.a.ndim != 2 or self.b.ndim != 2 or self.a.shape[0] != self.b.shape[1]:
            raise AdapterShapeError(
                f"a LoRA pair has A {tuple(self.a.shape)} and B {tuple(self.b.shape)}; "
                "expected A (r, d_in) and B (d_out, r) of one rank r. Was one of them transposed?"
            )

    @property
    def rank(self) -> int:
        return self.a.shape[0]

    @property
    def d_in(self) -> int:
        return self.a.shape[1]

    @property
    def d_out(self) -> int:
        return self.b.shape[0]

    def delta(self) -> Tensor:
        """ΔW in float32, (d_out, d_in)."""
        return self.scale * (self.b.float() @ self.a.float())

    def folded(self) -> Self:
        """The same update with the scale inside B, in float32."""
        return type(self)(self.a.float(), self.b.float() * self.scale, 1.0)


class AdapterState(Mapping[str, LoraPair]):
    """An immutable map {module path in the base model: LoraPair}, in sorted order of paths."""

    def __init__(self, pairs: Mapping[str, LoraPair]) -> None:
        self._pairs = {path: pairs[path] for path in sorted(pairs)}
        self._stacks: dict[tuple[str, ...], tuple[Tensor, Tensor, Tensor]] = {}
        self.energies: dict[str, float] | None = None
        """‖ΔW‖² per module, once somebody has computed it (`update_norms`)."""

    def __getitem__(self, path: str) -> LoraPair:
        return self._pairs[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        ranks = sorted({p.rank for p in self._pairs.values()})
        return f"AdapterState({len(self)} modules, ranks {ranks})"

    def stacked(self, paths: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """A (n, r, d_in), B (n, d_out, r), both float32, and scales (n,) of modules of one shape and rank.

        Made once per group of paths and kept: whoever sums or compares experts asks for the same groups again. The
        pairs are then parts of it, so that nothing is in memory twice.
        """
        key = tuple(paths)
        if key not in self._stacks:
            pairs = [self._pairs[p] for p in key]
            a, b = (torch.stack([getattr(p, x).detach().to("cpu", torch.float32) for p in pairs]) for x in ("a", "b"))
            self._stacks[key] = (a, b, torch.tensor([p.scale for p in pairs], dtype=torch.float64))
            for i, path in enumerate(key):
                pair = self._pairs[path]
                if all(
                    t.dtype is torch.float32 and t.device.type == "cpu" and not t.requires_grad
                    for t in (pair.a, pair.b)
                ):
                    self._pairs[path] = LoraPair(a[i], b[i], pair.scale)
        return self._stacks[key]

    @property
    def parameters(self) -> int:
        """How many numbers the factors hold."""
        return sum(p.a.numel() + p.b.numel() for p in self._pairs.values())

    def to(self, dtype: torch.dtype) -> "AdapterState":
        """The same adapter with both factors cast."""
        return AdapterState({k: LoraPair(p.a.to(dtype), p.b.to(dtype), p.scale) for k, p in self.items()})

    def folded(self) -> "AdapterState":
        """Every scale inside its B, float32."""
        return AdapterState({k: p.folded() for k, p in self.items()})
