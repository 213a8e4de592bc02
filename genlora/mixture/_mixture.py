"""A sparse mixture of LoRA experts as a value (MixLoRA, arXiv 2404.15159), and its bytes.

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

from genlora.adapter import AdapterState, BaseLayout, safetensors_bytes
from genlora.base import Fingerprint
from genlora.errors import AdapterShapeError, ConfigError
from genlora.files import canonical_json, sha256_bytes

from ._routing import Router

FORMAT = "genlora-mixture-1"
MANIFEST = "mixture.json"
WEIGHTS = "mixture.safetensors"

MAX_EXPERTS = 64
ENTRIES = ("q_proj", "gate_proj")
"""The projections that read what their block reads: a site's router has their input width."""
_FFN = ("gate_proj", "up_proj", "down_proj")


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
        return mixture_files(self)[1]

    @property
    def key(self) -> str:
        """What the engine and the HTTP service call it: `mixture:` and 16 hex digits of the digest."""
        return f"mixture:{self.digest[:16]}"

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        names = ("names", "experts", "routers", "top_k", "layout", "base", "record")
        return type(self)(**{**{k: getattr(self, k) for k in names}, **changes})


def mixture_files(mixture: Mixture) -> tuple[dict[str, bytes], str]:
    """The two files of a mixture, and its digest: equal mixtures give equal bytes."""
    tensors: dict[str, Tensor] = {}
    for i, state in enumerate(mixture.experts):
        tensors |= _factors(state, f"experts.{i}.")
    for site, router in mixture.routers.items():
        tensors[f"routers.{site}.weight"] = router.weight.float().contiguous()
        tensors[f"routers.{site}.bias"] = router.bias.float().contiguous()
    weights = safetensors_bytes(tensors, {})
    body = {
        "format": FORMAT,
        "experts": [
            {"name": name, "sha256": expert_digest(state)}
            for name, state in zip(mixture.names, mixture.experts, strict=True)
        ],
        "top_k": mixture.top_k,
        "sites": {site: list(leaves) for site, leaves in mixture.sites.items()},
        "layout": mixture.layout.to_json(),
        "base": mixture.base.to_json(),
        "record": dict(mixture.record),
        "weights": {"sha256": sha256_bytes(weights), "bytes": len(weights)},
    }
    digest = sha256_bytes(canonical_json(body))
    return {MANIFEST: canonical_json({**body, "digest": digest}), WEIGHTS: weights}, digest


def expert_digest(state: AdapterState) -> str:
    """SHA-256 of an expert's factors in float32, scale folded: equal for equal updates of equal factors."""
    return sha256_bytes(safetensors_bytes(_factors(state), {}))


def _factors(state: AdapterState, prefix: str = "") -> dict[str, Tensor]:
    out = {}
    for path, pair in state.folded().items():
        out[f"{prefix}{path}.lora_A.weight"] = pair.a.contiguous()
        out[f"{prefix}{path}.lora_B.weight"] = pair.b.contiguous()
    return out
