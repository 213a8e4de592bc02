"""Codes of experts: coordinates in product space, so that a network can read which updates a request's neighbours hold.

The Gram matrix of the updates (inner products of ΔW, which do not depend on how factors are spelled) is centred and
decomposed; an expert's code is its row of the leading principal coordinates (kernel PCA, Schölkopf et al. 1998),
scaled to unit mean energy. The code of a request is the softmax-weighted mean of its neighbours' codes, beside the
similarity of the nearest and the neighbourhood's agreement.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState

from ._coverage import products, softmax

CODE_EXTRA = 2
"""Numbers beside the coordinates: similarity of the nearest neighbour, length of the mean code over the mean length."""

NEIGHBOURS = 4
TEMPERATURE = 0.05

Codes = dict[str, NDArray[np.float32]]


def expert_codes(states: Mapping[str, AdapterState], dim: int) -> Codes:
    """{expert: (dim,)} of a library; coordinates that it does not fill are zero."""
    names = sorted(states)
    gram = products([states[n] for n in names]).gram
    gram = gram / np.trace(gram) * len(names)
    mean = gram.mean(0, keepdims=True)
    centred = gram - mean - mean.T + gram.mean()
    values, vectors = np.linalg.eigh(centred)
    order = np.argsort(values)[::-1][:dim]
    rows = vectors[:, order] * np.sqrt(np.clip(values[order], 0, None))
    # An eigenvector's sign is arbitrary: the largest entry is made positive, so that codes can be made again.
    top = np.abs(rows).argmax(0)
    rows = rows * np.where(rows[top, np.arange(rows.shape[1])] < 0, -1.0, 1.0)
    rows = np.pad(rows, ((0, 0), (0, dim - rows.shape[1])))
    rows = rows / max(float(np.sqrt((rows**2).sum(1).mean())), 1e-12)
    return {n: r.astype(np.float32) for n, r in zip(names, rows, strict=True)}


def neighbour_code(found: Sequence[tuple[str, float]], codes: Codes, dim: int) -> NDArray[np.float32]:
    """The code of a request, (dim + CODE_EXTRA,), from its neighbours (name, similarity), nearest first.

    Experts without a code (added to the bank after the generator was trained) are passed over; with none left, zeros.
    """
    near = [(n, s) for n, s in found if n in codes][:NEIGHBOURS]
    if not near:
        return np.zeros(dim + CODE_EXTRA, np.float32)
    weights = softmax([s for _, s in near], TEMPERATURE)
    rows = np.stack([codes[n] for n, _ in near]).astype(np.float64)
    mean = np.asarray(weights) @ rows
    length = float(np.asarray(weights) @ np.linalg.norm(rows, axis=1))
    agreement = float(np.linalg.norm(mean)) / max(length, 1e-12)
    return np.concatenate([mean, [near[0][1], agreement]]).astype(np.float32)
