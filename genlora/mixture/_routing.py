"""How a site's router chooses, token by token, which experts are used and by how much (MixLoRA, arXiv 2404.15159)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Router:
    """One site's router, p = softmax(x W^T + c): `weight` is (N, d), `bias` is (N,), both float32.

    MixLoRA's router has no bias; it is there for routers that are fitted in closed form, and 0 otherwise.
    """

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, eq=False)
class Routing:
    """What a router decided for T tokens."""

    weights: Tensor
    """(T, N) float32: 0 for the experts not chosen, the others sum to 1."""
    probabilities: Tensor
    """(T, N) float32, before the choice."""
    chosen: Tensor
    """(T, N) bool, exactly k in each row."""


def route(x: Tensor, weight: Tensor, bias: Tensor, top_k: int) -> Routing:
    """Softmax over the experts, the `top_k` largest kept and renormalised; `x` is (T, d) of any float dtype.

    At least in float32 whatever the base is in, because two experts of nearly equal probability are decided by small
    differences. Equal probabilities go to the expert that comes first.
    """
    kind = torch.promote_types(x.dtype, torch.float32)
    p = torch.softmax(torch.nn.functional.linear(x.to(kind), weight.to(kind), bias.to(kind)), dim=-1)
    # A stable sort, as topk leaves the order of equal values to the kernel, which may depend on the batch.
    order = p.sort(dim=-1, descending=True, stable=True).indices[:, :top_k]
    chosen = torch.zeros_like(p, dtype=torch.bool).scatter_(1, order, True)
    kept = p * chosen
    weights = kept / kept.sum(-1, keepdim=True)
    if top_k == 1:
        # The weight is 1 whatever p is, so a task would teach the router nothing: give it the gradient of p itself, as
        # in the Switch Transformer (Fedus et al. 2022), and leave the value alone.
        weights = weights.detach() + kept - kept.detach()
    return Routing(weights, p, chosen)


def balance_loss(routing: Routing, tokens: Tensor | None = None) -> Tensor:
    """MixLoRA's balance loss without its coefficient, N * sum_i f_i P_i: 1 when uniform, N when one expert has all.

    f_i is the share of the assignments that went to expert i and P_i its mean probability; gradients flow through P.
    `tokens` is a (T,) bool mask of the tokens that count (padding does not); all when None.
    """
    p, chosen = routing.probabilities, routing.chosen
    if tokens is not None:
        p, chosen = p[tokens], chosen[tokens]
    share = chosen.float().sum(0) / chosen.sum().clamp(min=1)
    return p.shape[1] * (share * p.mean(0)).sum()
