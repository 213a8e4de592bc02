"""EVA and PEFT's other inits: what they promise of A and B, and that the model starts unchanged."""

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from genlora.errors import ConfigError, TrainingError
from genlora.train import MethodConfig
from genlora.train.methods._eva import components

from .conftest import Residual
from .worlds import begun, context_of, run

WIDTH = 24


def varied(seed=0, rows=200, batches=3):
    """A model, and inputs that live in four dimensions but for a little noise."""
    model = Residual(layers=4, width=WIDTH, seed=seed)
    rng = torch.Generator().manual_seed(seed)
    plane = torch.linalg.qr(torch.randn(WIDTH, 4, generator=rng)).Q
    made = []
    for _ in range(batches):
        x = torch.randn(rows, 4, generator=rng) @ plane.T + 0.02 * torch.randn(rows, WIDTH, generator=rng)
        made.append((x, torch.zeros(rows, WIDTH)))
    held_out = torch.randn(64, 4, generator=rng) @ plane.T
    return model, made, held_out


@pytest.fixture(scope="module")
def eva():
    model, batches, held_out = varied()
    context = context_of(model, model.specs, batches, rank=6)
    allocate = MethodConfig(allocate="eva").make("allocate")
    return model, batches, held_out, context, allocate(context)


def test_eva_keeps_the_budget_with_ranks_that_differ(eva):
    ranks = eva[-1]
    assert sum(ranks.values()) == 4 * 6 and len(set(ranks.values())) > 1
    assert max(ranks.values()) <= MethodConfig(allocate="eva").make("allocate").most(6)


def test_evas_a_is_orthonormal_b_zero_and_a_module_without_rank_changes_nothing(eva):
    model, batches, _, context, ranks = eva
    ranks = {**ranks, "layers.3": 0}
    stack = begun(context, MethodConfig(init="eva", allocate="eva"), ranks=ranks)
    for path, pair in stack.state(0).items():
        a = pair.a[: ranks[path]]
        assert float((a @ a.T - torch.eye(len(a))).abs().max() if len(a) else 0) < 1e-4
        assert not pair.b.any() and not pair.a[ranks[path] :].any()
    plain = model(batches[0][0])
    with torch.no_grad(), stack.attached(model):
        assert torch.allclose(model(batches[0][0]), plain, atol=1e-6)
    run(stack, model, batches, 3)
    assert not stack.state(0)["layers.3"].delta().any() and stack.state(0)["layers.0"].delta().any()
    for path, r in ranks.items():  # rows that were not given stay zero
        pair = stack.state(0)[path]
        assert not pair.a[r:].any() and not pair.b[:, r:].any()


def test_evas_a_keeps_the_energy_of_held_out_inputs(eva):
    _, _, held_out, context, _ = eva
    a = components(context, rho=1.0, tau=0.99, batches=3)["layers.0"]
    kept = float((held_out @ a.T).square().sum() / held_out.square().sum())
    random = torch.linalg.qr(torch.randn(WIDTH, 6, generator=torch.Generator().manual_seed(9))).Q
    by_chance = float((held_out @ random).square().sum() / held_out.square().sum())
    assert kept > 0.95 and by_chance < 2 * 6 / WIDTH


def test_eva_that_cannot_converge_says_so():
    model, batches, _ = varied(rows=3)
    context = context_of(model, model.specs, [(x[:2], y[:2]) for x, y in batches], rank=8)
    with pytest.raises(
        TrainingError, match="do not converge in 50 rounds over 3 batches: each needs at least 8 tokens"
    ):
        components(context, rho=1.0, tau=0.99, batches=3)


@pytest.mark.parametrize("name", ["pissa", "olora", "orthogonal", "gaussian", "corda"])
def test_pefts_inits_start_at_the_base(name):
    model, batches, _ = varied()
    stack = begun(context_of(model, model.specs, batches, rank=4, scale=2.0), MethodConfig(init=name))
    with torch.no_grad():
        plain = model(batches[0][0])
        with stack.attached(model):
            assert torch.allclose(model(batches[0][0]), plain, atol=1e-5)
    a, b = stack.trained["a"][0][0], stack.trained["b"][0][0]
    assert a.any() and bool(b.any()) == (name != "gaussian")


@pytest.mark.parametrize("name", ["pissa", "olora"])
def test_they_are_pefts_own_factors(name):
    model, batches, _ = varied()
    options = {"iterations": 0} if name == "pissa" else {}
    stack = begun(context_of(model, model.specs, batches, rank=4, scale=2.0), MethodConfig(init=name, options=options))
    for i, spec in enumerate(model.specs):
        stand_in = nn.ModuleDict({"m": nn.Linear(WIDTH, WIDTH, bias=False)})
        stand_in["m"].weight.data = model.get_submodule(spec.path).weight.clone()
        inject_adapter_in_model(LoraConfig(r=4, lora_alpha=8, target_modules=["m"], init_lora_weights=name), stand_in)
        theirs = stand_in["m"].lora_B["default"].weight @ stand_in["m"].lora_A["default"].weight
        ours = stack.trained["b"][i][0] @ stack.trained["a"][i][0]
        assert torch.allclose(ours, theirs.detach(), atol=1e-4)


def test_corda_leaves_nothing_on_the_model_and_sees_the_inputs():
    model, batches, _ = varied()
    before = {n: set(vars(m)) for n, m in model.named_modules()}
    corda = begun(context_of(model, model.specs, batches, rank=4), MethodConfig(init="corda"))
    pissa = begun(context_of(model, model.specs, batches, rank=4), MethodConfig(init="pissa"))
    assert {n: set(vars(m)) for n, m in model.named_modules()} == before
    x = batches[0][0]
    said = [float((x @ s.trained["a"][0][0].T @ s.trained["b"][0][0].T).norm()) for s in (corda, pissa)]
    assert said[0] > said[1]  # what it took out of the base is what the base does with these inputs


def test_an_odd_rank_cannot_be_halved():
    model, batches, _ = varied()
    with pytest.raises(ConfigError, match=r"orthogonal halves the rank, and a module was given 3. Use an even rank"):
        begun(context_of(model, model.specs, batches, rank=3), MethodConfig(init="orthogonal"))
