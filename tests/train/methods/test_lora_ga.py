"""LoRA-GA: its first step against the best there is, and the base as it was."""

import pytest
import torch

from genlora.adapter import attached
from genlora.errors import ConfigError
from genlora.tasks import Example
from genlora.train import MethodConfig, encode_rows, label_losses, pack
from genlora.train.methods._context import mean_weight_grads

from .worlds import Sgd, begun, context_of

RANK = 4


def lm_loss(model, batch):
    return label_losses(model, batch).loss.mean()


@pytest.fixture
def world(base):
    rows = encode_rows(base.tokenizer, [Example(f"the lion {i}", f"the {i % 3}") for i in range(12)])
    batch = pack([(rows.prefix, rows.rows)], pad=0, dtype=torch.float32)
    specs = list(base.layout.of(("q_proj", "v_proj")))
    return base.model, batch, context_of(base.model, specs, [batch], rank=RANK, scale=2.0, loss=lm_loss)


def first_step(stack, model, batch):
    """The change of every ΔW by one small step of SGD."""
    before = {p: x.delta() for p, x in stack.state(0).items()}
    with stack.attached(model):
        lm_loss(model, batch).backward()
        stack.step(torch.tensor([1e-4]), clip=1e9, weight_decay=0.0)
    return {p: x.delta() - before[p] for p, x in stack.state(0).items()}


def mean_cosine(moved, grads):
    return sum(float(-(moved[p] * g).sum() / (moved[p].norm() * g.norm())) for p, g in grads.items()) / len(grads)


def test_the_first_step_is_near_the_best_of_rank_2r_and_far_from_the_common_starts(world):
    model, batch, context = world
    grads = mean_weight_grads(model, [batch], lm_loss, list(context.specs))
    bound = 0.0
    for g in grads.values():
        s = torch.linalg.svdvals(g).square()
        bound += float((s[: 2 * RANK].sum() / s.sum()).sqrt()) / len(grads)
    ours = mean_cosine(first_step(begun(context, MethodConfig(init="lora-ga"), optimiser=Sgd()), model, batch), grads)
    common = mean_cosine(first_step(begun(context, optimiser=Sgd()), model, batch), grads)
    assert ours >= 0.95 * bound
    assert ours >= common + 0.2


@pytest.mark.parametrize("options", [{}, {"direction": "A2rBr"}, {"direction": "ArBr"}, {"scaling": "gd"}])
def test_the_model_starts_unchanged_and_the_converted_adapter_is_what_was_trained(world, options):
    model, batch, context = world
    plain = lm_loss(model, batch)
    stack = begun(context, MethodConfig(init="lora-ga", options=options), optimiser=Sgd())
    with stack.attached(model):
        assert abs(float(lm_loss(model, batch).detach()) - float(plain.detach())) < 1e-5
        for _ in range(3):
            lm_loss(model, batch).backward()
            stack.step(torch.tensor([1e-2]), clip=1e9, weight_decay=0.0)
        trained = label_losses(model, batch).logits.detach()
    with attached(model, stack.state(0)):
        assert torch.allclose(label_losses(model, batch).logits, trained, atol=1e-5)
    assert stack.state(0)[next(iter(context.specs))].rank == 2 * RANK


def test_gradients_are_the_means_of_the_batches_and_leave_nothing_behind(world):
    model, batch, context = world
    path = next(iter(context.specs))
    once = mean_weight_grads(model, [batch], lm_loss, [path])[path]
    twice = mean_weight_grads(model, [batch, batch], lm_loss, [path])[path]
    assert torch.allclose(once, twice, atol=1e-6)
    weight = model.get_submodule(path).weight
    assert not weight.requires_grad and weight.grad is None
    weight.requires_grad_(True)
    (expected,) = torch.autograd.grad(lm_loss(model, batch), [weight])
    weight.requires_grad_(False)
    assert torch.allclose(once, expected, atol=1e-6)


def test_a_quantised_weight_is_refused_in_words(world):
    model, batch, context = world
    path = next(iter(context.specs))
    module = model.get_submodule(path)
    weight = module.weight
    module.weight = torch.nn.Parameter(torch.zeros(8, 8, dtype=torch.uint8), requires_grad=False)
    with pytest.raises(ConfigError, match=r"its weight is quantised .* Train on the floating-point base"):
        mean_weight_grads(model, [batch], lm_loss, [path])
    module.weight = weight
    with pytest.raises(ConfigError, match="no batch to take a gradient from"):
        mean_weight_grads(model, [], lm_loss, [path])
