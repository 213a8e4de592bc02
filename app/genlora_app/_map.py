"""A bank on a plane: near tasks stand near each other, and a request stands among its neighbours.

t-SNE of the task embeddings under cosine distance (van der Maaten and Hinton 2008): on the shipped bank, 80 % of an
expert's four nearest are among its eight nearest on the plane, against 55 % with two principal components. Large banks
take the components, which cost no time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlora.bank import Bank

MAX_DOTS = 1500
"""Experts drawn; more would be a cloud nobody can read."""
_MARGIN = 7.0
_APART = 8.0
"""Least distance of the request from a neighbour's marker, in percent of the map, so that both can be seen."""

_MARK = 6.5
"""Least distance between the markers of two neighbours."""

_DOT = 2.0
"""A dot's half width on a narrow screen, in percent of the map."""
_LABEL = (24.0, 7.0)
"""Width and height of the request's label on a narrow screen, in percent of the map."""
_SIDES = {"right": (16.0, 0.0), "left": (-16.0, 0.0), "below": (0.0, 8.0), "above": (0.0, -8.0)}
"""Where the middle of the label stands, from the request's place."""

PALETTE = ("#4c78c9", "#d9822b", "#2f9e77", "#d1495b", "#8a68c9", "#a8891f", "#2b9bb8", "#c05f9b")
"""Mid tones: the same in the light and the dark theme, with contrast in both."""
OTHER = "#8b9099"

Point = tuple[float, float]


@dataclass(frozen=True)
class Dot:
    """One expert on the map."""

    name: str
    family: str
    about: str
    x: float
    """Percent of the width, 0 to 100."""
    y: float
    colour: str


@dataclass(frozen=True)
class BankMap:
    """Where every expert stands."""

    dots: tuple[Dot, ...]
    legend: tuple[tuple[str, str], ...]
    """Family and colour, the largest families first."""

    @classmethod
    def of(cls, bank: Bank) -> "BankMap":
        """The map of a bank as it is now; takes half a second for a hundred experts."""
        records = bank.records()[:MAX_DOTS]
        if not records:
            return cls((), ())
        points = _scaled(plane(np.stack([r.mean_embedding for r in records])))
        colours, legend = _colours([r.family for r in records])
        dots = tuple(
            Dot(r.name, r.family, r.description, float(x), float(y), colours[r.family])
            for r, (x, y) in zip(records, points, strict=True)
        )
        return cls(dots, legend)

    def place(self, weights: dict[str, float]) -> Point | None:
        """Where a request stands: the mean of its neighbours' places by weight, moved off their markers.

        Where there is such a place, its label covers nothing.
        """
        near = [(d, weights[d.name]) for d in self.dots if weights.get(d.name, 0) > 0]
        total = sum(w for _, w in near)
        if not near or total <= 0:
            return None
        centre = (sum(d.x * w for d, w in near) / total, sum(d.y * w for d, w in near) / total)
        named = self.marks([d.name for d, _ in near])
        marks = np.array(list(named.values()))
        rings = [(centre, 0.0)] + [
            ((centre[0] + r * np.cos(a), centre[1] + r * np.sin(a)), r)
            for r in (_APART, 1.5 * _APART, 2 * _APART)
            for a in np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ]
        inside = [(p, r) for p, r in rings if all(_MARGIN <= c <= 100 - _MARGIN for c in p)]
        free = [(p, r) for p, r in inside if float(np.hypot(*(marks - p).T).min()) >= _APART]
        if not free:
            return centre
        told = [(p, r) for p, r in free if self.label_side(p, named)] or free
        nearest_ring = min(r for _, r in told)
        crowd = np.array([(d.x, d.y) for d in self.dots])
        found = max((p for p, r in told if r == nearest_ring), key=lambda p: float(np.hypot(*(crowd - p).T).min()))
        return float(found[0]), float(found[1])

    def label_side(self, place: Point, marks: Mapping[str, Point]) -> str | None:
        """The side of the request's place on which its label covers no point; None where each side has one.

        `marks` are the places of numbered markers, which stand in for their dots.
        """
        points = [(marks.get(d.name, (d.x, d.y)), _MARK / 2 if d.name in marks else _DOT) for d in self.dots]
        for side, (dx, dy) in _SIDES.items():
            x, y = place[0] + dx, place[1] + dy
            inside = _LABEL[0] / 2 <= x <= 100 - _LABEL[0] / 2 and _LABEL[1] / 2 <= y <= 100 - _LABEL[1] / 2
            if inside and not any(
                abs(px - x) < _LABEL[0] / 2 + r and abs(py - y) < _LABEL[1] / 2 + r for (px, py), r in points
            ):
                return side
        return None

    def marks(self, names: Sequence[str]) -> dict[str, Point]:
        """Where numbered markers stand: at their dots, pushed apart where they would cover each other."""
        found = {d.name: d for d in self.dots}
        kept = [n for n in names if n in found]
        if not kept:
            return {}
        places = np.array([(found[n].x, found[n].y) for n in kept])
        for _ in range(40):
            gap = places[:, None] - places[None]
            far = np.hypot(gap[..., 0], gap[..., 1])
            close = (far < _MARK) & ~np.eye(len(kept), dtype=bool)
            if not close.any():
                break
            # Two experts at one place are pushed along x, the earlier one to the left.
            order = np.sign(np.arange(len(kept))[:, None] - np.arange(len(kept))[None])
            along = np.where(
                far[..., None] > 1e-9, gap / np.maximum(far, 1e-9)[..., None], np.stack([order, 0 * order], -1)
            )
            places = places + (along * (close * (_MARK - far) / 2)[..., None]).sum(1)
        return {n: (float(np.clip(x, 3, 97)), float(np.clip(y, 3, 97))) for n, (x, y) in zip(kept, places, strict=True)}


def plane(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2) for unit vectors (n, dim); the same vectors give the same places, whatever the number of threads."""
    n = len(vectors)
    centred = vectors.astype(np.float64) - vectors.mean(0)
    if n < 8 or n >= MAX_DOTS:
        _, _, directions = np.linalg.svd(centred, full_matrices=False)
        found = centred @ directions[:2].T
        return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    found = TSNE(2, perplexity=min(12.0, (n - 1) / 3), init="pca", metric="cosine", random_state=0, n_jobs=1)
    # t-SNE amplifies the last bit of every sum, and how sums are split depends on the number of threads.
    with threadpool_limits(1):
        return found.fit_transform(vectors)


def _scaled(points: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = points.min(0), points.max(0)
    return _MARGIN + (points - low) / np.maximum(high - low, 1e-9) * (100 - 2 * _MARGIN)


def _colours(families: Sequence[str]) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    ranked = sorted(Counter(families).items(), key=lambda item: (-item[1], item[0]))
    shown: list[tuple[str, str]] = list(zip((f for f, _ in ranked), PALETTE, strict=False))
    colours: dict[str, Any] = {f: OTHER for f, _ in ranked} | dict(shown)
    if len(ranked) > len(PALETTE):
        shown.append((f"{len(ranked) - len(PALETTE)} smaller families", OTHER))
    return colours, tuple(shown)
