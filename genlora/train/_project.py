"""An expert's weights on another base without training: singular values and least squares, as in Cross-LoRA.

Cross-LoRA (arXiv 2508.05232) aligns the singular subspaces of both bases' weights. Between families that leaves signs
and order open, so the residual streams are aligned here by what both bases surely mean alike: the embeddings of the
tokens that they share. With N, the least-squares map of the target's embeddings to the source's (x_s = N x_t), and M
its counterpart (x_t = M x_s), an update B A of the source's W_s becomes, on the target's W_t,

    A' = A N,   B' = W_t M W_s^+ B,

where W_s^+ is the pseudo-inverse over the leading singular values: what W_s makes of an input, W_t makes of its image.
B' is scaled so that the update is as large beside W_t as it was beside W_s.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.adapter import AdapterState, LoraPair, module_at
from genlora.base import LoadedBase
from genlora.errors import TrainingError

LEAST_SHARED = 512
"""Fewer tokens in common than this align nothing."""
_MOST_SHARED = 20_000
_RIDGE = 1e-3
"""Of the mean squared singular value of the embeddings."""
_ENERGY = 0.99
"""Share of a weight's squared singular values that its pseudo-inverse is over."""


@dataclass(frozen=True, eq=False)
class Projected:
    """An adapter for the target, and how well the embeddings could be aligned."""

    state: AdapterState
    shared: int
    """Tokens that both vocabularies hold."""
    error: float
    """Relative error of the map from the target's embeddings to the source's: 0 is perfect, 1 says nothing."""


@torch.no_grad()
def project(state: AdapterState, source: LoadedBase, target: LoadedBase, *, least: int = LEAST_SHARED) -> Projected:
    """`state`, an adapter of `source`, for `target`, in seconds. Layers correspond by their relative depth.

    Raises `TrainingError` where the vocabularies share fewer than `least` tokens, or no module of the adapter has a
    counterpart.
    """
    ours, theirs = _shared(source, target)
    if len(ours) < least:
        raise TrainingError(
            f"{source.layout.name} and {target.layout.name} have {len(ours)} tokens in common, expected {least:,} to "
            "align them by. Move the expert by synthesised inputs: --method distil"
        )
    e_s, e_t = _embeddings(source)[ours], _embeddings(target)[theirs]
    n, m = _map(e_t, e_s), _map(e_s, e_t)
    error = float((e_t @ n.T - e_s).norm() / e_s.norm())
    pairs: dict[str, LoraPair] = {}
    last_s, last_t = source.layout.n_layers - 1, target.layout.n_layers - 1
    by_place = {(_layer(path), path.rsplit(".", 1)[-1]): path for path in state}
    for spec in target.layout.modules:
        layer = round(_layer(spec.path) * last_s / max(1, last_t))
        path = by_place.get((layer, spec.leaf))
        if path is None or spec.leaf not in _FROM_RESIDUAL:
            continue
        pair = state[path].folded()
        w_s, w_t = _weight(source, path), _weight(target, spec.path)
        a = pair.a @ n
        b = w_t @ (m @ (_pseudo_inverse(w_s) @ pair.b))
        size = float((b @ a).norm())
        wanted = float(pair.delta().norm() / w_s.norm() * w_t.norm())
        pairs[spec.path] = LoraPair(a.contiguous(), (b * (wanted / size if size > 0 else 0.0)).contiguous())
    if not pairs:
        raise TrainingError(
            f"the adapter changes no module that {target.layout.name} has a counterpart of, expected some of "
            f"{', '.join(sorted(_FROM_RESIDUAL))}. Move the expert by synthesised inputs: --method distil"
        )
    return Projected(AdapterState(pairs), len(ours), error)


_FROM_RESIDUAL = frozenset({"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"})
"""Projections that read the residual stream, which is what the embeddings align."""


def _layer(path: str) -> int:
    return int(path.split("layers.", 1)[1].split(".", 1)[0])


def _weight(base: LoadedBase, path: str) -> Tensor:
    return module_at(base.model, path).weight.float().cpu()  # type: ignore[union-attr]


def _embeddings(base: LoadedBase) -> Tensor:
    return base.model.get_input_embeddings().weight.float().cpu()  # type: ignore[operator,union-attr]


def _shared(source: LoadedBase, target: LoadedBase) -> tuple[list[int], list[int]]:
    """Ids in both vocabularies of the tokens that mean the same text, special ones left out."""
    ours, theirs = _texts(source), _texts(target)
    both = sorted(ours.keys() & theirs.keys(), key=lambda t: ours[t])[:_MOST_SHARED]
    return [ours[t] for t in both], [theirs[t] for t in both]


def _texts(base: LoadedBase) -> dict[str, int]:
    special = set(base.tokenizer.all_special_tokens)
    # A leading space is `Ġ` for some tokenizers and `▁` for others.
    return {
        token.replace("Ġ", "▁"): i
        for token, i in sorted(base.tokenizer.get_vocab().items(), key=lambda item: -item[1])
        if token not in special
    }


def _map(x: Tensor, y: Tensor) -> Tensor:
    """(d_y, d_x) of the least-squares map y = W x over rows, with a little ridge."""
    gram = x.T @ x
    gram += _RIDGE * gram.diagonal().mean() * torch.eye(len(gram))
    return torch.linalg.solve(gram, x.T @ y).T


def _pseudo_inverse(w: Tensor) -> Tensor:
    """(d_in, d_out) of a weight (d_out, d_in), over the leading singular values."""
    u, s, vh = torch.linalg.svd(w, full_matrices=False)
    share = (s * s).cumsum(0) / (s * s).sum()
    k = int((share < _ENERGY).sum()) + 1
    return (vh[:k].T / s[:k]) @ u[:, :k].T
