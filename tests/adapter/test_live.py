"""A LoRA on a model for a while is the model with W + ΔW, and leaves no trace."""

from pathlib import Path

import pytest
import torch
from torch import nn

import genlora.adapter
from genlora.adapter import AdapterState, LoraPair, attached, swapped
from genlora.base import load_base
from genlora.errors import AdapterShapeError


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")))


def adapter(base, leaves=("q_proj", "down_proj"), rank=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return AdapterState(
        {
            m.path: LoraPair(
                torch.randn(rank, m.d_in, generator=rng), 0.1 * torch.randn(m.d_out, rank, generator=rng), 0.5
            )
            for m in base.layout.of(leaves)
        }
    )


@torch.no_grad()
def logits(model):
    return model(torch.tensor([[5, 6, 7, 8]])).logits


def modules(model):
    return {name: id(m) for name, m in model.named_modules()}


def test_an_attached_adapter_is_the_sum_of_weights(base, tiny_base):
    one, two = adapter(base), adapter(base, ("q_proj", "v_proj"), rank=2, seed=1)
    dense = load_base(str(tiny_base("llama"))).model
    plain, before = logits(base.model), modules(base.model)
    with attached(base.model, one):
        first = logits(base.model)
        with attached(base.model, two):  # a second one adds to the first
            both = logits(base.model)
        assert torch.equal(logits(base.model), first)
    for state, expected in ((one, first), (two, both)):
        for path, pair in state.items():
            dense.get_submodule(path).weight.data += pair.delta()
        torch.testing.assert_close(expected, logits(dense), atol=2e-5, rtol=1e-4)
    assert not torch.allclose(first, plain, atol=1e-2)
    assert torch.equal(logits(base.model), plain) and modules(base.model) == before


def test_no_adapter_and_zero_pairs_change_nothing(base):
    before = modules(base.model)
    zero = AdapterState({p: LoraPair(x.a, 0 * x.b) for p, x in adapter(base).items()})
    for state in (None, AdapterState({}), zero):
        with attached(base.model, state):
            assert modules(base.model) == before


def test_the_model_is_put_back_after_an_error(base):
    before = modules(base.model)
    with pytest.raises(KeyError), attached(base.model, adapter(base)):
        raise KeyError
    assert modules(base.model) == before


def test_what_does_not_fit_is_refused_before_anything_changes(base):
    before, good = modules(base.model), adapter(base)
    path, pair = next(iter(good.items()))
    wide = LoraPair(torch.ones(2, pair.d_in + 1), torch.ones(pair.d_out, 2))
    for state, says in (
        ({**good, "model.layers.9.self_attn.q_proj": pair}, r"no module model\.layers\.9\.self_attn\.q_proj"),
        ({**good, path: wide}, rf"{path}: .* for 129 inputs and 64 outputs, the model's module has 128 and 64"),
        ({"model.layers.0.mlp": pair}, "the model's module has None and None"),
    ):
        with pytest.raises(AdapterShapeError, match=says), attached(base.model, state):
            pass
        assert modules(base.model) == before


def test_factors_take_the_models_type_or_the_one_asked_for(base):
    plain = base.model.to(torch.bfloat16)
    state = adapter(base)
    path = next(iter(state))
    for dtype, expected in ((None, torch.bfloat16), (torch.float32, torch.float32)):
        with attached(plain, state, dtype=dtype):
            assert plain.get_submodule(path).a.dtype == expected
            assert logits(plain).dtype == torch.bfloat16


def test_modules_are_found_where_the_decoder_is_nested_deeper(base):
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.language = base.model

    outer = Nested()
    with swapped(outer, ["other.layers.1.self_attn.q_proj"], lambda path, module: nn.Sequential(module)) as made:
        inside = base.model.get_submodule("model.layers.1.self_attn.q_proj")
        assert made == {"other.layers.1.self_attn.q_proj": inside} and isinstance(inside, nn.Sequential)
    assert isinstance(base.model.get_submodule("model.layers.1.self_attn.q_proj"), nn.Linear)


def test_modules_of_a_model_are_exchanged_in_one_place():
    root = Path(genlora.adapter.__file__).parents[1]
    assert [p.name for p in root.rglob("*.py") if "set_submodule" in p.read_text(encoding="utf-8")] == ["live.py"]
