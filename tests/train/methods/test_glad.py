"""GLAD: no step against the second gradient, and weights put back bit for bit."""

import pytest
import torch

from genlora.train import MethodConfig
from genlora.train.methods.rules._glad import per_slot, steered

from .conftest import Residual
from .worlds import begun, context_of, planted, run


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_steered_gradient_never_goes_against_the_second_one(weight):
    rng = torch.Generator().manual_seed(0)
    g = [torch.randn(40, 3, 5, generator=rng), torch.randn(40, 7, generator=rng)]
    h = [torch.randn(40, 3, 5, generator=rng), torch.randn(40, 7, generator=rng)]
    out = steered(g, h, weight)
    sizes = per_slot(out, out).sqrt() * per_slot(h, h).sqrt()
    assert bool((per_slot(out, h) >= -1e-5 * sizes).all()) and bool((per_slot(g, h) < 0).any())
    agree = per_slot(g, h) >= 0
    if weight == 1.0:
        assert torch.equal(out[0][agree], h[0][agree])
    if weight == 0.0:
        assert torch.equal(out[0][agree], g[0][agree])


def test_weights_are_put_back_bit_for_bit_and_the_second_gradient_is_taken_further_up():
    model = Residual(layers=2, width=16)
    x, y, _ = planted((0, 1), model=model, rows=64)
    stack = begun(context_of(model, model.specs, [(x, y)]), MethodConfig(rules=("glad",), options={"rho": 0.3}))
    run(stack, model, [(x, y)], 2)
    before = [t.clone() for t in stack.masters]
    seen = []

    def again():
        seen.append([t.clone() for t in stack.masters])
        return [torch.zeros_like(t) for t in stack.masters]

    g = [torch.randn(t.shape) for t in stack.masters]
    stack.rules[0].gradients(stack, g, again)
    assert all(torch.equal(a, b) for a, b in zip(stack.masters, before, strict=True))
    away = sum(float((a - b).square().sum()) for a, b in zip(seen[0], before, strict=True)) ** 0.5
    assert away == pytest.approx(0.3, rel=1e-3)
