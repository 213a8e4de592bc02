"""Mixtures inside the engine: rows of a batch that are served by a mixture beside rows of plain adapters or of none.

An attention projection takes its experts stacked: h = x A_all^T, h *= w for each token and expert, y += h B_all, with w
zero for the experts that the router did not choose. Low-rank products are so thin that leaving some out would cost more
than it saves; feed-forward experts, which are not thin, are dispatched sparsely. A pass without a mixture costs nothing
here: no hook is on the model before the first mixture comes, and afterwards each hook only looks for a plan.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from genlora.base import LoadedBase, require_compatible
from genlora.errors import AdapterFormatError, ConfigError
from genlora.lru import Lru

from ._mixture import Mixture, is_ffn, stacked_pairs
from ._modules import FFN_TARGETS, mixed_hidden
from ._routing import Routing, route

_READ_INPUT = ("q_proj", "k_proj", "v_proj")
"""Projections of an attention block that read what the block reads: their first products are made in one."""
_current = threading.local()
"""The plan of the pass that this thread runs."""


@dataclass(frozen=True, eq=False)
class HeldSite:
    """One block of one mixture on the device, in the base's dtype; the router in float32."""

    weight: Tensor
    bias: Tensor
    a: Mapping[str, Tensor]
    """By projection (N, rank, d_in)."""
    b: Mapping[str, Tensor]
    """By projection (N * rank, d_out): all experts' B transposed, one below the other."""
    joint: Tensor | None
    """(projections that read the block's input * N * rank, d): their A, one below the other."""
    joined: tuple[str, ...]
    ffn: bool
    """Whether it is a feed-forward network."""

    def delta(self, leaf: str, expert: int, x: Tensor) -> Tensor:
        """One expert's update of one projection, (T, d_in) to (T, d_out)."""
        a = self.a[leaf][expert]
        rank = a.shape[0]
        return torch.nn.functional.linear(x, a) @ self.b[leaf][expert * rank : (expert + 1) * rank]


@dataclass(frozen=True, eq=False)
class HeldMixture:
    """A resident mixture."""

    top_k: int
    experts: int
    sites: Mapping[str, HeldSite]
    bytes: int


@dataclass(eq=False)
class Share:
    """One mixture's part of a pass: its rows, and what its blocks have computed so far in the current layer."""

    held: HeldMixture
    rows: Tensor | None
    """Row numbers; None for all rows."""
    routing: dict[str, Routing] = field(default_factory=dict)
    inner: dict[str, Tensor] = field(default_factory=dict)
    """By module path, weighted first products (T, N * rank), or a feed-forward block's products."""

    def own(self, x: Tensor) -> Tensor:
        """The tokens of its rows, (T, d)."""
        mine = x if self.rows is None else x[self.rows]
        return mine.reshape(-1, x.shape[-1])

    def put(self, target: Tensor, values: Tensor, *, add: bool) -> Tensor:
        """`target` (rows, tokens, d) with `values` (T, d) added to, or instead of, its rows; changed in place."""
        if self.rows is None:
            shaped = values.view_as(target)
            return target.add_(shaped) if add else shaped
        shaped = values.view(len(self.rows), *target.shape[1:])
        return target.index_add_(0, self.rows, shaped) if add else target.index_copy_(0, self.rows, shaped)


def run_with_mixtures(shares: Sequence[Share] | None) -> None:
    """Set what blocks of this thread follow from now on."""
    _current.shares = shares


def _shares(site: str) -> list[Share]:
    return [s for s in getattr(_current, "shares", None) or () if site in s.held.sites]


class MixturePool:
    """Mixtures on one model, at most so many that their experts fit `slots`: the engine's `Pool` of them."""

    def __init__(self, model: nn.Module, base: LoadedBase, *, slots: int, max_rank: int) -> None:
        weight = next(p for p in model.parameters() if p.is_floating_point())
        self._model, self._base = model, base
        self._kind: dict[str, Any] = {"dtype": weight.dtype, "device": weight.device}
        self._slots, self._max_rank = slots, max_rank
        self.held: Lru[str, HeldMixture] = Lru(slots)
        self._hooked: set[str] = set()
        self._hooks: list[RemovableHandle] = []
        self.loads = 0

    @property
    def bytes(self) -> int:
        """Memory of the factors and routers."""
        return sum(h.bytes for h in self.held.values())

    def check(self, mixture: Mixture) -> None:
        """Refuse a mixture that does not fit this base or these slots.

        Raises `BaseMismatchError`, `AdapterFormatError` or `ConfigError`.
        """
        if mixture.key in self.held:
            return
        require_compatible(mixture.base, self._base.fingerprint, what=mixture.key)
        if mixture.rank > self._max_rank:
            raise AdapterFormatError(
                f"{mixture.key}: an expert has rank {mixture.rank}, over the engine's {self._max_rank}. "
                f"Start the engine with max_rank={mixture.rank}."
            )
        if len(mixture.experts) > self._slots:
            raise ConfigError(
                f"{mixture.key}: {len(mixture.experts)} experts, but the engine has {self._slots} slots. "
                f"Start it with slots={len(mixture.experts)} or more."
            )
        tensors = [t for s in mixture.experts for p in s.values() for t in (p.a, p.b)]
        tensors += [t for r in mixture.routers.values() for t in (r.weight, r.bias)]
        if not all(bool(t.isfinite().all()) for t in tensors):
            raise AdapterFormatError(f"{mixture.key}: holds values that are not finite. Build the mixture anew.")

    def lease(self, mixture: Mixture) -> bool:
        """Load a mixture if need be, and keep it until `held.release`. False while leased ones take all slots."""
        if mixture.key not in self.held and not self._load(mixture):
            return False
        self.held.lease(mixture.key)
        return True

    def _load(self, mixture: Mixture) -> bool:
        need = len(mixture.experts)
        if not self.held.make_room(need):
            return False
        sites = {site: self._site(mixture, site, leaves) for site, leaves in mixture.sites.items()}
        tensors = [t for s in sites.values() for t in (s.weight, s.bias, s.joint, *s.a.values(), *s.b.values())]
        size = sum(t.numel() * t.element_size() for t in tensors if t is not None)
        self.held.put(mixture.key, HeldMixture(mixture.top_k, need, sites, size), need)
        for site in sites:
            self._hook(site)
        self.loads += 1
        return True

    def _site(self, mixture: Mixture, site: str, leaves: Sequence[str]) -> HeldSite:
        pairs = {leaf: stacked_pairs(mixture.experts, f"{site}.{leaf}") for leaf in leaves}
        # k is zero in experts that were not trained on it: nothing to add there.
        alive = {leaf: p for leaf, p in pairs.items() if bool(p[1].any())}
        a = {leaf: p[0].to(**self._kind) for leaf, p in alive.items()}
        b = {leaf: p[1].transpose(1, 2).flatten(0, 1).contiguous().to(**self._kind) for leaf, p in alive.items()}
        joined = tuple(leaf for leaf in alive if leaf in _READ_INPUT)
        joint = torch.cat([a[leaf].flatten(0, 1) for leaf in joined]) if joined else None
        router = mixture.routers[site]
        device = self._kind["device"]
        return HeldSite(router.weight.to(device), router.bias.to(device), a, b, joint, joined, is_ffn(leaves))

    @contextmanager
    def applied(self, rows: Sequence[Any], tokens: int) -> Iterator[None]:
        """A pass is run inside whose row i is served by `rows[i]`; rows of anything but our mixtures are left alone."""
        by_key: dict[str, list[int]] = {}
        for i, adapter in enumerate(rows):
            if adapter is not None and adapter.key in self.held:
                by_key.setdefault(adapter.key, []).append(i)
        device = self._kind["device"]
        shares = []
        for key, own in by_key.items():
            held = self.held.peek(key)
            assert held is not None
            shares.append(Share(held, None if len(own) == len(rows) else torch.tensor(own, device=device)))
        run_with_mixtures(shares or None)
        try:
            yield
        finally:
            run_with_mixtures(None)

    def detach(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._hooked = [], set()

    # Hooks, once for each block that any mixture adapts.

    def _hook(self, site: str) -> None:
        held = [h.sites[site] for h in self.held.values() if site in h.sites]
        block = self._model.get_submodule(site)
        if site not in self._hooked:
            self._hooks.append(block.register_forward_pre_hook(_decide(site), with_kwargs=True))
            self._hooked.add(site)
        leaves = {leaf for s in held for leaf in s.a}
        if any(s.ffn for s in held):
            leaves = set(FFN_TARGETS)
        for leaf in sorted(leaves):
            path = f"{site}.{leaf}"
            if path in self._hooked:
                continue
            self._hooked.add(path)
            module = self._model.get_submodule(path)
            if leaf == "down_proj":
                act = block.act_fn
                self._hooks.append(module.register_forward_pre_hook(_mix_ffn(site, act)))  # pyright: ignore[reportArgumentType]
                self._hooks.append(module.register_forward_hook(_add_down(site, path)))
            elif leaf in ("gate_proj", "up_proj"):
                self._hooks.append(module.register_forward_hook(_keep(site, path)))
            else:
                self._hooks.append(module.register_forward_hook(_add(site, leaf, path)))


def _decide(site: str) -> Callable[..., None]:
    """Before a block: route its tokens, and make the first products of the projections that read the same."""

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for share in _shares(site):
            x = share.own(kwargs["hidden_states"] if "hidden_states" in kwargs else args[0])
            held = share.held.sites[site]
            routing = route(x, held.weight, held.bias, share.held.top_k)
            share.routing[site] = routing
            if held.ffn:
                share.inner[site] = x
            if held.joint is not None:
                parts = torch.nn.functional.linear(x, held.joint).chunk(len(held.joined), dim=-1)
                for leaf, part in zip(held.joined, parts, strict=True):
                    share.inner[f"{site}.{leaf}"] = _weighted(part, routing, share.held.experts)

    return hook


def _weighted(part: Tensor, routing: Routing, experts: int) -> Tensor:
    """(T, N * rank) first products times each token's expert weights."""
    return (part.view(len(part), experts, -1) * routing.weights.to(part.dtype)[:, :, None]).flatten(1)


def _add(site: str, leaf: str, path: str) -> Callable[..., Tensor | None]:
    """After an attention projection: add the mixture's update."""

    def hook(_: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        for share in _shares(site):
            held = share.held.sites[site]
            if leaf not in held.a:
                continue
            inner = share.inner.pop(path, None)
            if inner is None:
                first = torch.nn.functional.linear(share.own(args[0]), held.a[leaf].flatten(0, 1))
                inner = _weighted(first, share.routing[site], share.held.experts)
            out = share.put(out, inner @ held.b[leaf], add=True)
        return out

    return hook


def _keep(site: str, path: str) -> Callable[..., None]:
    """After a frozen gate or up projection: keep its product for the experts."""

    def hook(_: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        for share in _shares(site):
            share.inner[path] = share.own(out)

    return hook


def _mix_ffn(site: str, act: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor, ...] | None]:
    """Before a down projection: what it reads, for a mixture's rows, is the mixed hidden state of the experts."""

    def hook(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        h = args[0]
        for share in _shares(site):
            held, inner = share.held.sites[site], share.inner
            gate, up = inner.pop(f"{site}.gate_proj"), inner.pop(f"{site}.up_proj")
            mixed, change = mixed_hidden(inner.pop(site), gate, up, act, share.routing[site], tuple(held.a), held.delta)
            h = share.put(h, mixed, add=False)
            if change is not None:
                inner[f"{site}.down_proj"] = change
        return (h, *args[1:])

    return hook


def _add_down(site: str, path: str) -> Callable[..., Tensor | None]:
    """After a down projection: add the experts' updates of it."""

    def hook(_: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        for share in _shares(site):
            change = share.inner.pop(path, None)
            if change is not None:
                out = share.put(out, change, add=True)
        return out

    return hook
