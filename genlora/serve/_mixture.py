"""A sparse mixture of LoRA experts as a value (MixLoRA, arXiv 2404.15159), and how its routers choose.

A *site* is a block of the base that holds adapted projections: one layer's attention, or one layer's feed-forward
network. Each site has one router. It reads what the block reads and says, token by token, which experts change the
block's projections and by how much. A token's routing is a function of its own hidden state alone: there is no
capacity limit, so what else is in the batch cannot change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from genlora.adapter import AdapterState, BaseLayout
from genlora.base import Fingerprint
from genlora.errors import AdapterShapeError, ConfigError

MAX_EXPERTS = 64
ENTRIES = ("q_proj", "gate_proj")
"""The projections that read what their block reads: a site's router has their input width."""
_FFN = ("gate_proj", "up_proj", "down_proj")


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


def site_of(path: str) -> str:
    """The block a module is in: `model.layers.3.self_attn` for `model.layers.3.self_attn.q_proj`."""
    return path.rpartition(".")[0]


def is_ffn(leaves: Sequence[str]) -> bool:
    """Whether a site with these adapted projections is a feed-forward network, whose experts pass its activation."""
    return bool(set(leaves) & set(_FFN))


def sites_of(states: Sequence[AdapterState]) -> dict[str, tuple[str, ...]]:
    """{site: leaf names of its adapted projections} of experts that all adapt the same modules.

    Raises `ConfigError` for none or too many experts, `AdapterShapeError` for experts that do not fit each other.
    """
    if not 1 <= len(states) <= MAX_EXPERTS:
        raise ConfigError(f"a mixture of {len(states)} experts; expected 1 to {MAX_EXPERTS}. Choose some of them.")
    paths = list(states[0])
    for i, state in enumerate(states[1:], 2):
        if list(state) != paths:
            odd = sorted(set(paths) ^ set(state))[:2]
            raise AdapterShapeError(
                f"expert {i} of the mixture adapts other modules than the first ({', '.join(odd)}, ...); expected the "
                "same ones in all. Choose experts of one bank, or fill the missing modules with zeros."
            )
        for path in paths:
            if (state[path].d_in, state[path].d_out) != (states[0][path].d_in, states[0][path].d_out):
                raise AdapterShapeError(
                    f"expert {i} of the mixture: {path} is {state[path].d_in} to {state[path].d_out}, the first "
                    f"expert's {states[0][path].d_in} to {states[0][path].d_out}. Choose experts of one base."
                )
    if not paths:
        raise AdapterShapeError("the experts of the mixture adapt no module. Choose others.")
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(site_of(path), []).append(path.rpartition(".")[2])
    return {site: tuple(leaves) for site, leaves in found.items()}


def check_top_k(top_k: int, n: int) -> int:
    """`top_k` if it is 1 to n, else `ConfigError`."""
    if not 1 <= top_k <= n:
        raise ConfigError(f"top_k is {top_k}, expected 1 to the number of experts ({n}). Choose another k.")
    return top_k


def router_width(layout: BaseLayout, site: str) -> int:
    """How wide the states are that a site's router reads. Raises `AdapterShapeError` for a block the base lacks."""
    for leaf in ENTRIES:
        module = layout.by_path.get(f"{site}.{leaf}")
        if module is not None:
            return module.d_in
    raise AdapterShapeError(
        f"{site}: {layout.name} has no such block with a {' or '.join(ENTRIES)}. Was the mixture made for another base?"
    )


def stacked_pairs(states: Sequence[AdapterState], path: str) -> tuple[Tensor, Tensor]:
    """One module's factors over all experts: A (N, r, d_in) and B (N, d_out, r), float32, scale inside B.

    Smaller ranks are padded with zeros.
    """
    pairs = [s[path].folded() for s in states]
    rank = max(p.rank for p in pairs)
    a = torch.zeros(len(pairs), rank, pairs[0].d_in)
    b = torch.zeros(len(pairs), pairs[0].d_out, rank)
    for i, pair in enumerate(pairs):
        a[i, : pair.rank] = pair.a
        b[i, :, : pair.rank] = pair.b
    return a, b


@dataclass(frozen=True, eq=False)
class Mixture:
    """N experts, a router for each site, and k: everything needed to serve a mixture on its base.

    It depends on its input, so it is no single `AdapterState`: it cannot be stored in a bank, merged, or written as a
    PEFT folder. Raises `ConfigError` or `AdapterShapeError` when the parts do not fit each other or the base.
    """

    names: tuple[str, ...]
    """What the experts are called, in the routers' order."""
    experts: tuple[AdapterState, ...] = field(repr=False)
    routers: Mapping[str, Router] = field(repr=False)
    """{site: its router}, for exactly the sites that the experts adapt."""
    top_k: int
    layout: BaseLayout = field(repr=False)
    base: Fingerprint = field(repr=False)
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """How it was made: bank revision, experts with source and licence, how routers were fitted. JSON-able, no times."""

    def __post_init__(self) -> None:
        sites = sites_of(self.experts)
        n = len(self.experts)
        check_top_k(self.top_k, n)
        if len(self.names) != n or len(set(self.names)) != n:
            raise ConfigError(f"{len(self.names)} names for {n} experts of a mixture; expected one name for each.")
        for path, pair in self.experts[0].items():
            module = self.layout.by_path.get(path)
            if module is None or (module.d_in, module.d_out) != (pair.d_in, pair.d_out):
                raise AdapterShapeError(
                    f"{path}: {self.layout.name} has no such module of {pair.d_in} inputs and {pair.d_out} outputs. "
                    "Was the mixture made for another base?"
                )
        if set(self.routers) != set(sites):
            odd = sorted(set(self.routers) ^ set(sites))[:2]
            raise AdapterShapeError(f"the routers of the mixture do not fit its experts' blocks ({', '.join(odd)}).")
        for site, router in self.routers.items():
            expected = (n, router_width(self.layout, site))
            if tuple(router.weight.shape) != expected or tuple(router.bias.shape) != (n,):
                raise AdapterShapeError(
                    f"{site}: its router is {tuple(router.weight.shape)} with bias {tuple(router.bias.shape)}, "
                    f"expected {expected} and ({n},)."
                )

    @cached_property
    def sites(self) -> dict[str, tuple[str, ...]]:
        """{site: leaf names of the projections adapted there}."""
        return sites_of(self.experts)

    @cached_property
    def rank(self) -> int:
        """Largest rank of any expert's module."""
        return max(p.rank for s in self.experts for p in s.values())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in it: two mixtures of one digest answer alike."""
        from ._mixture_files import mixture_files

        return mixture_files(self)[1]

    @property
    def key(self) -> str:
        """What the engine and the HTTP service call it: `mixture:` and 16 hex digits of the digest."""
        return f"mixture:{self.digest[:16]}"

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        names = ("names", "experts", "routers", "top_k", "layout", "base", "record")
        return type(self)(**{**{k: getattr(self, k) for k in names}, **changes})
