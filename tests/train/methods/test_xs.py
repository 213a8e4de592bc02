"""LoRA-XS and LoRA-SB: how much is trained, that what is stored is what was trained, and that the start matters."""

import pytest
import torch

from genlora.adapter import attached
from genlora.train import MethodConfig

from .worlds import One, begun, context_of, cosine, mse, run

XS, SB = MethodConfig(structure="xs"), MethodConfig(structure="xs", init="lora-sb")
SLOW = MethodConfig(structure="xs", init="lora-sb", options={"sign": False})


def shifted(seed):
    """A 48 x 64 layer whose teacher is shifted by rank 6."""
    rng = torch.Generator().manual_seed(seed)
    weight = torch.randn(48, 64, generator=rng) / 8
    shift = torch.randn(48, 6, generator=rng) @ torch.randn(6, 64, generator=rng) / 8
    x = torch.randn(256, 64, generator=rng)
    model = One(weight)
    return model, [(x, x @ (weight + shift).T)]


def spec_of(model):
    from genlora.adapter import ModuleSpec

    m = model.layers[0]
    return [ModuleSpec("layers.0", m.in_features, m.out_features)]


@pytest.mark.parametrize("method", [XS, SB], ids=["xs", "sb"])
def test_r_squared_numbers_are_trained_and_what_is_stored_is_what_was_trained(method):
    model, batches = shifted(0)
    stack = begun(context_of(model, spec_of(model), batches, rank=8, warm_lr=1e-2), method)
    assert [tuple(x.shape) for x in stack.masters] == [(1, 8, 8)]
    frozen = {k: v[0].clone() for k, v in stack.kept.items()}
    run(stack, model, batches, 5)
    assert all(torch.equal(stack.kept[k][0], v) for k, v in frozen.items())
    with stack.attached(model):
        trained = model(batches[0][0]).detach()
    with attached(model, stack.state(0)):
        assert torch.allclose(model(batches[0][0]), trained, atol=1e-6)


def test_xs_starts_at_the_base_and_sb_one_step_down_the_gradient():
    model, batches = shifted(0)
    context = context_of(model, spec_of(model), batches, rank=8, warm_lr=1e-2)
    assert not begun(context, XS).state(0)["layers.0"].delta().any()
    pair = begun(context, SB).state(0)["layers.0"]
    (g,) = context.gradients(8).values()
    assert cosine([pair.delta()], [-g]) > 0.3
    step = -1e-2 * g.sign()
    best = torch.linalg.svdvals(step)[8:].norm()  # what the best rank 8 leaves
    assert float((pair.delta() - step).norm()) < 1.02 * float(best)
    plain = float(mse(model, batches[0]))
    with attached(model, {"layers.0": pair}):
        assert float(mse(model, batches[0])) < plain


def test_lora_sb_gets_three_times_as_far_as_lora_xs():
    for seed in range(3):
        model, batches = shifted(seed)
        fall = {}
        for name, method in (("xs", XS), ("sb", SB), ("gradient", SLOW)):
            context = context_of(model, spec_of(model), batches, rank=8, warm_lr=1e-2)
            base = float(mse(model, batches[0]))
            losses = run(begun(context, method), model, batches, 200, lr=1e-2)
            fall[name] = (base - losses[-1]) / base
        assert fall["sb"] >= 3 * fall["xs"], fall
        assert fall["gradient"] >= fall["sb"], fall
