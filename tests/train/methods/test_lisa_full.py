"""LISA on the model's own weights: what changes, what is remembered, and what of it a plain LoRA holds."""

import logging

import pytest
import torch

from genlora.errors import ConfigError
from genlora.tasks import Example
from genlora.train import ExpertConfig, ExpertTrainer, MethodConfig, encode_rows, label_losses, pack
from genlora.train.methods._full import FullStack

FULL = {"mode": "full", "blocks": 1, "every": 3}


@pytest.fixture
def world(base):
    rows = encode_rows(base.tokenizer, [Example(f"the lion {i}", f"the {i % 3}") for i in range(12)])
    batch = pack([(rows.prefix, rows.rows)], pad=0, dtype=torch.float32)
    rule = MethodConfig(rules=("lisa",), options=FULL).make("rule")[0]
    return base.model, batch, FullStack(base.model, base.layout.of(("q_proj", "v_proj")), rule)


def step(stack, model, batch, lr=1e-2):
    loss = label_losses(model, batch).loss.mean()
    loss.backward()
    stack.step(torch.tensor([lr]), clip=1e9, weight_decay=0.0)
    return float(loss.detach())


def test_one_block_the_embeddings_and_the_last_norm_change_and_the_base_comes_back(world):
    model, batch, stack = world
    before = {k: v.clone() for k, v in model.state_dict().items()}
    drawn = []
    with stack.attached(model):
        for _ in range(9):
            old = {n: x.clone() for n, x in stack.masters.items()}
            step(stack, model, batch)
            changed = {stack.owner[n] for n, x in stack.masters.items() if not torch.equal(x, old[n])}
            blocks = changed & set(stack.blocks)
            assert len(blocks) == 1 and {"model.embed_tokens.weight", "model.norm.weight"} <= changed
            drawn.append(blocks.pop())
    assert all(len(set(drawn[i : i + 3])) == 1 for i in (0, 3, 6))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in model.parameters())


def test_only_what_learns_is_remembered(world):
    model, batch, stack = world
    size = {n: x.numel() for n, x in stack.masters.items()}
    in_blocks = sum(s for n, s in size.items() if stack.owner[n] in stack.blocks)
    always = sum(size.values()) - in_blocks
    with stack.attached(model):
        for _ in range(8):
            step(stack, model, batch)
            held = sum(m.numel() for m, _, _ in stack.moments.values())
            assert held <= 1.05 * (in_blocks / len(stack.blocks) + always)


def test_it_learns_and_a_rate_of_zero_changes_nothing(world):
    model, batch, stack = world
    with stack.attached(model):
        old = {n: x.clone() for n, x in stack.masters.items()}
        first = step(stack, model, batch, lr=0.0)
        assert all(torch.equal(x, old[n]) for n, x in stack.masters.items()) and not stack.steps.any()
        last = [step(stack, model, batch, lr=3e-3) for _ in range(12)][-1]
    assert last < 0.8 * first


def test_the_expert_is_the_targets_change_and_its_card_says_what_is_left_out(base, tasks, tmp_path, caplog):
    small = {"rank": 2, "max_rows": 24, "pack_rows": 8, "eval_every": 2, "patience": 99, "validation_rows": 4}
    config = ExpertConfig(**small, slots=8, method=MethodConfig(rules=("lisa",), options=FULL))
    with caplog.at_level(logging.WARNING, logger="genlora"):
        trainer = ExpertTrainer(base, tasks, config, tmp_path / "run")
    assert "trained one by one" in caplog.text
    done = {t.name: t for t in trainer.run()}
    assert done.keys() == {"one", "two"}
    for trained in done.values():
        assert {p.rank for p in trained.state.values()} == {2}
        told = trained.progress.method
        assert told["note"].startswith("trained one by one") and 0.5 < told["conversion_error"] <= 1
        assert told["trained_numbers"] == sum(p.numel() for p in base.model.parameters())
    again = {t.name: t for t in ExpertTrainer(base, tasks, config, tmp_path / "run").run()}
    assert all(torch.equal(p.b, again["one"].state[k].b) for k, p in done["one"].state.items())


@pytest.mark.parametrize("other", [{"init": "lora-ga"}, {"structure": "xs"}, {"allocate": "eva"}])
def test_it_goes_with_nothing_else(other):
    with pytest.raises(ConfigError, match="trains the base's own weights, and goes with no other method"):
        MethodConfig(rules=("lisa",), options={"mode": "full"}, **other)
    with pytest.raises(ConfigError, match="goes with no other method"):
        MethodConfig(rules=("lisa", "glad"), options={"mode": "full"})
