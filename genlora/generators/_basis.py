"""A joint basis of a bank: every expert as a short vector of coefficients, in product space.

The basis spans the experts' own updates, each kept as its leading singular directions at 4 bits: trained updates have
nearly all of their energy in one or two directions, but hardly share any. (Measured on 68 experts of a 135M base: bases
that all experts share per module, as in joint compression, Brüel-Gabrielsson et al. 2024, lose 54 % of an update in 5.8
MiB; two directions of each expert lose 22 % in 3.8 MiB.) Coefficients are the principal coordinates of the experts'
Gram matrix, so distances between coefficients are Frobenius distances between updates, however they are spelled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from genlora.adapter import AdapterState, LoraPair, canonical, dequantize_rows, quantize_rows, resize
from genlora.errors import AdapterShapeError, BankError, ManifestError

_FLOOR = 1e-12
_EXTRA = 8
"""Directions that the range finder looks at beyond the wanted rank."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows (..., width) at 4 bits, as they are stored."""

    codes: Tensor
    scale: Tensor
    width: int

    @cached_property
    def value(self) -> Tensor:
        return dequantize_rows(self.codes, self.scale, self.width)


def _rows(value: Tensor) -> _Rows:
    return _Rows(*quantize_rows(value, 4), value.shape[-1])


@dataclass(frozen=True, eq=False)
class _Group:
    """Modules of one shape, with the directions of N experts."""

    paths: tuple[str, ...]
    rows_a: _Rows
    rows_b: _Rows

    @property
    def a(self) -> Tensor:
        """(M, N k, d_in)."""
        return self.rows_a.value

    @property
    def b(self) -> Tensor:
        """(M, N k, d_out)."""
        return self.rows_b.value


@dataclass(frozen=True, eq=False)
class JointBasis:
    """N experts' leading directions, and the principal coordinates of what they span.

    `mix`: (n, N), each row the weights of the experts in one orthonormal component; `gram`: (N, N), inner products of
    the experts as they are kept.
    """

    groups: tuple[_Group, ...]
    keep: int
    mix: Tensor
    gram: Tensor

    @property
    def dim(self) -> int:
        """How many coefficients an expert has."""
        return self.mix.shape[0]

    @property
    def experts(self) -> int:
        return self.mix.shape[1]

    @cached_property
    def library(self) -> Tensor:
        """The coefficients of the N experts as they are kept, (N, n) float32."""
        centred = self.gram - self.gram.mean(1, keepdim=True)  # column e: inner products with expert e less the mean
        return (self.mix @ centred).T.float().contiguous()

    def coefficients(self, state: AdapterState) -> Tensor:
        """An adapter's coefficients, (n,) float32: the orthogonal projection of its update. Any rank and spelling."""
        return (self.mix @ (self._inner(state) - self.gram.mean(1))).float()

    def weights(self, coefficients: Tensor) -> Tensor:
        """The experts' weights in the update that (n,) coefficients stand for, (N,) float64."""
        return 1.0 / self.experts + coefficients.double() @ self.mix

    def state(self, coefficients: Tensor, rank: int) -> tuple[AdapterState, float]:
        """The adapter of (n,) coefficients at `rank`, canonical; and the share of its energy that the rank loses.

        A range finder (Halko et al. 2011) that probes with the rows of the experts that weigh most, instead of with
        random ones. The same bytes on the same number of threads.
        """
        alpha = self.weights(coefficients)
        total, kept = float(alpha @ self.gram @ alpha), 0.0
        wide = alpha.float().repeat_interleave(self.keep)[None, :, None]
        order = (alpha.square() * self.gram.diagonal()).argsort(descending=True, stable=True)
        strongest = (order[:, None] * self.keep + torch.arange(self.keep)).flatten()
        pairs: dict[str, LoraPair] = {}
        for group in self.groups:
            a, b = group.a, group.b * wide
            size = min(rank + _EXTRA, a.shape[1], a.shape[2], b.shape[2])
            probe = a[:, strongest[:size]]
            q = torch.linalg.qr(b.mT @ (a @ probe.mT)).Q
            small = (q.mT @ b.mT) @ a
            values, vectors = torch.linalg.eigh((small @ small.mT).double())
            k = min(rank, size)
            s = values.flip(-1)[:, :k].clamp(min=0).sqrt()
            u = vectors.flip(-1)[:, :, :k].float()
            kept += float(s.square().sum())
            root = s.sqrt().float()
            inverse = torch.where(s > _FLOOR * s.amax(), 1.0 / root.clamp(min=_FLOOR), torch.zeros(())).float()
            right = (u.mT @ small) * inverse[:, :, None]
            left = (q @ u) * root[:, None, :]
            pairs |= _pairs(group.paths, right, left, rank)
        return AdapterState(pairs), min(max(0.0, 1.0 - kept / total), 1.0) if total > 0 else 0.0

    def _inner(self, state: AdapterState) -> Tensor:
        """Inner products <ΔW, ΔW of each expert>, (N,) float64."""
        total = torch.zeros(self.experts, dtype=torch.float64)
        for group in self.groups:
            try:
                pairs = [state[p].folded() for p in group.paths]
                a, b = torch.stack([p.a for p in pairs]), torch.stack([p.b.mT for p in pairs])
                cells = (group.a @ a.mT).double() * (group.b @ b.mT).double()  # (M, N k, r)
            except (KeyError, RuntimeError) as err:
                raise AdapterShapeError(
                    f"an expert does not fit the basis ({err}). It is of another base or other modules; fit the "
                    "generator again: genlora train cvae"
                ) from err
            total += cells.sum((0, 2)).view(self.experts, self.keep).sum(1)
        return total

    def error(self, state: AdapterState, coefficients: Tensor) -> float:
        """‖ΔW - ΔŴ‖ / ‖ΔW‖ over all modules, before any cut to a rank."""
        alpha = self.weights(coefficients)
        exact = float(_energy(state))
        gap = exact - 2 * float(alpha @ self._inner(state)) + float(alpha @ self.gram @ alpha)
        return (max(gap, 0.0) / max(exact, _FLOOR)) ** 0.5

    def tensors(self) -> dict[str, Tensor]:
        """The basis as it is stored: directions at 4 bits with a scale per row."""
        out = {"basis.mix": self.mix.float(), "basis.gram": self.gram.float()}
        for i, group in enumerate(self.groups):
            for side, rows in (("a", group.rows_a), ("b", group.rows_b)):
                out[f"basis.{i}.{side}"], out[f"basis.{i}.{side}.scale"] = rows.codes, rows.scale
        return out

    def shape(self) -> dict[str, Any]:
        """What else is needed to read it: plain JSON."""
        groups = [{"paths": list(g.paths), "d_in": g.a.shape[2], "d_out": g.b.shape[2]} for g in self.groups]
        return {"keep": self.keep, "groups": groups}

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], shape: Any, *, where: str) -> Self:
        """The inverse of `tensors` and `shape`. Raises `ManifestError`."""
        try:
            keep, mix, gram = int(shape["keep"]), tensors["basis.mix"], tensors["basis.gram"]
            groups = []
            for i, g in enumerate(shape["groups"]):
                paths = tuple(map(str, g["paths"]))
                a, b = (
                    _Rows(tensors[f"basis.{i}.{side}"], tensors[f"basis.{i}.{side}.scale"], int(g[width]))
                    for side, width in (("a", "d_in"), ("b", "d_out"))
                )
                expected = (len(paths), mix.shape[1] * keep)
                if a.value.shape != (*expected, a.width) or b.value.shape != (*expected, b.width):
                    raise ValueError(f"group {i} is {tuple(a.value.shape)}, expected {(*expected, a.width)}")
                groups.append(_Group(paths, a, b))
            if mix.ndim != 2 or gram.shape != (mix.shape[1], mix.shape[1]) or not groups:
                raise ValueError(f"mix is {tuple(mix.shape)} and gram {tuple(gram.shape)}")
            return cls(tuple(groups), keep, mix.double(), gram.double())
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as err:
            raise ManifestError(f"{where}: not a joint basis ({err}). Restore the artefact, or train again.") from err


def fit_basis(states: Iterable[AdapterState], *, keep: int = 2, components: int = 128) -> JointBasis:
    """The joint basis of experts with equal modules.

    Args:
        states: experts, at least two.
        keep: singular directions kept of each expert's module.
        components: principal components at most; with fewer than there are experts, none is cut.

    Raises `BankError` for fewer than two experts, `AdapterShapeError` for modules that differ.
    """
    made = [canonical(resize(canonical(s), keep)[0]) for s in states]
    if len(made) < 2:
        raise BankError(f"a joint basis needs at least 2 experts, got {len(made)}. Add some with: genlora bank train")
    shapes: dict[tuple[int, int], tuple[str, ...]] = {}
    for path, pair in made[0].items():
        shapes[pair.d_out, pair.d_in] = (*shapes.get((pair.d_out, pair.d_in), ()), path)
    groups = []
    for paths in shapes.values():
        try:
            a = torch.stack([torch.cat([s[p].a for s in made]) for p in paths])
            b = torch.stack([torch.cat([s[p].b.mT for s in made]) for p in paths])
        except (KeyError, RuntimeError) as err:
            raise AdapterShapeError(
                f"experts differ in their modules ({err}); a joint basis needs one layout."
            ) from err
        groups.append(_Group(paths, _rows(a), _rows(b)))
    if any(set(s) != set(made[0]) for s in made):
        raise AdapterShapeError("experts differ in their modules; a joint basis needs one layout.")
    n = len(made)
    gram = torch.zeros(n, n, dtype=torch.float64)
    for g in groups:
        cells = (g.a @ g.a.mT).double() * (g.b @ g.b.mT).double()
        gram += cells.sum(0).view(n, keep, n, keep).sum((1, 3))
    gram = gram.float().double()  # as it is stored
    return JointBasis(tuple(groups), keep, _components(gram, components).float().double(), gram)


def _components(gram: Tensor, most: int) -> Tensor:
    """Weights of the experts in each principal component, (n, N) float64, strongest first."""
    n = len(gram)
    centre = torch.eye(n, dtype=torch.float64) - 1.0 / n
    values, vectors = torch.linalg.eigh(centre @ gram @ centre)
    count = min(most, int((values > values.max() * 1e-9).sum()))
    order = torch.arange(n - 1, n - 1 - count, -1)
    rows = (centre @ vectors[:, order] / values[order].sqrt()).T
    top = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return rows * torch.where(top < 0, -1.0, 1.0)  # an eigenvector's sign is arbitrary


def _pairs(paths: tuple[str, ...], a: Tensor, b: Tensor, rank: int) -> dict[str, LoraPair]:
    """Factors (M, k, d_in) and (M, d_out, k) as pairs of `rank`, the largest entry of each row of A positive."""
    peak = a.gather(2, a.abs().argmax(2, keepdim=True))
    sign = torch.where(peak < 0, -1.0, 1.0)
    a, b = a * sign, b * sign.mT
    if (short := rank - a.shape[1]) > 0:
        a = torch.cat([a, a.new_zeros(len(a), short, a.shape[2])], 1)
        b = torch.cat([b, b.new_zeros(len(b), b.shape[1], short)], 2)
    return {p: LoraPair(a[i].clone(), b[i].clone()) for i, p in enumerate(paths)}


def _energy(state: AdapterState) -> float:
    total = 0.0
    for pair in state.folded().values():
        total += float(((pair.a @ pair.a.mT).double() * (pair.b.mT @ pair.b).double()).sum())
    return total
