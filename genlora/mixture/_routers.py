"""Routers fitted in closed form: which expert's task is this hidden state from?

Each site's router starts as the linear discriminant between the experts' tasks (Fisher 1936): with class means m_i of
the states that the site reads, their mean m and the shrunk within-class covariance S,
w_i = S^-1 (m_i - m) and c_i = -w_i . m - (m_i - m) . w_i / 2, so that softmax(x W^T + c) is the posterior of Gaussian
classes of one covariance. No gradient is needed, one forward pass over a few texts for each expert is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from genlora.base import LoadedBase, common_prefix, decoder_of

from ._routing import Router

SHRINKAGE = 0.2
"""Weight of the identity (times the mean variance) in the covariance, 0 to 1: there are more dimensions than texts."""
_BATCH_TOKENS = 1024
Rows = Sequence[Sequence[int]]


class SiteStatistics:
    """First and second moments of the states one site reads; every class weighs the same."""

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = torch.tensor(counts, dtype=torch.float32)
        self._sums: Tensor | None = None
        self._outer: Tensor | None = None

    def add(self, states: Tensor, owner: Tensor) -> None:
        """`states` (T, d) of tokens of the classes `owner` (T,)."""
        x = states.float().cpu()
        weight = (1 / self._counts)[owner]
        if self._sums is None or self._outer is None:
            self._sums = torch.zeros(len(self._counts), x.shape[1])
            self._outer = torch.zeros(x.shape[1], x.shape[1])
        self._sums.index_add_(0, owner, x * weight[:, None])
        self._outer += (x * weight[:, None]).T @ x

    def router(self, shrinkage: float = SHRINKAGE) -> Router:
        """The discriminant between the classes."""
        assert self._sums is not None and self._outer is not None
        means = self._sums.double()
        n, d = means.shape
        within = self._outer.double() / n - means.T @ means / n
        variance = within.diagonal().mean().clamp(min=1e-12)
        covariance = (1 - shrinkage) * within + shrinkage * variance * torch.eye(d, dtype=torch.float64)
        middle = means.mean(0)
        apart = means - middle
        weight = torch.linalg.solve(covariance, apart.T).T
        bias = -(weight @ middle) - (apart * weight).sum(1) / 2
        return Router(weight.float(), bias.float())


def shared_tokens(rows: Sequence[Rows]) -> int:
    """How many tokens all rows of all classes begin with (the chat frame): they say nothing about a task."""
    every = [r for own in rows for r in own]
    return min(common_prefix(every), min(map(len, every)) - 1)


@contextmanager
def watching(model: nn.Module, sites: Sequence[str], see: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Call `see(site, states (rows, tokens, d))` with what each block reads, in every forward of the block."""
    with ExitStack() as stack:
        for site in sites:

            def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], site: str = site) -> None:
                see(site, kwargs["hidden_states"] if "hidden_states" in kwargs else args[0])

            handle = model.get_submodule(site).register_forward_pre_hook(hook, with_kwargs=True)
            stack.callback(handle.remove)
        yield


@torch.inference_mode()
def fit_routers(
    base: LoadedBase, rows: Sequence[Rows], sites: Sequence[str], *, progress: Callable[[int, int], None] | None = None
) -> dict[str, Router]:
    """Routers of `sites` from token ids of each class's texts, of the model as it stands (a mixture on it or not)."""
    skip = shared_tokens(rows)
    counts = [sum(len(r) - skip for r in own) for own in rows]
    found = {site: SiteStatistics(counts) for site in sites}
    everything = sorted(((c, r) for c, own in enumerate(rows) for r in own), key=lambda item: -len(item[1]))
    at = 0
    while at < len(everything):
        width = len(everything[at][1])
        batch = everything[at : at + max(1, _BATCH_TOKENS // width)]
        _run(base, batch, skip, found)
        at += len(batch)
        if progress is not None:
            progress(at, len(everything))
    return {site: s.router() for site, s in found.items()}


def _run(
    base: LoadedBase, batch: Sequence[tuple[int, Sequence[int]]], skip: int, found: Mapping[str, SiteStatistics]
) -> None:
    """One forward; padded on the right, where a causal model cannot see it."""
    width = max(len(row) for _, row in batch)
    pad = base.tokenizer.pad_token_id or 0
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for _, row in batch], device=base.device)
    keep = torch.zeros(len(batch), width, dtype=torch.bool)
    for i, (_, row) in enumerate(batch):
        keep[i, skip : len(row)] = True
    owner = torch.tensor([c for c, _ in batch])[:, None].expand(-1, width)[keep]
    keep_there = keep.to(base.device)
    with watching(base.model, list(found), lambda site, x: found[site].add(x[keep_there], owner)):
        decoder_of(base.model)(input_ids=ids, use_cache=False)
