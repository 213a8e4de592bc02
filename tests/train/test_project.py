"""Weights on another base without training: the same base gives the same update, another one its shapes."""

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, product_cosine
from genlora.base import load_base
from genlora.errors import TrainingError
from genlora.train import project


def expert(base, seed=0, rank=4):
    g = torch.Generator().manual_seed(seed)
    made = {}
    for m in base.layout.of(("q_proj", "v_proj")):
        made[m.path] = LoraPair(torch.randn(rank, m.d_in, generator=g), torch.randn(m.d_out, rank, generator=g), 0.1)
    return AdapterState(made)


def test_on_its_own_base_the_update_stays(tiny_base):
    base = load_base(str(tiny_base("llama")))
    state = expert(base)
    found = project(state, base, base, least=100)
    assert found.error < 0.05 and found.state.keys() == state.keys()
    assert product_cosine(found.state, state) > 0.85  # small singular values are left out of the inverse
    for path, pair in state.items():
        assert found.state[path].delta().norm() == pytest.approx(float(pair.delta().norm()), rel=1e-3)


@pytest.mark.parametrize("kind", ["qwen2", "gemma3"])
def test_another_base_gets_its_own_shapes(tiny_base, kind):
    source, target = load_base(str(tiny_base("llama"))), load_base(str(tiny_base(kind, layers=3, hidden=32)))
    found = project(expert(source), source, target, least=100)
    assert {p.rsplit(".", 1)[-1] for p in found.state} == {"q_proj", "v_proj"} and len(found.state) == 6
    for path, pair in found.state.items():
        spec = target.layout.by_path[path]
        assert (pair.d_out, pair.d_in) == (spec.d_out, spec.d_in) and torch.isfinite(pair.delta()).all()
        weight = target.model.get_parameter(f"{path}.weight")
        assert 0 < float(pair.delta().norm() / weight.norm()) < 10


def test_vocabularies_with_too_little_in_common_are_refused(tiny_base):
    base = load_base(str(tiny_base("llama")))
    with pytest.raises(TrainingError, match="tokens in common, expected 512"):
        project(expert(base), base, base)


def test_an_adapter_without_counterparts_is_refused(tiny_base):
    base = load_base(str(tiny_base("llama")))
    only = {m.path: LoraPair(torch.ones(1, m.d_in), torch.ones(m.d_out, 1)) for m in base.layout.of(("o_proj",))}
    with pytest.raises(TrainingError, match=r"no module that .* has a counterpart of"):
        project(AdapterState(only), base, base, least=100)
