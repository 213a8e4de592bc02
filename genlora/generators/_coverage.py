"""How well a bank supports a request: support from similarity and agreement, coverage by calibration on the bank.

**Support** of a request is `s · g`, with `s` the cosine similarity of its nearest expert (0 where negative) and `g` the
agreement of its standard neighbourhood (the four nearest experts, softmax at 0.1, whatever the request asks for):

    g = ‖Σ aₖ ΔWₖ‖ / √(Σ aₖ ‖ΔWₖ‖²)  =  √(1 - spread),    spread = Σ aₖ ‖ΔWₖ - ΔW*‖² / Σ aₖ ‖ΔWₖ‖²

The spread is SG-LoRA's between-expert variance (arXiv 2509.10535), taken in product space and relative to the
neighbours' own energy, so that it does not depend on how factors are spelled nor on the base's scale.

**Coverage** is `(F_left(support) + F_own(support)) / 2`. `F_left` is the distribution of support over the bank's own
tasks when each is left out together with its siblings; `F_own` is that of descriptions of tasks the bank does hold
(each description against its expert, whose index vector is made of its other descriptions). So 0.25 is a typical task
the bank lacks, 0.75 a typical one it holds; it grows with support and stays within 0 and 1.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from genlora.adapter import AdapterState
from genlora.errors import ManifestError

from ._protocol import BankLike, Coverage

STANDARD_K = 4
STANDARD_TEMPERATURE = 0.1

NONE = 0.01
"""Up to this coverage the bank is said to have no support: nearly all of its own tasks, left out, have more."""

MAX_QUERIES = 256
"""Descriptions used for calibration; more would change the quantiles little and cost time."""
MIN_QUERIES = 12
"""Fewer than this say nothing about a distribution: the default curves are used, and the receipt says so."""

_LEVELS = 21  # quantiles kept per curve: 0 %, 5 %, ..., 100 %
# Curves of support for banks too small to calibrate on: typical quantiles of all-MiniLM-L6-v2 on short English task
# descriptions, as support (similarity times agreement).
_DEFAULT_LEFT = tuple(round(0.10 + 0.02 * i, 3) for i in range(_LEVELS))
_DEFAULT_OWN = tuple(round(0.40 + 0.025 * i, 3) for i in range(_LEVELS))


def softmax(similarities: Sequence[float], temperature: float) -> list[float]:
    """Weights exp(s/τ) / Σ exp(s/τ), in float64 and in order: the same on every machine."""
    top = max(similarities)
    powers = [math.exp((s - top) / temperature) for s in similarities]
    total = math.fsum(powers)
    return [p / total for p in powers]


@dataclass(frozen=True)
class Products:
    """Inner products of K updates, in product space."""

    gram: NDArray[np.float64]
    """(K, K): the sum over modules of <ΔWᵢ, ΔWⱼ>."""
    energies: dict[str, NDArray[np.float64]]
    """‖ΔW‖² of each module, (K,): zero for a state that lacks it."""


def products(states: Sequence[AdapterState]) -> Products:
    """Inner products of updates, from r x r products of their factors: no ΔW is formed."""
    k = len(states)
    total = np.zeros((k, k))
    energies: dict[str, NDArray[np.float64]] = {}
    groups: dict[tuple[Any, ...], list[str]] = {}
    for path in dict.fromkeys(p for s in states for p in s):
        shapes = tuple((s[path].a.shape, s[path].b.shape) if path in s else None for s in states)
        groups.setdefault(shapes, []).append(path)
    for shapes, paths in groups.items():
        present = [i for i, shape in enumerate(shapes) if shape is not None]
        blocks = _blocks([states[i] for i in present], paths)
        total[np.ix_(present, present)] += blocks.sum(0)
        for path, block in zip(paths, blocks, strict=True):
            energies[path] = np.zeros(k)
            energies[path][present] = np.diagonal(block)
    return Products(total, energies)


def _blocks(states: Sequence[AdapterState], paths: Sequence[str]) -> NDArray[np.float64]:
    """<ΔWᵢ, ΔWⱼ> in each module of one shape, (n, K, K): tr(BᵢᵀBⱼ · AⱼAᵢᵀ) summed out of one stacked product."""
    stacks = [s.stacked(paths) for s in states]
    a = torch.cat([a for a, _, _ in stacks], 1)
    b = torch.cat([b * scale.float()[:, None, None] for _, b, scale in stacks], 2)
    cells = ((a @ a.mT).double() * (b.mT @ b).double()).numpy()
    edges = np.cumsum([0, *(s[paths[0]].rank for s in states)])[:-1]
    with np.errstate(invalid="ignore", over="ignore"):  # a damaged expert is found by its energy, and named
        return np.add.reduceat(np.add.reduceat(cells, edges, axis=1), edges, axis=2)


def spread_of(weights: Sequence[float], gram: NDArray[np.float64]) -> float:
    """Σ aₖ‖ΔWₖ - ΔW*‖² / Σ aₖ‖ΔWₖ‖², in [0, 1]; 0 where all neighbours are zero."""
    a = np.asarray(weights)
    energy = float(a @ np.diag(gram))
    if energy <= 0:
        return 0.0
    return min(max(1.0 - float(a @ gram @ a) / energy, 0.0), 1.0)


def support_of(similarities: Sequence[float], gram: NDArray[np.float64]) -> float:
    """Similarity of the nearest times agreement of the first `STANDARD_K`, nearest first; rounded to six places."""
    near = list(similarities[:STANDARD_K])
    k = len(near)
    spread = spread_of(softmax(near, STANDARD_TEMPERATURE), gram[:k, :k])
    return round(max(near[0], 0.0) * math.sqrt(1.0 - spread), 6)


@dataclass(frozen=True)
class Calibration:
    """A bank's two curves of support, as quantiles at 0 %, 5 %, ..., 100 %."""

    left_out: tuple[float, ...]
    own: tuple[float, ...]
    n_left_out: int
    n_own: int
    generation: int
    """The bank generation it was made for; another one needs a new calibration."""

    @property
    def calibrated(self) -> bool:
        return self.n_left_out >= MIN_QUERIES

    def coverage(self, support: float) -> Coverage:
        value = (_cdf(self.left_out, support) + _cdf(self.own, support)) / 2
        return Coverage(round(value, 4), support, self.calibrated)

    def to_json(self) -> dict[str, Any]:
        return {
            "left_out": list(self.left_out),
            "own": list(self.own),
            "n_left_out": self.n_left_out,
            "n_own": self.n_own,
            "generation": self.generation,
        }

    @classmethod
    def from_json(cls, data: Any, *, where: str = "calibration") -> Self:
        try:
            left, own = (tuple(float(x) for x in data[k]) for k in ("left_out", "own"))
            if not all(len(q) == _LEVELS and all(map(math.isfinite, q)) and sorted(q) == list(q) for q in (left, own)):
                raise ValueError(f"expected {_LEVELS} rising quantiles per curve")
            return cls(left, own, int(data["n_left_out"]), int(data["n_own"]), int(data["generation"]))
        except (KeyError, TypeError, ValueError) as err:
            raise ManifestError(
                f"{where}: not a calibration ({err}). It is made anew from the bank when removed."
            ) from err


def _cdf(quantiles: Sequence[float], support: float) -> float:
    """Share of a distribution below `support`; linear between quantiles, rising from (0, 0) to (1, 1)."""
    n = len(quantiles)
    # The outermost quantiles are of a finite sample: half a step of probability is left beyond each of them.
    levels = [0.0, *((i + 0.5) / n for i in range(n)), 1.0]
    # On a grid: between quantiles that differ by a denormal number, the slope would overflow.
    return float(np.interp(round(support, 9), np.round([0.0, *quantiles, 1.0], 9), levels))


def calibrate(library: BankLike) -> Calibration:
    """Measure a bank's curves from the descriptions stored with its experts. Takes about a second, draws nothing.

    For every description of every expert (the last ones first, the unseen; at most `MAX_QUERIES` in all, of experts
    chosen by a hash of their names): its support when its expert and that expert's siblings are left out, and its
    support with the expert in the bank, whose vector is made of its other descriptions.
    """
    names = sorted(library.names())
    vectors = {name: _unit_rows(library.get(name).embeddings) for name in names}
    parents = np.array([library.get(name).parent or name for name in names])
    centres = np.stack([_unit(vectors[n].mean(0)) for n in names]) if names else np.zeros((0, 1))
    asked = sorted(range(len(names)), key=lambda i: hashlib.sha256(names[i].encode()).digest())[:MAX_QUERIES]
    each = max(1, MAX_QUERIES // max(len(asked), 1))
    cache: dict[tuple[int, ...], NDArray[np.float64]] = {}

    def support(similarities: NDArray[np.float64]) -> float:
        near = [int(i) for i in np.argsort(-similarities, kind="stable")[:STANDARD_K] if np.isfinite(similarities[i])]
        key = tuple(near)
        if key not in cache:
            cache[key] = products([library.state(names[i]) for i in near]).gram
        return support_of([float(similarities[i]) for i in near], cache[key])

    left_out: list[float] = []
    own: list[float] = []
    for i in asked:
        rows = vectors[names[i]]
        siblings = parents == parents[i]
        for j in range(max(0, len(rows) - each), len(rows)):
            similarities = (centres @ rows[j]).astype(np.float64)
            if not siblings.all():
                left_out.append(support(np.where(siblings, -np.inf, similarities)))
            if len(rows) > 1:
                similarities[i] = float(_unit(np.delete(rows, j, 0).mean(0)) @ rows[j])
                own.append(support(similarities))
    return calibration_from(left_out, own, library.generation)


def calibration_from(left_out: Sequence[float], own: Sequence[float], generation: int) -> Calibration:
    """A calibration of samples of support: of tasks left out, and of tasks the bank holds. Few give default curves."""
    return Calibration(
        _quantiles(left_out, _DEFAULT_LEFT), _quantiles(own, _DEFAULT_OWN), len(left_out), len(own), generation
    )


def _quantiles(values: Sequence[float], default: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) < MIN_QUERIES:
        return default
    return tuple(round(float(q), 6) for q in np.quantile(values, np.linspace(0, 1, _LEVELS)))


def _unit(vector: NDArray[Any]) -> NDArray[np.float64]:
    out = np.asarray(vector, np.float64)
    return out / max(float(np.linalg.norm(out)), 1e-12)


def _unit_rows(rows: Any) -> NDArray[np.float64]:
    out = np.atleast_2d(np.asarray(rows, np.float64))
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
