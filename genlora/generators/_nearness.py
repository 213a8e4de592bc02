"""How near a request is to an expert: the features that the tables of expected accuracy are read by."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._neighbourhood import Neighbourhood
from ._protocol import BankLike, Vector

_SCALE = 5.0
"""Of similarities among an expert's features: a tenth of a cosine is half a step."""
_INPUTS_SCALE = 10.0
"""Of the similarity of inputs: chosen among 2, 5 and 10 on the calibration requests (benchmarks/RESULTS.md)."""


@dataclass(frozen=True)
class Nearness:
    """How near a request is to an expert: (3,) features of the quick tables, (4,) of the others; and one of inputs."""

    centre: float
    """Cosine to the mean of the expert's descriptions."""
    best: float
    """Cosine to the nearest of them."""
    ahead: float
    """How far the best of the other experts' centres is behind; negative where one is nearer."""
    gap: float | None = None
    """Of the same-task test, in nats."""
    inputs: float | None = None
    """Cosine of the mean of the request's inputs to that of the inputs on the expert's card."""

    @property
    def features(self) -> NDArray[np.float64]:
        near = [_SCALE * x for x in (self.centre, self.best, self.ahead)]
        more = [] if self.inputs is None else [_INPUTS_SCALE * self.inputs]
        return np.array([*near, *([] if self.gap is None else [self.gap]), *more])


def nearness(
    library: BankLike,
    vector: Vector,
    near: Neighbourhood,
    at: int = 0,
    *,
    gap: float | None = None,
    inputs: float | None = None,
) -> Nearness:
    """Of the request's `at`-nearest expert; others count if they are of another parent."""
    first = library.get(near.found[at].name)
    rows = np.atleast_2d(np.asarray(first.embeddings, np.float64))
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    best = float((rows @ np.asarray(vector, np.float64)).max())
    others = [
        s
        for n, s in zip(near.found, near.similarities, strict=True)
        if n.name != first.name and (library.get(n.name).parent or n.name) != (first.parent or first.name)
    ]
    centre = near.similarities[at]
    return Nearness(centre, round(best, 6), round(centre - others[0], 6) if others else 1.0, gap, inputs)


def newness(library: BankLike, vector: Vector, near: Neighbourhood, gaps: Iterable[float]) -> NDArray[np.float64]:
    """The features that the few-shot adapter's tables are read by: nearness to the nearest expert, and the largest gap
    of those that were read. The nearer a request is to what the bank holds, the better that adapter does.
    """
    return nearness(library, vector, near, gap=max(gaps, default=None)).features
