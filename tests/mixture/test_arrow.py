"""Our Arrow equals PEFT's, module by module and in a whole model."""

import warnings

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, peft_files
from genlora.base import load_base
from genlora.errors import ConfigError
from genlora.mixture import Arrow
from genlora.mixture._arrow import ArrowLinear


def spiky(layout, seed, rank=4):
    """An update whose first singular value stands out, so that power iteration finds its direction."""
    g = torch.Generator().manual_seed(seed)
    pairs = {}
    for m in layout.of(("q_proj", "v_proj")):
        a, b = torch.randn(rank, m.d_in, generator=g) * 0.1, torch.randn(m.d_out, rank, generator=g) * 0.1
        a[0] *= 6
        b[:, 0] *= 6
        pairs[m.path] = LoraPair(a, b)
    return AdapterState(pairs)


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


def test_it_equals_peft_on_a_whole_model(base, tiny_base, tmp_path):
    from peft import ArrowConfig, create_arrow_model

    states = [spiky(base.layout, i) for i in range(5)]
    folders = []
    for i, state in enumerate(states):
        # q and v alone, so that PEFT's experts adapt the same modules as ours
        folder = tmp_path / f"e{i}"
        folder.mkdir()
        for name, data in peft_files(state, base.layout).items():
            (folder / name).write_bytes(data)
        folders.append(str(folder))
    ids = torch.tensor([[1, 50, 60, 70, 80, 90, 100, 3, 4, 5], [1, 9, 8, 7, 6, 5, 4, 3, 2, 11]])
    with torch.no_grad():
        plain = base.model(input_ids=ids).logits
        with Arrow(states, top_k=2, temperature=0.7).attached(base.model):
            ours = base.model(input_ids=ids).logits
        assert torch.equal(base.model(input_ids=ids).logits, plain)
    other = load_base(str(tiny_base("llama")), attn_implementation="eager")
    config = ArrowConfig(top_k=2, router_temperature=0.7, rng_seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peft = create_arrow_model(other.model, folders, config).eval()
    with torch.no_grad():
        theirs = peft(input_ids=ids).logits
    assert torch.allclose(ours, theirs, atol=2e-3)
    assert not torch.allclose(ours, plain, atol=5e-2)


def test_one_expert_alone_is_that_expert():
    g = torch.Generator().manual_seed(0)
    linear = torch.nn.Linear(6, 5)
    a, b = torch.randn(2, 6, generator=g), torch.randn(5, 2, generator=g)
    module = ArrowLinear(linear, a, b, a[:1] / a[:1].norm(), top_k=1, temperature=1.0)
    x = torch.randn(3, 4, 6, generator=g)
    assert torch.allclose(module(x), linear(x) + x @ a.T @ b.T, atol=1e-5)


def test_each_token_goes_to_the_expert_that_looks_its_way():
    """Two experts read two axes; a token on one axis gets that expert's update alone."""
    a = torch.eye(2)
    b = torch.tensor([[10.0, 0.0], [0.0, 20.0]])
    zero = torch.nn.Linear(2, 2, bias=False)
    torch.nn.init.zeros_(zero.weight)
    module = ArrowLinear(zero, a, b, torch.eye(2), top_k=1, temperature=1.0)
    with torch.no_grad():
        out = module(torch.tensor([[[-1.0, 0.1], [0.1, 1.0]]]))
    assert torch.allclose(out, torch.tensor([[[-10.0, 0.0], [0.0, 20.0]]]))


def test_experts_must_be_alike(base):
    with pytest.raises(ConfigError, match="no experts"):
        Arrow([])
    one = spiky(base.layout, 0)
    less = AdapterState({p: one[p] for p in list(one)[:1]})
    with pytest.raises(ConfigError, match="different modules"):
        Arrow([one, less])
