"""The mixture itself: equal experts, uniform routers, the balance loss, sparse dispatch, digests and damaged files."""

import json

import pytest
import torch

from genlora.adapter import AdapterState, attached
from genlora.base import load_base
from genlora.errors import AdapterShapeError, ConfigError, DigestError, GenloraError, ManifestError, StorageError
from genlora.mixture import Router, balance_loss, of_mixture, read_mixture, to_mixlora, write_mixture
from genlora.mixture._mixture import MANIFEST, WEIGHTS
from genlora.mixture._routing import Routing, route

from .world import ATTENTION, EVERYWHERE, FFN, expert, logits, mixture, routers


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")))


@pytest.fixture(scope="module")
def ids(base):
    return torch.randint(3, 250, (3, 9), generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("leaves", [ATTENTION, FFN, EVERYWHERE, ("down_proj",), ("up_proj", "o_proj")])
@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_equal_experts_are_the_single_adapter_for_any_router(base, ids, leaves, top_k):
    one = expert(base.layout, 0, leaves=leaves)
    with attached(base.model, one):
        expected = logits(base.model, ids)
    alone = logits(base.model, ids)
    assert (expected - alone).abs().max() > 0.1, "the adapter should do something"
    for seed in (0, 1):
        with to_mixlora(base.model, [one] * 4, top_k, routers=routers(base.layout, [one] * 4, seed)):
            found = logits(base.model, ids)
        assert (found - expected).abs().max() <= 3e-6 * expected.abs().max()  # sums in another order
    assert torch.equal(logits(base.model, ids), alone), "the model is left as it was"


def test_equal_experts_in_float64(tiny_base, ids):
    base = load_base(str(tiny_base("llama")), dtype=torch.float64)
    one = expert(base.layout, 0, leaves=EVERYWHERE)
    with attached(base.model, one):
        expected = logits(base.model, ids)
    with to_mixlora(base.model, [one] * 3, 2, routers=routers(base.layout, [one] * 3, 5)):
        assert (logits(base.model, ids) - expected).abs().max() <= 1e-6


@pytest.mark.parametrize("block", ["mlp", "self_attn.q_proj", "self_attn.o_proj"])
def test_all_experts_with_a_uniform_router_are_the_mean_of_their_outputs(base, block):
    site = f"model.layers.1.{block.split('.')[0]}"
    leaves = FFN if block == "mlp" else ("q_proj", "o_proj")
    experts = [expert(base.layout, i, leaves=leaves) for i in range(3)]
    width = base.layout.by_path[f"{site}.{'gate_proj' if block == 'mlp' else 'q_proj'}"].d_in
    x = torch.randn(2, 5, width, generator=torch.Generator().manual_seed(2))
    outputs = []
    for one in experts:
        with to_mixlora(base.model, [one], 1):
            outputs.append(_run_block(base.model, site, block, x))
    uniform = {s: Router(torch.zeros(3, width), torch.zeros(3)) for s in routers(base.layout, experts, 0)}
    with to_mixlora(base.model, experts, 3, routers=uniform):
        found = _run_block(base.model, site, block, x)
    assert torch.allclose(found, torch.stack(outputs).mean(0), atol=1e-6)
    assert not torch.allclose(outputs[0], outputs[1], atol=1e-2)


def _run_block(model, site, block, x):
    layer = model.get_submodule(site)
    with torch.inference_mode():
        if block == "mlp":
            return layer(x)
        for hook in layer._forward_pre_hooks.values():  # what calling the block would do first
            hook(layer, (x,), {})
        return model.get_submodule(f"model.layers.1.{block}")(x)


def test_balance_loss_is_one_when_uniform_and_n_at_collapse():
    for n in (2, 5):
        tokens = 4 * n
        even = torch.eye(n, dtype=torch.bool).repeat(4, 1)
        uniform = Routing(even.float(), torch.full((tokens, n), 1 / n), even)
        assert balance_loss(uniform) == pytest.approx(1)
        first = torch.zeros(tokens, n, dtype=torch.bool)
        first[:, 0] = True
        assert balance_loss(Routing(first.float(), first.float(), first)) == pytest.approx(n)
        half = torch.arange(tokens) < tokens // 2  # padding does not count
        mixed = Routing(first.float(), torch.where(half[:, None], 1 / n, first.float()), even & half[:, None] | first)
        assert balance_loss(mixed, ~half) == pytest.approx(n)


def test_balance_loss_pushes_a_crowded_expert_down():
    weight = torch.zeros(3, 4, requires_grad=True)
    bias = torch.tensor([2.0, 0.0, 0.0], requires_grad=True)
    balance_loss(route(torch.randn(20, 4), weight, bias, 1)).backward()
    assert bias.grad[0] > 0 > bias.grad[1]


@pytest.mark.parametrize("leaves", [ATTENTION, EVERYWHERE])
@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_exactly_k_experts_are_evaluated_for_each_token(base, ids, leaves, top_k):
    with of_mixture(mixture(base, 4, top_k, leaves=leaves)).attached(base.model) as mix:
        logits(base.model, ids)
        for _, site in mix.items():
            assert (site.routing.chosen.sum(1) == top_k).all()
            for leaf in site.a:
                each = [site.evaluated[leaf, i] for i in range(4)]
                assert sum(each) == top_k * ids.numel()
                assert each == site.routing.chosen.sum(0).tolist()


def test_the_frozen_products_of_a_feed_forward_network_are_computed_once(base, ids):
    calls = dict.fromkeys(FFN, 0)

    def count(leaf):
        return lambda *_: calls.__setitem__(leaf, calls[leaf] + 1)

    block = base.model.get_submodule("model.layers.0.mlp")
    handles = [getattr(block, leaf).register_forward_hook(count(leaf)) for leaf in FFN]
    try:
        with of_mixture(mixture(base, 4, 2, leaves=FFN)).attached(base.model):
            logits(base.model, ids)
    finally:
        for h in handles:
            h.remove()
    assert calls == dict.fromkeys(FFN, 1)


def test_ties_go_to_the_first_and_the_chosen_weights_sum_to_one():
    found = route(torch.randn(7, 5), torch.zeros(4, 5), torch.zeros(4), 2)
    assert found.chosen.tolist() == [[True, True, False, False]] * 7
    found = route(torch.randn(50, 5), torch.randn(4, 5), torch.randn(4), 3)
    assert torch.allclose(found.weights.sum(1), torch.ones(50)) and (found.weights[~found.chosen] == 0).all()
    kept = found.probabilities * found.chosen
    assert torch.allclose(found.weights, kept / kept.sum(1, keepdim=True))


def test_one_expert_per_token_still_teaches_the_router():
    """Renormalised, the only weight is 1 whatever the router says; it takes the gradient of the probability."""
    weight = torch.zeros(2, 3, requires_grad=True)
    x = torch.randn(6, 3)
    found = route(x, weight, torch.tensor([0.5, 0.0]), 1)
    assert torch.allclose(found.weights, found.chosen.float(), atol=1e-6)
    found.weights[:, 0].sum().backward()
    assert weight.grad.abs().sum() > 0


def test_a_tokens_routing_does_not_depend_on_the_batch():
    """An expert's capacity, as in other mixtures, would: the naive rule below drops a token that comes late."""
    g = torch.Generator().manual_seed(1)
    x, weight = torch.randn(40, 8, generator=g), torch.randn(3, 8, generator=g)

    def with_capacity(x):
        chosen = route(x, weight, torch.zeros(3), 1).chosen
        room = chosen.cumsum(0) <= max(1, len(x) // 3)
        return chosen & room

    whole = route(x, weight, torch.zeros(3), 1).chosen
    alone = torch.cat([route(row[None], weight, torch.zeros(3), 1).chosen for row in x])
    assert torch.equal(whole, alone)
    naive = torch.cat([with_capacity(row[None]) for row in x])
    assert not torch.equal(with_capacity(x), naive)


def test_a_quantity_that_does_not_fit_is_refused(base):
    a, b = expert(base.layout, 0), expert(base.layout, 1)
    with pytest.raises(ConfigError, match="top_k is 3, expected 1 to the number of experts"):
        to_mixlora(base.model, [a, b], 3)
    with pytest.raises(AdapterShapeError, match="adapts other modules than the first"):
        to_mixlora(base.model, [a, expert(base.layout, 1, leaves=("q_proj",))], 1)
    other = AdapterState({p.replace("layers.1", "layers.7"): x for p, x in a.items()})
    with pytest.raises(AdapterShapeError, match=r"no module model\.layers\.7"):
        to_mixlora(base.model, [other, other], 1)
    with pytest.raises(AdapterShapeError, match="no such module"):
        mixture(base).with_(experts=(other, other, other), routers=routers(base.layout, [a] * 3, 0))
    with pytest.raises(AdapterShapeError, match="its router is"):
        mixture(base).with_(routers={s: Router(r.weight[:2], r.bias) for s, r in mixture(base).routers.items()})
    with pytest.raises(ConfigError, match="a mixture of 0 experts"):
        to_mixlora(base.model, [], 1)
    with pytest.raises(ConfigError, match="no linear modules named nothing"):
        to_mixlora(base.model, 2, 1, targets=("nothing",))
    assert not any(m._forward_pre_hooks for m in base.model.modules()), "a refused mixture leaves nothing behind"


def test_attaching_twice_is_refused_and_detaching_twice_is_not(base):
    mix = to_mixlora(base.model, 2, 1)
    with pytest.raises(ConfigError, match="attached to a model already"):
        mix.attach(base.model)
    mix.detach()
    mix.detach()
    assert not any(type(m).__name__.startswith("Mixed") for m in base.model.modules())


@pytest.mark.parametrize("kind", ["qwen2", "mistral", "gemma3"])
def test_other_architectures(tiny_base, kind, ids):
    base = load_base(str(tiny_base(kind)))
    one = expert(base.layout, 0, leaves=EVERYWHERE)
    with attached(base.model, one):
        expected = logits(base.model, ids)
    with to_mixlora(base.model, [one] * 3, 2, routers=routers(base.layout, [one] * 3, 0)):
        assert (logits(base.model, ids) - expected).abs().max() <= 2e-6 * expected.abs().max()


# Files.


def test_a_mixture_on_disk_is_the_same_mixture(base, ids, tmp_path):
    made = mixture(base, leaves=EVERYWHERE)
    folder = write_mixture(made, tmp_path / "mix")
    found = read_mixture(folder)
    assert found.digest == made.digest and found.key == f"mixture:{made.digest[:16]}"
    assert (found.names, found.top_k, found.record) == (made.names, made.top_k, made.record)
    with of_mixture(made).attached(base.model):
        expected = logits(base.model, ids)
    with of_mixture(found).attached(base.model):
        assert torch.equal(logits(base.model, ids), expected)
    again = write_mixture(found, tmp_path / "again")
    for name in (MANIFEST, WEIGHTS):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    with pytest.raises(StorageError, match="already exists"):
        write_mixture(made, folder)
    assert made.with_(top_k=1).digest != made.digest


def test_every_changed_byte_is_found(base, tmp_path):
    folder = write_mixture(mixture(base), tmp_path / "mix")
    for name in (MANIFEST, WEIGHTS):
        whole = (folder / name).read_bytes()
        step = max(1, len(whole) // 40)
        for at in range(0, len(whole), step):
            (folder / name).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(GenloraError):
                read_mixture(folder)
        (folder / name).write_bytes(whole[:-1])
        with pytest.raises(GenloraError):
            read_mixture(folder)
        (folder / name).write_bytes(whole)
    read_mixture(folder)


def test_what_is_no_mixture_is_refused_in_words(base, tmp_path):
    with pytest.raises(ManifestError, match="Expected a folder that genlora bank mixture wrote"):
        read_mixture(tmp_path / "nothing")
    folder = write_mixture(mixture(base), tmp_path / "mix")
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "format": "genlora-generator-1"}))
    with pytest.raises(ManifestError, match="expected 'genlora-mixture-1'"):
        read_mixture(folder)
    (folder / MANIFEST).write_text(json.dumps({**manifest, "top_k": 1}))
    with pytest.raises(DigestError, match="not what was written"):
        read_mixture(folder)


def test_a_mixture_that_nobody_keeps_stays_on_its_model(base, ids):
    import gc

    parts = [expert(base.layout, seed, leaves=ATTENTION) for seed in (0, 1)]
    plain = logits(base.model, ids)
    mixed = to_mixlora(base.model, parts, 2, routers=routers(base.layout, parts, 0))
    expected = logits(base.model, ids)
    held = base.model.__dict__["_genlora_mixture"]
    del mixed
    gc.collect()
    assert torch.equal(logits(base.model, ids), expected) and not torch.equal(expected, plain)
    held.detach()
    assert torch.equal(logits(base.model, ids), plain) and "_genlora_mixture" not in base.model.__dict__
