"""CoLoRA's contribution: ranks by how much of a short full fine-tuning each module's weight accounts for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genlora.adapter import ModuleSpec

from .._context import Context, mean_weight_grads, plain_weight
from .._registry import Option, method


@contextmanager
def _put_back(weights: Mapping[str, nn.Parameter]) -> Iterator[dict[str, Tensor]]:
    """The weights as they are; put back bit for bit afterwards."""
    before = {path: w.detach().clone() for path, w in weights.items()}
    try:
        yield before
    finally:
        with torch.no_grad():
            for path, w in weights.items():
                w.copy_(before[path])


def tuned(context: Context, weights: Mapping[str, nn.Parameter], *, steps: int, lr: float) -> dict[str, Tensor]:
    """Float32 weights after a short full fine-tuning of these modules alone; the model is left with them."""
    masters = {p: w.detach().float().clone().requires_grad_(True) for p, w in weights.items()}
    adam = torch.optim.AdamW(masters.values(), lr=lr, weight_decay=0.0)
    for step in range(steps):
        batch = context.train[step % len(context.train)]
        for path, g in mean_weight_grads(context.model, [batch], context.loss, list(weights)).items():
            masters[path].grad = g.to(masters[path].device)
        adam.step()
        with torch.no_grad():
            for path, w in weights.items():
                w.copy_(masters[path])
    return {p: m.detach() for p, m in masters.items()}


def contributions(
    context: Context,
    weights: Mapping[str, nn.Parameter],
    start: Mapping[str, Tensor],
    end: Mapping[str, Tensor],
    *,
    points: int,
    batches: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """(sum of absolute, signed sum) per module of the gradient integrated from `start` to `end`, at `points` midpoints.

    The signed sums add up to the difference of the losses (FAIG, Xie et al. 2021; integrated gradients).
    """
    change = {p: (end[p].float() - start[p].float()).cpu() for p in weights}
    total = {p: torch.zeros_like(d) for p, d in change.items()}
    for t in range(points):
        with torch.no_grad():
            for path, w in weights.items():
                w.copy_(start[path].float() + ((t + 0.5) / points) * change[path].to(w.device))
        for path, g in mean_weight_grads(context.model, context.train[:batches], context.loss, list(weights)).items():
            total[path] += g / points
    each = {p: total[p] * change[p] for p in weights}
    return {p: float(x.abs().sum()) for p, x in each.items()}, {p: float(x.sum()) for p, x in each.items()}


def ranks_of(shares: Mapping[str, float], specs: Sequence[ModuleSpec], rank: int, most: int) -> dict[str, int]:
    """Ranks 1 to `most` that grow with the shares, of as many numbers in all as rank `rank` everywhere has.

    r = 1 + a c min(d_in, d_out), c scaled to [0, 1]; a is found by bisection, what rounding leaves goes to the modules
    that it took most from.
    """
    top = max(shares.values()) or 1.0
    cost = {s.path: s.d_in + s.d_out for s in specs}
    budget = rank * sum(cost.values())

    def wished(a: float) -> dict[str, float]:
        return {s.path: min(float(most), 1 + a * shares[s.path] / top * min(s.d_in, s.d_out)) for s in specs}

    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        spent = sum(cost[p] * r for p, r in wished(middle).items())
        low, high = (middle, high) if spent < budget else (low, middle)
    wish = wished(low)
    out = {p: int(r) for p, r in wish.items()}
    left = budget - sum(cost[p] * r for p, r in out.items())
    for path in sorted(out, key=lambda p: out[p] - wish[p]):
        if cost[path] <= left and out[path] < most:
            out[path] += 1
            left -= cost[path]
    return out


@method(
    "allocate",
    "contribution",
    axis="rank",
    title="ranks by what each module accounts for in a short full fine-tuning",
    source="CoLoRA, arXiv 2408.01099, its rank rule derived from notes; FAIG, Xie et al. 2021, for the integral",
    cost="`steps` steps of full fine-tuning and `points` gradients for every expert; factors are as wide as the widest",
    when="a few modules matter and it is not known which",
    options={
        "steps": Option(10, "of the full fine-tuning", low=1, high=100000),
        "lr": Option(1e-4, "of the full fine-tuning", low=1e-7, high=1),
        "points": Option(8, "gradients along the line between both weights", low=1, high=1000),
        "batches": Option(2, "training batches of each gradient", low=1, high=1000),
        "most": Option(4.0, "largest rank over the run's", low=1, high=32),
    },
    traits=("gradient",),
)
class Contribution:
    """The base's weights are put back bit for bit."""

    def __init__(self, *, steps: int, lr: float, points: int, batches: int, most: float) -> None:
        self.steps, self.lr, self.points, self.batches, self.largest = steps, lr, points, batches, most

    def most(self, rank: int) -> int:
        """The largest rank a module may be given."""
        return round(rank * self.largest)

    def __call__(self, context: Context) -> dict[str, int]:
        weights = {p: plain_weight(context.model, p) for p in context.specs}
        with _put_back(weights) as before:
            end = tuned(context, weights, steps=self.steps, lr=self.lr)
            how = {"points": self.points, "batches": self.batches}
            shares, _ = contributions(context, weights, before, end, **how)
        return ranks_of(shares, list(context.specs.values()), context.rank, self.most(context.rank))
