"""LoRA-Pro: the step it takes is the projection of the full step, and that helps."""

import pytest
import torch

from genlora.train import MethodConfig
from genlora.train.methods.rules._lora_pro import adjust

from .conftest import Residual
from .worlds import Sgd, begun, context_of, cosine, planted, run


def draw(seed, k=3, r=4, m=20, n=30, scale=2.0):
    rng = torch.Generator().manual_seed(seed)
    a, b, g = (torch.randn(k, *s, generator=rng, dtype=torch.float64) for s in ((r, n), (m, r), (m, n)))
    return a, b, g, scale * b.mT @ g, scale * g @ a.mT


def product(a, b, h_a, h_b, scale=2.0):
    return scale * (b @ h_a + h_b @ a)


@pytest.mark.parametrize("seed", range(6))
def test_the_full_step_is_the_projection_of_the_gradient(seed):
    a, b, g, grad_a, grad_b = draw(seed)
    h_a, h_b = adjust(a, b, grad_a, grad_b, 2.0)
    on_b = b @ torch.linalg.pinv(b)
    on_a = torch.linalg.pinv(a) @ a
    expected = on_b @ g + g @ on_a - on_b @ g @ on_a
    found = product(a, b, h_a, h_b)
    assert float((found - expected).abs().max()) < 1e-8 * float(g.abs().max()) * 10
    for i in range(len(g)):
        plain = product(a, b, grad_a, grad_b)[i]
        assert cosine([found[i]], [g[i]]) > cosine([plain], [g[i]])
    assert float((grad_a * h_a).sum() + (grad_b * h_b).sum()) >= 0


@pytest.mark.parametrize("seed", range(4))
def test_of_all_such_steps_it_is_the_nearest_to_the_factors_gradients(seed):
    a, b, _, grad_a, grad_b = draw(seed)
    h_a, h_b = adjust(a, b, grad_a, grad_b, 2.0)

    def away(x):
        return float((h_a + x @ a - grad_a).square().sum() + (h_b - b @ x - grad_b).square().sum())

    rng = torch.Generator().manual_seed(seed)
    for size in (1e-3, 1e-1, 1.0):
        x = size * torch.randn(3, 4, 4, generator=rng, dtype=torch.float64)
        assert away(x) > away(torch.zeros_like(x))
        moved = product(a, b, h_a + x @ a, h_b - b @ x)  # any X gives the same full step
        assert torch.allclose(moved, product(a, b, h_a, h_b), atol=1e-9)


def test_the_first_step_from_zero_moves_b_alone():
    a, b, g, _, _ = draw(0)
    b = torch.zeros_like(b)
    h_a, h_b = adjust(a, b, 2.0 * b.mT @ g, 2.0 * g @ a.mT, 2.0)
    assert not h_a.any()
    assert torch.allclose(h_b, 0.25 * (2.0 * g @ a.mT) @ torch.linalg.inv(a @ a.mT), atol=1e-7)


def test_sgd_gets_at_least_as_far_as_plain_sgd_each_at_its_own_rate():
    model = Residual(layers=2, width=16)
    x, y, _ = planted((0, 1), model=model, rows=48, noise=0.0)

    def best(method, optimiser, rates):
        ends = []
        for lr in rates:
            stack = begun(context_of(model, model.specs, [(x, y)], rank=2), method, optimiser=optimiser)
            ends.append(run(stack, model, [(x, y)], 50, lr=float(lr))[-1])
        return min(e for e in ends if e == e)

    grid = [10**p for p in (-1.5, -1, -0.5, 0)]
    ours = best(MethodConfig(rules=("lora-pro",), options={"mode": "sgd"}), None, grid)
    assert ours <= best(None, Sgd(), grid)


def test_adam_lowers_the_loss_and_keeps_moments_of_the_weights_size():
    model = Residual(layers=2, width=16)
    x, y, _ = planted((0, 1), model=model, rows=128, noise=0.0)
    stack = begun(context_of(model, model.specs, [(x, y)], rank=2), MethodConfig(rules=("lora-pro",)))
    assert [tuple(m.shape) for m in stack.memory["m"]] == [(1, 16, 16)] * 2
    losses = run(stack, model, [(x, y)], 60, lr=1e-2)
    assert losses[-1] < 0.7 * losses[0]
