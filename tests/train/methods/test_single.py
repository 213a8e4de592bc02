"""One adapter on any small model: every kind of part, the model put back, and what is refused."""

import pytest
import torch

from genlora.adapter import attached
from genlora.errors import ConfigError, TrainingError
from genlora.train.methods import MethodConfig, SingleConfig, fit_single, linear_specs

from .conftest import Residual
from .worlds import mse, planted


@pytest.mark.parametrize(
    "method",
    [
        MethodConfig(),
        MethodConfig(structure="block", options={"blocks": 2}),
        MethodConfig(structure="complement"),
        MethodConfig(rules=("glad",)),
        MethodConfig(init="lora-ga", options={"batches": 1}),
        MethodConfig(allocate="contribution", options={"steps": 2, "points": 2, "batches": 1}),
    ],
    ids=lambda m: "+".join([m.init, m.structure, *m.rules, m.allocate]),
)
def test_a_small_model_learns_by_any_method_and_is_left_as_it_was(method):
    model = Residual(layers=3, width=16)
    x, y, _ = planted((1,), model=model, rows=64)
    before = [p.clone() for p in model.parameters()]
    paths = [s.path for s in linear_specs(model)]
    steps = []
    config = SingleConfig(rank=4, steps=25, lr=1e-2, method=method)
    made = fit_single(model, paths, mse, [(x, y)], config, on_step=lambda n, loss: steps.append(n))
    assert steps == list(range(1, 26)) and set(made.state) == set(paths) and made.numbers > 0
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    with torch.no_grad(), attached(model, made.state):
        after = float(mse(model, (x, y)))
    assert after < 0.8 * made.losses[0], (after, made.losses[0])


def test_what_cannot_be_trained_is_said():
    model = Residual(layers=2, width=8)
    batch = (torch.ones(2, 8), torch.ones(2, 8))
    with pytest.raises(
        ConfigError, match=r"'layers\.9' is no linear module of this model; it has layers\.0, layers\.1"
    ):
        fit_single(model, ["layers.9"], mse, [batch], SingleConfig())
    with pytest.raises(ConfigError, match="a batch and a module"):
        fit_single(model, ["layers.0"], mse, [], SingleConfig())
    with pytest.raises(TrainingError, match=r"the loss is nan\. Lower the learning rate"):
        fit_single(model, ["layers.0"], mse, [(batch[0] * float("nan"), batch[1])], SingleConfig())
    with pytest.raises(ConfigError, match="steps is 0"):
        SingleConfig(steps=0)
    with pytest.raises(ConfigError, match="mode full"):
        SingleConfig(method=MethodConfig(rules=("lisa",), options={"mode": "full"}))
