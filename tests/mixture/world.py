"""Experts, routers and a counter for tests of mixtures on tiny bases."""

import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.mixture import Mixture, Router
from genlora.mixture._mixture import router_width, sites_of
from genlora.tasks import prompt_ids

ATTENTION = ("q_proj", "v_proj")
EVERYWHERE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FFN = ("gate_proj", "up_proj", "down_proj")


def expert(layout, seed, *, leaves=ATTENTION, rank=3, size=0.5):
    """A random adapter that is large enough to change what a tiny base says."""
    g = torch.Generator().manual_seed(seed)
    pairs = {}
    for m in layout.of(leaves):
        a = torch.randn(rank, m.d_in, generator=g) / m.d_in**0.5
        pairs[m.path] = LoraPair(a, size * torch.randn(m.d_out, rank, generator=g), 0.7)
    return AdapterState(pairs)


def routers(layout, experts, seed, *, size=1.0):
    """Random routers that decide differently from token to token."""
    g = torch.Generator().manual_seed(1000 + seed)
    return {
        site: Router(
            size * torch.randn(len(experts), router_width(layout, site), generator=g),
            0.1 * torch.randn(len(experts), generator=g),
        )
        for site in sites_of(experts)
    }


def mixture(base, n=3, top_k=2, *, seed=0, **options):
    experts = tuple(expert(base.layout, 10 * seed + i, **options) for i in range(n))
    names = tuple(f"e{i}" for i in range(n))
    found = routers(base.layout, experts, seed)
    return Mixture(names, experts, found, top_k, base.layout, base.fingerprint, {"made": "by a test"})


def prompts(base, n=6):
    words = "the on in a this an era ham sit nest one ten earth moon rather"
    return [prompt_ids(base.tokenizer, " ".join(words.split()[i : i + 1 + 2 * i])) for i in range(n)]


def logits(model, ids):
    with torch.inference_mode():
        return model(input_ids=ids, use_cache=False).logits
