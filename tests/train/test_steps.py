"""Fixed steps from any start: PEFT-like learning, exact resume, exact hand-over, and what is refused."""

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, aggregate
from genlora.base import load_base
from genlora.errors import AdapterShapeError, ConfigError, TrainingError
from genlora.tasks import Example
from genlora.train._steps import StepsConfig, look, rows_of, sliced, train_steps

CONFIG = StepsConfig(steps=6, rank=4, lr=0.02, pack_rows=4)


@pytest.fixture(scope="module")
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


@pytest.fixture(scope="module")
def rows(base):
    return rows_of(base, [Example(f"one {i} the", "in") for i in range(30)], CONFIG)


def same(s1, s2):
    return all(torch.equal(s1[p].a, s2[p].a) and torch.equal(s1[p].b, s2[p].b) for p in s1)


def test_steps_lower_the_loss_and_leave_the_base_alone(base, rows):
    before = {n: p.clone() for n, p in base.model.named_parameters()}
    made = train_steps(base, rows, CONFIG)
    assert len(made.losses) == 6 and made.losses[-1] < made.losses[0] and made.rows == 24 and made.tokens > 0
    assert look(base, rows, made.state, CONFIG).loss < look(base, rows, None, CONFIG).loss
    assert all(torch.equal(p, before[n]) for n, p in base.model.named_parameters())


def test_a_killed_run_ends_as_one_that_was_not(base, rows, tmp_path):
    whole, path = train_steps(base, rows, CONFIG), tmp_path / "c.safetensors"

    def stop(step, loss):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_steps(base, rows, CONFIG, checkpoint=path, every=2, on_step=stop)
    again = train_steps(base, rows, CONFIG, checkpoint=path, every=2)
    assert same(again.state, whole.state) and again.losses == whole.losses and again.rows == whole.rows
    began = []
    train_steps(base, rows, CONFIG, checkpoint=path, on_step=lambda *_: began.append(1))
    assert not began
    with pytest.raises(TrainingError, match="written with other settings"):
        train_steps(base, rows, StepsConfig(steps=7, rank=4), checkpoint=path)
    path.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="not a checkpoint"):
        train_steps(base, rows, CONFIG, checkpoint=path)


def test_a_start_is_taken_bit_for_bit_and_its_loss_is_the_first(base, rows):
    first = train_steps(base, rows, CONFIG).state
    still = train_steps(
        base, rows, StepsConfig(steps=1, lr=1e-30, weight_decay=0.0, pack_rows=40, pack_tokens=9999), start=first
    )
    assert same(still.state, first)
    assert still.losses[0] == pytest.approx(look(base, rows, first, CONFIG).loss, abs=1e-4)


def test_an_adapter_beneath_is_part_of_the_base(base, rows):
    under = train_steps(base, rows, CONFIG).state
    on_top = train_steps(base, rows, CONFIG, beneath=under)
    assert on_top.losses[0] < 0.9 * train_steps(base, rows, CONFIG).losses[0]
    both = aggregate("flora", [under, on_top.state], [1.0, 1.0]).state
    assert look(base, rows, both, CONFIG).loss < look(base, rows, under, CONFIG).loss
    assert {p.rank for p in both.values()} == {8}


def test_accumulated_packs_are_one_step(base, rows):
    made = train_steps(base, rows, StepsConfig(steps=2, rank=4, accumulate=3, pack_rows=4))
    assert made.rows == 24 and len(made.losses) == 2


def test_what_cannot_be_started_from_is_refused(base, rows):
    path = next(iter(train_steps(base, rows, StepsConfig(steps=1)).state))
    mixed = train_steps(base, rows, StepsConfig(steps=1, rank=4)).state
    odd = AdapterState({**mixed, path: LoraPair(torch.zeros(2, 64), torch.zeros(64, 2))})
    with pytest.raises(AdapterShapeError, match="several ranks"):
        train_steps(base, rows, CONFIG, start=odd)
    with pytest.raises(AdapterShapeError, match="for 9 inputs"):
        train_steps(base, rows, CONFIG, start=AdapterState({path: LoraPair(torch.zeros(2, 9), torch.zeros(64, 2))}))
    with pytest.raises(TrainingError, match="expected a finite number"):
        wild = AdapterState({path: LoraPair(torch.full((2, 64), float("nan")), torch.ones(64, 2))})
        train_steps(base, rows, CONFIG, start=wild)
    for bad in ({"steps": 0}, {"lr": 2.0}, {"scale": 0.0}, {"accumulate": 0}):
        with pytest.raises(ConfigError):
            StepsConfig(**bad)
    assert {p.rank for p in sliced(mixed, 2).values()} == {2}
