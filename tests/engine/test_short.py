"""Packed products for short passes: only where the weights allow it, only for few tokens, only in the engine's thread;
and what they cost in accuracy.
"""

import dataclasses
import sys
import threading
import time

import pytest
import torch
from torch import nn

from genlora.base import load_base
from genlora.cache import cache_dir, cache_entries, clear_cache
from genlora.engine import ANY, Engine, Sampling, ShortLinears
from genlora.engine.products import _short
from genlora.engine.products._blocks import BLOCK, OFF_GRID, pack_blocks
from genlora.engine.products._halves import ROUNDED, pack_halves
from genlora.engine.products._pages import page_out

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


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A machine on which nothing was measured yet."""
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=["4-bit blocks", "float16"])
def form(request, monkeypatch):
    """One packed form up to two tokens, however quick it is here."""
    monkeypatch.setattr(
        _short, "_measured", lambda groups, forms: ((2, request.param),) if request.param in forms else ()
    )
    return request.param


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_weights_on_the_grid_come_back_to_bfloat16s_rounding():
    one, two = on_grid(drawn(48, 64)), on_grid(drawn(16, 64, seed=1))
    blocks = pack_blocks([one, two])
    assert blocks is not None
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


@pytest.mark.parametrize("weights", [[drawn(48, 64)], [drawn(48, 64), drawn(7, 64)]], ids=["one", "two"])
def test_halves_round_to_float16(weights):
    halves = pack_halves(weights)
    assert halves is not None and 0 < halves.error < ROUNDED
    x = drawn(3, 64, seed=2)
    found = halves.product(x[:, None])
    assert found.shape == (3, 1, sum(map(len, weights))) and found.dtype is torch.float32
    true = x @ torch.cat(weights).half().float().T  # the weights are rounded, and nothing else
    torch.testing.assert_close(found[:, 0], true, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "weight",
    [drawn(48, 64) * 1e5, drawn(48, 64) * 1e-7, torch.zeros(48, 64), drawn(48, 64).fill_(float("nan"))],
    ids=["too large", "too small", "nothing", "no numbers"],
)
def test_numbers_that_float16_does_not_hold_are_not_packed(weight):
    assert pack_halves([weight]) is None


def found_quickest(monkeypatch, *seconds):
    """What is to be measured: for each number of tokens, seconds of the floats and of each form that is asked."""
    left, names = iter(seconds), []

    def measured(runs):
        names.append(list(runs)[1:])
        return dict(zip(runs, next(left), strict=True))

    monkeypatch.setattr(_short, "seconds", measured)
    return names


def test_what_is_measured_decides(base, monkeypatch):
    # Floats, blocks, float16: the rough ones pay for one token, the fine ones for two and four, nothing for more.
    names = found_quickest(monkeypatch, (3, 1, 2), (3, 1.9, 2), (3, 2), *[(2, 2.3)] * 3)
    found = ShortLinears(base.model)
    assert found.limits == ((1, "4-bit blocks"), (4, "float16")) and found.most == 4
    assert len(found) == 7 * base.model.config.num_hidden_layers
    assert 0 < found.errors["float16"] < ROUNDED < found.errors["4-bit blocks"] < OFF_GRID
    assert names == [["4-bit blocks", "float16"]] * 2 + [["float16"]] * 4  # one that has lost is not asked again
    found.detach()
    found_quickest(monkeypatch, *[(1, 2, 2)] * 6)
    assert len(ShortLinears(base.model, anew=True)) == 0


_F16 = [(3, 3, 2), *[(3, 2)] * 5]
"""Float16 is the quickest throughout."""


def test_it_is_measured_once_on_a_machine(base, monkeypatch):
    names = found_quickest(monkeypatch, *_F16 * 2)
    for _ in range(3):
        found = ShortLinears(base.model)
        found.detach()
        assert found.limits == ((ANY, "float16"),) and len(names) == 6
    (kept,) = cache_dir().glob("measured/*.json")
    assert [e.kind for e in cache_entries() if e.path == kept] == ["measured"]
    kept.write_text('{"format": "genlora-measured-1"}')  # spoilt: measured again, and written again
    ShortLinears(base.model).detach()
    assert len(names) == 12 and "float16" in kept.read_text()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    found_quickest(monkeypatch, *[(1, 2, 2)] * 6)
    assert len(ShortLinears(base.model)) == 0  # with other threads it is another question
    assert clear_cache("measured").freed > 0


def test_floats_that_are_hardly_quicker_are_not_taken_and_leave_memory(base, monkeypatch):
    out = []
    monkeypatch.setattr(_short, "page_out", lambda tensors: out.extend(tensors))
    head = base.model.get_output_embeddings()
    found_quickest(monkeypatch, (3, 3, 2), *[(2, 2.1)] * 5)
    found = ShortLinears(base.model, head)
    assert found.limits == ((ANY, "float16"),) and len(out) == len(found) == 1 + 7 * base.model.config.num_hidden_layers
    found.detach()
    out.clear()
    found_quickest(monkeypatch, (3, 3, 2), *[(2, 2.1)] * 4, (2, 3))  # long passes still read them
    ShortLinears(base.model, head, anew=True).detach()
    assert not out


@pytest.mark.skipif(sys.platform != "linux", reason="the call is Linux's")
def test_pages_that_were_given_back_are_read_again(tmp_path):
    numbers = drawn(1 << 20)
    numbers.numpy().tofile(tmp_path / "numbers")
    mapped = torch.from_file(str(tmp_path / "numbers"), size=1 << 20, shared=False)
    mapped[5] = 7.0  # one page of its own, which no file has
    own = drawn(1 << 20)
    page_out([mapped, own, torch.zeros(3), torch.zeros(0)])
    numbers[5] = 7.0
    assert torch.equal(mapped, numbers) and torch.equal(own, drawn(1 << 20))


def test_a_cache_that_cannot_be_written_costs_time_only(base, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "file"))
    names = found_quickest(monkeypatch, *_F16 * 2)
    for _ in range(2):
        ShortLinears(base.model).detach()
    assert len(names) == 12


def test_seconds_are_the_least_of_some_rounds_in_turns():
    order = []
    took = _short.seconds({"a": lambda: order.append("a"), "b": lambda: order.append("b") or time.sleep(0.002)})
    assert order == ["a", "b"] * (_short._ROUNDS + 1) and 0 <= took["a"] < took["b"]


def test_the_head_follows_in_float16_whatever_the_projections_take(base, form):
    head = base.model.get_output_embeddings()
    with torch.inference_mode():
        x = drawn(3, head.in_features)
        plain = head(x)
        found = ShortLinears(base.model, head)
        found.use_in_this_thread()
        rows, all_rows = head(x[:2]), head(x)
        found.detach()
        assert 0 < float((rows - plain[:2]).norm() / plain[:2].norm()) < ROUNDED
        assert torch.equal(all_rows, plain) and torch.equal(head(x), plain)
    assert len(ShortLinears(nn.Sequential(head), head)) == 0


@pytest.mark.parametrize("missing", [AttributeError, RuntimeError, NotImplementedError])
def test_a_torch_without_such_products_keeps_the_floats(base, monkeypatch, missing):
    def none(weights):
        raise missing

    monkeypatch.setattr(_short, "FORMS", {name: (none, 1.0) for name in _short.FORMS})
    assert len(ShortLinears(base.model)) == 0


def test_a_base_off_the_grid_has_no_blocks_and_one_in_another_type_nothing(tiny_base, form):
    off = ShortLinears(load_base(str(tiny_base("llama"))).model)
    assert bool(len(off)) == (form == "float16")
    off.detach()
    assert len(ShortLinears(load_base(str(tiny_base("llama")), dtype=torch.bfloat16).model)) == 0
    assert len(ShortLinears(nn.Linear(64, 64))) == 0


def test_only_short_passes_of_its_own_thread_are_packed(base, form):
    gate, up = base.model.model.layers[0].mlp.gate_proj, base.model.model.layers[0].mlp.up_proj
    x = drawn(1, 4, gate.in_features)
    short, long = x[:, :2], x[:, :3]
    plain = [(gate(v), up(v)) for v in (short, long)]
    found = ShortLinears(base.model)
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


def test_the_engine_uses_them_unless_products_are_to_be_plain(base, form):
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
