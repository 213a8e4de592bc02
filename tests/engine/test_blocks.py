"""Products with a base's own 4-bit blocks: only where the weights lie on that grid, only for few tokens, only in the
engine's thread; and what they cost in accuracy.
"""

import dataclasses
import threading

import pytest
import torch
from torch import nn

from genlora.base import load_base
from genlora.engine import Engine, Sampling, _blocks
from genlora.engine._blocks import BLOCK, OFF_GRID, BlockLinears, pack_blocks

from .test_engine import EVERYWHERE, ids, lora, words


def on_grid(weight):
    """The nearest weights that 4-bit blocks can hold."""
    blocks = weight.view(-1, BLOCK)
    low = blocks.amin(-1, keepdim=True)
    scale = (blocks.amax(-1, keepdim=True) - low) / 15
    return (((blocks - low) / scale).round() * scale + low).view_as(weight)


@pytest.fixture(scope="module")
def base(tiny_base):
    """A base as a 4-bit GGUF file gives it, whose answers never end."""
    found = load_base(str(tiny_base("llama")), lean=True)
    for name, module in found.model.named_modules():
        if isinstance(module, nn.Linear) and "layers" in name:
            module.weight.data = on_grid(module.weight.data)
    return dataclasses.replace(found, eos_ids=(-1,))


@pytest.fixture
def always(monkeypatch):
    """Packed products up to two tokens, however quick they are here."""
    monkeypatch.setattr(_blocks, "_measured", lambda groups, packed: 2)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_weights_on_the_grid_come_back_to_bfloat16s_rounding():
    one, two = on_grid(drawn(48, 64)), on_grid(drawn(16, 64, seed=1))
    blocks = pack_blocks([one, two])
    assert blocks is not None and blocks.sizes == (48, 16)
    x = drawn(3, 64, seed=2).bfloat16().float()
    true = x @ torch.cat([one, two]).T
    found = blocks.product(x[:, None])
    assert found.shape == (3, 1, 64) and found.dtype is torch.float32
    assert float((found[:, 0] - true).norm() / true.norm()) < OFF_GRID


@pytest.mark.parametrize(
    "weights",
    [[drawn(48, 64)], [on_grid(drawn(48, 64)), drawn(16, 64)], [torch.zeros(48, 64)], [drawn(48, 40)], [drawn(17, 64)]],
    ids=["off the grid", "one of two off it", "nothing", "columns that are no blocks", "rows that cannot be packed"],
)
def test_other_weights_are_not_packed(weights):
    assert pack_blocks(weights) is None


def test_what_is_measured_decides(base, monkeypatch):
    took = iter([1.0, 2.0, 1.0, 2.0, 3.0, 2.0])  # packed, plain: quicker for one and two tokens, slower for four
    monkeypatch.setattr(_blocks, "quickest", lambda run: next(took))
    found = BlockLinears(base.model)
    assert found.most == 2 and len(found) == 7 * base.model.config.num_hidden_layers
    found.detach()
    monkeypatch.setattr(_blocks, "quickest", lambda run: 1.0)
    assert len(BlockLinears(base.model)) == 0


def test_a_base_off_the_grid_or_in_another_type_has_none(tiny_base, always):
    assert len(BlockLinears(load_base(str(tiny_base("llama"))).model)) == 0
    assert len(BlockLinears(load_base(str(tiny_base("llama")), dtype=torch.bfloat16).model)) == 0
    assert len(BlockLinears(nn.Linear(64, 64))) == 0


def test_only_short_passes_of_its_own_thread_are_packed(base, always):
    gate, up = base.model.model.layers[0].mlp.gate_proj, base.model.model.layers[0].mlp.up_proj
    x = drawn(1, 4, gate.in_features)
    short, long = x[:, :2], x[:, :3]
    plain = [(gate(v), up(v)) for v in (short, long)]
    found = BlockLinears(base.model)
    try:
        assert torch.equal(gate(short), plain[0][0])  # nobody has asked for it
        found.use_in_this_thread()
        packed = gate(short), up(short)
        for new, old in zip(packed, plain[0], strict=True):
            assert not torch.equal(new, old)
            assert float((new - old).norm() / old.norm()) < 0.01
        assert torch.equal(gate(long), plain[1][0]) and torch.equal(up(long), plain[1][1])
        other = short.clone()
        assert not torch.equal(up(other), torch.zeros_like(plain[0][1]))  # `up` alone, without `gate` before it
        assert float((up(other) - plain[0][1]).norm() / plain[0][1].norm()) < 0.01
        elsewhere = []
        thread = threading.Thread(target=lambda: elsewhere.append(gate(short)))
        thread.start()
        thread.join()
        assert torch.equal(elsewhere[0], plain[0][0])
    finally:
        found.detach()
    assert torch.equal(gate(short), plain[0][0])


def test_the_engine_uses_them_unless_products_are_to_be_plain(base, always):
    adapters = [None, lora(base.layout, 1), lora(base.layout, 2, leaves=EVERYWHERE, rank=8)]
    cases = [(words(base, i), adapters[i % 3]) for i in range(6)]
    answers = {}
    for products in ("auto", "plain"):
        with Engine(base, max_batch=2, products=products) as engine:
            streams = [engine.submit(p, Sampling(max_tokens=12, logprobs=1), adapter=a) for p, a in cases]
            answers[products] = [s.result(60) for s in streams]
    packed, plain = answers["auto"], answers["plain"]
    first = [[t.logprob for t in a.tokens][:2] for a in (packed[0], plain[0])]
    assert first[0] != first[1]  # they are in use
    same = sum(ids(a)[:4] == ids(b)[:4] for a, b in zip(packed, plain, strict=True))
    assert same >= 5  # a random model has many tokens of nearly equal probability
