"""How far two sets of vectors are apart: the maximum mean discrepancy (Gretton et al. 2012) of an RBF kernel."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


def bandwidth(rows: Rows) -> float:
    """The median distance between two of the rows (n, dim): the usual width of the kernel. 1 where it is 0."""
    d2 = _squared(rows, rows)[np.triu_indices(len(rows), 1)]
    middle = float(np.sqrt(np.median(d2))) if d2.size else 0.0
    return middle or 1.0


def mmd(x: Rows, y: Rows, width: float) -> float:
    """MMD of x (n, dim) and y (m, dim), the root of the unbiased estimate of its square; 0 where that is negative.

    Values compare only under the same `width`. NaN where a set has fewer than two rows.
    """
    if len(x) < 2 or len(y) < 2:
        return float("nan")

    def kernel(a: Rows, b: Rows) -> NDArray[np.float64]:
        return np.exp(-_squared(a, b) / (2 * width * width))

    def within(a: Rows) -> float:
        k, n = kernel(a, a), len(a)
        return float((k.sum() - np.trace(k)) / (n * (n - 1)))

    return float(np.sqrt(max(0.0, within(x) + within(y) - 2 * float(kernel(x, y).mean()))))


def _squared(a: Rows, b: Rows) -> NDArray[np.float64]:
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    return np.maximum(0.0, (a64 * a64).sum(1)[:, None] + (b64 * b64).sum(1)[None] - 2 * a64 @ b64.T)
