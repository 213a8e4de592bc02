"""A mixture inside a model: sparse dispatch, exactly k experts for each token (MixLoRA, arXiv 2404.15159).

Attention projections: y = W x + sum_i w_i B_i A_i x. Feed-forward networks, as in the paper, with one expert for the
whole block: y = sum_i w_i E_i(x), E_i(x) = D_i (act(G_i x) * (U_i x)), where each matrix is the frozen one plus the
expert's update. The frozen G x and U x are computed once and shared by all experts, and the frozen part of D once
too, on sum_i w_i h_i, because it is linear.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, LoraPair, check_fits, module_at, swapped
from genlora.errors import AdapterShapeError, ConfigError

from ._mixture import ENTRIES, Mixture, check_top_k, is_ffn, sites_of, stacked_pairs
from ._routing import Router, Routing, balance_loss, route

ROUTER_STD = 0.02
"""MixLoRA draws its routers from N(0, 0.02)."""
FFN_TARGETS = ("gate_proj", "up_proj", "down_proj")


class MixedSite(nn.Module):
    """Router and experts' factors of one block; `a[leaf]`: (N, r, d_in), `b[leaf]`: (N, d_out, r)."""

    def __init__(self, factors: Mapping[str, tuple[Tensor, Tensor]], router: Router, top_k: int) -> None:
        super().__init__()
        self.a = nn.ParameterDict({leaf: nn.Parameter(a) for leaf, (a, _) in factors.items()})
        self.b = nn.ParameterDict({leaf: nn.Parameter(b) for leaf, (_, b) in factors.items()})
        self.weight = nn.Parameter(router.weight.clone())
        self.bias = nn.Parameter(router.bias.clone())
        self.top_k = top_k
        self.routing: Routing | None = None
        self.evaluated: Counter[tuple[str, int]] = Counter()
        """Tokens that passed each (projection, expert): the number of updates computed."""

    @property
    def n(self) -> int:
        return self.weight.shape[0]

    def route(self, x: Tensor) -> Routing:
        """Decide for the tokens of `x` (..., d), and remember it for the block's projections."""
        self.routing = route(x.reshape(-1, x.shape[-1]), self.weight, self.bias, self.top_k)
        return self.routing

    def delta(self, leaf: str, expert: int, x: Tensor) -> Tensor:
        """Expert's update of one projection for the tokens given, (T, d_in) to (T, d_out)."""
        self.evaluated[leaf, expert] += len(x)
        a, b = self.a[leaf][expert].to(x.dtype), self.b[leaf][expert].to(x.dtype)
        return nn.functional.linear(nn.functional.linear(x, a), b)

    def decided(self, tokens: int) -> Routing:
        """The routing of the block's input; a projection called without its block is a programming error."""
        if self.routing is None or len(self.routing.weights) != tokens:
            raise RuntimeError("a mixed projection was called outside its block: its router has not seen these tokens")
        return self.routing


class MixedLinear(nn.Module):
    """A projection whose update is the weighted sum of its chosen experts'."""

    def __init__(self, base: nn.Module, site: MixedSite, leaf: str) -> None:
        super().__init__()
        self.base = base
        self._site = (site,)  # in a tuple, so that the site's parameters are listed once, by `MixLora`
        self.leaf = leaf

    def forward(self, x: Tensor) -> Tensor:
        """`x` is (..., d_in), the result (..., d_out)."""
        site = self._site[0]
        y = self.base(x)
        flat = x.reshape(-1, x.shape[-1])
        routing = site.decided(len(flat))
        change = torch.zeros(len(flat), y.shape[-1], dtype=y.dtype, device=y.device)
        for expert in range(site.n):
            at = routing.chosen[:, expert].nonzero()[:, 0]
            if len(at):
                part = site.delta(self.leaf, expert, flat[at])
                change = change.index_add(0, at, part * routing.weights[at, expert, None].to(part.dtype))
        return y + change.view_as(y)


def mixed_hidden(
    x: Tensor,
    gate: Tensor,
    up: Tensor,
    act: Callable[[Tensor], Tensor],
    routing: Routing,
    leaves: Sequence[str],
    delta: Callable[[str, int, Tensor], Tensor],
) -> tuple[Tensor, Tensor | None]:
    """sum_i w_i h_i, (T, d_ff), and sum_i w_i B_i A_i h_i of the down projection, (T, d), None where it is not adapted.

    `x` (T, d); `gate` and `up` (T, d_ff) are the frozen products; `delta(leaf, expert, tokens)` is an expert's update.
    """
    mixed = torch.zeros_like(gate)
    change = torch.zeros_like(x) if "down_proj" in leaves else None
    for expert in range(routing.weights.shape[1]):
        at = routing.chosen[:, expert].nonzero()[:, 0]
        if not len(at):
            continue
        own, weight = x[at], routing.weights[at, expert, None].to(gate.dtype)
        g = gate[at] + delta("gate_proj", expert, own) if "gate_proj" in leaves else gate[at]
        u = up[at] + delta("up_proj", expert, own) if "up_proj" in leaves else up[at]
        h = act(g) * u
        mixed = mixed.index_add(0, at, weight * h)
        if change is not None:
            change = change.index_add(0, at, weight * delta("down_proj", expert, h))
    return mixed, change


class MixedFFN(nn.Module):
    """A gated feed-forward network whose output is the weighted sum of its chosen experts' outputs."""

    def __init__(self, base: nn.Module, site: MixedSite) -> None:
        super().__init__()
        self.base = base
        self._site = (site,)

    def forward(self, x: Tensor) -> Tensor:
        """`x` is (..., d), so is the result."""
        site, base = self._site[0], self.base
        flat = x.reshape(-1, x.shape[-1])
        routing = site.route(flat)
        projections: Any = base
        gate, up = projections.gate_proj(flat), projections.up_proj(flat)  # once, for all experts
        mixed, change = mixed_hidden(flat, gate, up, projections.act_fn, routing, tuple(site.a), site.delta)
        y = projections.down_proj(mixed)
        return (y if change is None else y + change).view_as(x)


_WORN = "_genlora_mixture"


class MixLora(nn.Module):
    """The trainable part of a mixture on some model; made by `to_mixlora`, taken off again by `detach`.

    As a context manager it detaches at the end.
    """

    def __init__(self, sites: Mapping[str, MixedSite]) -> None:
        super().__init__()
        self.sites = nn.ModuleList(sites.values())
        self.paths = tuple(sites)
        self._attached: ExitStack | None = None

    def site(self, path: str) -> MixedSite:
        """One block's router and factors."""
        found = self.sites[self.paths.index(path)]
        assert isinstance(found, MixedSite)
        return found

    def items(self) -> Iterator[tuple[str, MixedSite]]:
        """(path, site) in layer order."""
        for path in self.paths:
            yield path, self.site(path)

    def attach(self, model: nn.Module) -> Self:
        """Put the mixture into `model`. Raises `AdapterShapeError` where a module is missing or of another shape."""
        if self._attached is not None:
            raise ConfigError("this mixture is attached to a model already. Detach it first.")
        self.to(next(model.parameters()).device)
        with ExitStack() as stack:
            for path, site in self.items():
                _attach_site(stack, model, path, site)
            # The model holds on to what it wears: the mixture would leave it when nobody else keeps this object.
            stack.callback(model.__dict__.pop, _WORN, None)
            model.__dict__[_WORN] = self
            self._attached = stack.pop_all()
        return self

    def detach(self) -> None:
        """Leave the model as it was found. Calling it twice is fine."""
        if self._attached is not None:
            self._attached.close()
            self._attached = None

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[Self]:
        """In `model` while the context lasts."""
        self.attach(model)
        try:
            yield self
        finally:
            self.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.detach()

    def balance_loss(self, tokens: Tensor | None = None) -> Tensor:
        """Mean over the blocks of `balance_loss` of the last forward; `tokens` masks the ones that count."""
        flat = None if tokens is None else tokens.reshape(-1)
        return torch.stack([balance_loss(s.routing, flat) for _, s in self.items() if s.routing is not None]).mean()

    def router_parameters(self) -> list[nn.Parameter]:
        """Weights and biases of all routers."""
        return [p for _, s in self.items() for p in (s.weight, s.bias)]

    def expert_parameters(self) -> list[nn.Parameter]:
        """Factors of all experts."""
        return [p for _, s in self.items() for p in (*s.a.values(), *s.b.values())]

    def routers(self) -> dict[str, Router]:
        """{site: its router now}, float32 copies on the CPU."""
        return {
            path: Router(s.weight.detach().float().cpu().clone(), s.bias.detach().float().cpu().clone())
            for path, s in self.items()
        }

    def states(self) -> tuple[AdapterState, ...]:
        """Each expert as a plain adapter: copies, float32, on the CPU, scale 1."""
        n = self.site(self.paths[0]).n

        def pair(site: MixedSite, leaf: str, expert: int) -> LoraPair:
            return LoraPair(*(x[leaf][expert].detach().float().cpu().clone() for x in (site.a, site.b)))

        return tuple(
            AdapterState({f"{path}.{leaf}": pair(s, leaf, i) for path, s in self.items() for leaf in s.a})
            for i in range(n)
        )


def _attach_site(stack: ExitStack, model: nn.Module, path: str, site: MixedSite) -> None:
    """Put one block's modules into `model` until `stack` closes."""
    block = module_at(model, path)
    paths = {f"{path}.{leaf}": leaf for leaf in site.a}
    for place, leaf in paths.items():
        check_fits(module_at(model, place), place, site.a[leaf].shape[2], site.b[leaf].shape[1])
    if is_ffn(tuple(site.a)):
        for leaf in (*FFN_TARGETS, "act_fn"):
            if not hasattr(block, leaf):
                raise AdapterShapeError(f"{path} has no {leaf}: only gated feed-forward networks can be mixed.")
        stack.enter_context(swapped(model, [path], lambda _, base: MixedFFN(base, site)))
        return

    def decide(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        site.route(kwargs["hidden_states"] if "hidden_states" in kwargs else args[0])

    stack.callback(block.register_forward_pre_hook(decide, with_kwargs=True).remove)
    stack.enter_context(swapped(model, paths, lambda place, base: MixedLinear(base, site, paths[place])))


def of_mixture(mixture: Mixture) -> MixLora:
    """A mixture's modules, frozen and not yet attached."""
    made = MixLora(_sites(mixture.experts, mixture.routers, mixture.top_k))
    return made.requires_grad_(False)


def _sites(experts: Sequence[AdapterState], routers: Mapping[str, Router], top_k: int) -> dict[str, MixedSite]:
    return {
        site: MixedSite({leaf: stacked_pairs(experts, f"{site}.{leaf}") for leaf in leaves}, routers[site], top_k)
        for site, leaves in sites_of(experts).items()
    }


def to_mixlora(
    model: nn.Module,
    experts: Sequence[AdapterState] | int,
    top_k: int = 2,
    *,
    routers: Mapping[str, Router] | None = None,
    targets: Sequence[str] = FFN_TARGETS,
    rank: int = 16,
    alpha: float | None = None,
    rng: torch.Generator | None = None,
) -> MixLora:
    """Turn `model` into a sparse mixture of LoRA experts, in place, until `detach`.

    Args:
        model: a causal language model; it is frozen by nobody here, freeze it before you train.
        experts: adapters that become the experts (all on the same modules), or how many fresh ones to make: A
            Kaiming-uniform, B zero, of `rank` on `targets`, with scale `alpha / rank` (2 by default).
        top_k: how many experts each token gets.
        routers: {site: its router}; drawn from N(0, 0.02) with `rng` when None.
        targets: leaf names that fresh experts change; MixLoRA's are the feed-forward network's.
        rank: of fresh experts.
        alpha: of fresh experts, 2 * rank when None.
        rng: random numbers for fresh experts and routers; seeded with 0 when None.

    Raises `ConfigError` for a wrong k or number, `AdapterShapeError` for experts that fit neither each other nor the
    model.
    """
    rng = rng or torch.Generator().manual_seed(0)
    if isinstance(experts, int):
        experts = _fresh(model, experts, tuple(targets), rank, alpha, rng)
    found = sites_of(experts)
    check_top_k(top_k, len(experts))
    if routers is None:
        routers = {site: random_router(len(experts), _width(model, site), rng) for site in found}
    return MixLora(_sites(experts, routers, top_k)).attach(model)


def random_router(n: int, width: int, rng: torch.Generator) -> Router:
    """MixLoRA's start: weights from N(0, 0.02), no bias."""
    return Router(ROUTER_STD * torch.randn(n, width, generator=rng), torch.zeros(n))


def _width(model: nn.Module, site: str) -> int:
    block: Any = module_at(model, site)
    for leaf in ENTRIES:
        if hasattr(block, leaf):
            return getattr(block, leaf).in_features
    raise AdapterShapeError(f"{site} has no {' or '.join(ENTRIES)}: its router would not know what to read.")


def _fresh(
    model: nn.Module, n: int, targets: tuple[str, ...], rank: int, alpha: float | None, rng: torch.Generator
) -> list[AdapterState]:
    found = {p: m for p, m in model.named_modules() if p.rpartition(".")[2] in targets and isinstance(m, nn.Linear)}
    if not found:
        raise ConfigError(f"the model has no linear modules named {', '.join(targets)}. Choose other targets.")
    if n < 1 or rank < 1:
        raise ConfigError(f"{n} fresh experts of rank {rank}; expected at least 1 of each.")
    scale = 2.0 if alpha is None else alpha / rank
    states = []
    for _ in range(n):
        pairs = {}
        for path, m in found.items():
            a = (2 * torch.rand(rank, m.in_features, generator=rng) - 1) / math.sqrt(m.in_features)
            # The scale goes into A, as B starts at zero: the step sizes are those of alpha / r up to the split.
            pairs[path] = LoraPair(scale * a, torch.zeros(m.out_features, rank))
        states.append(AdapterState(pairs))
    return states
