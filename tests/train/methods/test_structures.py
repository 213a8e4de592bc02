"""LoLDU, Block-LoRA, Comp-LoRA, MiCA, MiSS, Bone and RandLoRA: counts, formulas, and that what is stored is exact."""

import pytest
import torch
from peft import LoraConfig, MissConfig, RandLoraConfig, inject_adapter_in_model
from torch import nn

from genlora.adapter import ModuleSpec, attached
from genlora.errors import ConfigError
from genlora.train import MethodConfig
from genlora.train.methods._stack import converted
from genlora.train.methods.structures._complement import leading
from genlora.train.methods.structures._loldu import ldu

from .worlds import One, begun, context_of, run

SHAPES = [(32, 48), (48, 32)]  # (d_out, d_in)
METHODS = {
    "loldu": MethodConfig(structure="loldu"),
    "block": MethodConfig(structure="block", options={"blocks": 4}),
    "complement": MethodConfig(structure="complement"),
    "mica": MethodConfig(structure="mica"),
    "miss": MethodConfig(structure="miss"),
    "miss-mini": MethodConfig(structure="miss", options={"mini": 8}),
    "bone": MethodConfig(structure="bone"),
    "randlora": MethodConfig(structure="randlora", options={"bases_rank": 8}),
}
R = 8


def numbers(name, m, n):
    small = min(m, n)
    count = {
        "loldu": R,
        "block": R * m + R // 4 * n,
        "complement": R * (m + n),
        "mica": R * n,
        "miss": R * m,
        "miss-mini": R * 8,
        "bone": m * R,
        "randlora": -(-small // 8) * (8 + small),
    }
    return count[name]


def world(m, n, *, seed=0, rows=64):
    rng = torch.Generator().manual_seed(seed)
    model = One(torch.randn(m, n, generator=rng) / n**0.5)
    x = torch.randn(rows, n, generator=rng)
    shift = torch.randn(m, 3, generator=rng) @ torch.randn(3, n, generator=rng) / n**0.5
    y = x @ (model.layers[0].weight + shift).T
    spec = ModuleSpec("layers.0", n, m)
    return model, spec, [(x, y)]


def trained(name, m, n, *, steps=20, lr=1e-2, slots=1):
    model, spec, batches = world(m, n)
    stack = begun(context_of(model, [spec], batches, rank=R, scale=2.0), METHODS[name], slots=slots)
    losses = run(stack, model, batches, steps, lr=lr)
    return model, spec, batches, stack, losses


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_counts_the_start_and_what_is_stored(name, shape):
    m, n = shape
    model, spec, batches = world(m, n)
    stack = begun(context_of(model, [spec], batches, rank=R, scale=2.0), METHODS[name])
    assert sum(x.numel() for x in stack.masters) == numbers(name, m, n)
    with torch.no_grad():
        base = model(batches[0][0])
        with stack.attached(model):
            assert torch.allclose(model(batches[0][0]), base, atol=1e-6)
    losses = run(stack, model, batches, 20, lr=1e-2)
    assert losses[-1] < losses[0]
    with torch.no_grad(), stack.attached(model):
        end = model(batches[0][0])
    state, error = converted(stack.state(0), min(m, n))
    assert error < 1e-5
    with torch.no_grad(), attached(model, state):
        assert torch.allclose(model(batches[0][0]), end, atol=2e-5 * float(end.abs().max()))
    with torch.no_grad(), attached(model, stack.state(0)):
        assert torch.allclose(model(batches[0][0]), end, atol=1e-6 * float(end.abs().max()) + 1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_experts_side_by_side_are_each_what_they_are_alone(name):
    model, spec, batches = world(*SHAPES[0])
    x, y = batches[0]
    both = begun(context_of(model, [spec], batches, rank=R), METHODS[name], slots=2)
    side = [(torch.stack([x, -2 * x]), torch.stack([y, y]))]
    run(both, model, side, 3, loss=lambda f, b: (f(b[0]) - b[1]).square().mean((1, 2)).sum())
    for i, alone_batch in enumerate([(x, y), (-2 * x, y)]):
        alone = begun(context_of(model, [spec], batches, rank=R), METHODS[name])
        run(alone, model, [alone_batch], 3)
        assert torch.allclose(both.state(i)["layers.0"].delta(), alone.state(0)["layers.0"].delta(), atol=1e-5)


@pytest.mark.parametrize("shape", [*SHAPES, (24, 24)], ids=str)
def test_ldu_is_the_weight_and_survives_zero_pivots(shape):
    weight = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    lower, d, upper = ldu(weight)
    assert float((lower * d @ upper - weight).norm() / weight.norm()) < 1e-5
    assert torch.allclose(upper.diagonal(), torch.ones(min(shape)))
    weight[:, 3] = 0
    lower, d, upper = ldu(weight)
    assert all(bool(torch.isfinite(x).all()) for x in (lower, d, upper)) and bool((d.abs() > 0).all())


def test_loldu_finds_a_planted_diagonal():
    rng = torch.Generator().manual_seed(3)
    weight = torch.eye(24) * 2 + torch.randn(24, 24, generator=rng) / 24**0.5
    model, spec = One(weight), ModuleSpec("layers.0", 24, 24)
    lower, _, upper = ldu(weight)
    planted = torch.randn(R, generator=rng)
    x = torch.randn(256, 24, generator=rng)
    y = x @ (weight + lower[:, :R] * planted @ upper[:R]).T
    stack = begun(context_of(model, [spec], [(x, y)], rank=R, scale=1.0), METHODS["loldu"])
    losses = run(stack, model, [(x, y)], 100, lr=1e-1)
    assert losses[-1] < 0.9 * losses[0]
    run(stack, model, [(x, y)], 100, lr=1e-2)
    assert float((stack.trained["d"][0][0] - planted).norm() / planted.norm()) < 0.05


def test_block_reaches_rank_r_over_h_and_its_blocks_stay_equal():
    model, _, batches, stack, _ = trained("block", *SHAPES[0])
    delta = stack.state(0)["layers.0"].delta()
    assert int(torch.linalg.matrix_rank(delta)) <= R // 4
    b, a = stack.trained["b"][0][0], stack.trained["a"][0][0]
    summed = sum(b[:, i * 2 : i * 2 + 2] for i in range(4))
    assert torch.allclose(delta, 2.0 * summed @ a, atol=1e-6)
    state, error = converted(stack.state(0), R // 4)
    assert error < 1e-6 and torch.allclose(state["layers.0"].delta(), delta, atol=1e-6)
    assert all(torch.allclose(b[:, :2], b[:, i * 2 : i * 2 + 2], atol=1e-6) for i in range(4))
    with pytest.raises(ConfigError, match=r"block.blocks is 3, which does not divide the rank 8"):
        begun(context_of(model, stack.specs, batches, rank=R), MethodConfig(structure="block", options={"blocks": 3}))


@pytest.mark.parametrize("side", ["both", "left", "right"])
def test_the_complement_stays_out_of_the_leading_directions(side):
    model, spec, batches = world(*SHAPES[0])
    method = MethodConfig(structure="complement", options={"side": side})
    stack = begun(context_of(model, [spec], batches, rank=R), method)
    run(stack, model, batches, 20, lr=1e-2)
    u, v = leading(model.layers[0].weight, 0.9)
    delta = stack.state(0)["layers.0"].delta()
    left, right = float((u.T @ delta).abs().max()), float((delta @ v).abs().max())
    assert (left < 1e-5) == (side != "right") and (right < 1e-5) == (side != "left")


def test_old_inputs_in_the_leading_directions_keep_their_outputs_where_a_is_projected():
    rng = torch.Generator().manual_seed(0)
    strong = torch.linalg.qr(torch.randn(48, 12, generator=rng)).Q
    weight = 5 * torch.randn(48, 12, generator=rng) @ strong.T / 7 + 0.02 * torch.randn(48, 48, generator=rng)
    model, spec = One(weight), ModuleSpec("layers.0", 48, 48)
    kept = leading(weight, 0.9)[1]
    old = torch.randn(64, kept.shape[1], generator=rng) @ kept.T
    x = torch.randn(128, 48, generator=rng)
    y = x @ (weight + torch.randn(48, 4, generator=rng) @ torch.randn(4, 48, generator=rng) / 7).T
    changed = {}
    for name, options in (("lora", None), ("right", "right"), ("both", "both"), ("left", "left")):
        method = MethodConfig(structure="complement", options={"side": options}) if options else MethodConfig()
        stack = begun(context_of(model, [spec], [(x, y)], rank=4), method)
        run(stack, model, [(x, y)], 200, lr=3e-2)
        moved = old @ stack.state(0)["layers.0"].delta().T
        changed[name] = float(moved.norm() / (old @ weight.T).norm())
    assert changed["right"] < 1e-5 and changed["both"] < 1e-5
    assert changed["lora"] > 0.1 and changed["left"] > 0.05, changed


def peft_layer(config, weight):
    stand_in = nn.ModuleDict({"m": nn.Linear(weight.shape[1], weight.shape[0], bias=False)})
    stand_in["m"].weight.data = weight.clone()
    inject_adapter_in_model(config, stand_in)
    return stand_in["m"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["miss", "miss-mini", "bone"])
def test_miss_and_bone_are_pefts(name, shape):
    model, _, _, stack, _ = trained(name, *shape)
    weight = model.layers[0].weight.detach()
    how = {"miss": {}, "miss-mini": {"init_weights": "mini", "mini_r": 8}, "bone": {"init_weights": "bat"}}[name]
    layer = peft_layer(MissConfig(r=R, target_modules=["m"], **how), weight)
    layer.miss_block["default"].data = stack.masters[0][0].clone()
    if name == "bone":
        expected = layer.get_delta_weight("default", weight.clone())
    else:
        expected = layer.get_delta_weight_miss("default", weight.clone()) - weight
    assert torch.allclose(stack.state(0)["layers.0"].delta(), expected, atol=1e-6)


def test_bone_refuses_what_its_blocks_do_not_tile():
    model, spec, batches = world(30, 48)
    with pytest.raises(ConfigError, match=r"layers.0 is 30 x 48, which blocks of 8 do not tile"):
        begun(context_of(model, [spec], batches, rank=R), METHODS["bone"])
    with pytest.raises(ConfigError, match=r"miss.mini is 8, which does not divide 30"):
        begun(context_of(model, [spec], batches, rank=R), METHODS["miss-mini"])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_randlora_is_pefts_and_its_rank_is_nearly_full(shape):
    model, _, _, stack, _ = trained("randlora", *shape, steps=40, lr=1e-2)
    pair = stack.state(0)["layers.0"]
    layer = peft_layer(RandLoraConfig(r=8, target_modules=["m"], randlora_alpha=640), model.layers[0].weight.detach())
    layer.randlora_lambda["default"].data = stack.trained["weights"][0][0].clone()
    layer.randlora_gamma["default"].data = stack.trained["gains"][0][0].clone()
    expected = layer.get_delta_weight("default").detach()
    # Theirs is drawn from the same key for a stand-in of the same shape, with their default of r 8 and alpha 640.
    assert torch.allclose(pair.delta(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    s = torch.linalg.svdvals(pair.delta())
    assert int((s > 1e-5 * s[0]).sum()) > 0.9 * min(shape)
    errors = [converted(stack.state(0), r)[1] for r in (4, 8, 16, 32)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-5 < errors[0]


def test_mica_is_pefts():
    model, _, _, stack, _ = trained("mica", *SHAPES[0])
    config = LoraConfig(r=R, lora_alpha=2 * R, target_modules=["m"], init_lora_weights="mica")
    layer = peft_layer(config, model.layers[0].weight.detach())
    b = layer.lora_B["default"].weight.detach()
    ours = stack.shared["layers.0"]["least"][0]
    assert torch.allclose(ours @ ours.T, b @ b.T, atol=1e-4)
