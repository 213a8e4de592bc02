import csv
import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from genlora.errors import ConfigError, MissingExtraError, TrainingError
from genlora.train.loop._checkpoint_io import read_state, trained_state, write_state
from genlora.train.loop._lightning import CHECKPOINT, FitTick, fit
from genlora.train.loop._pace import Pace

SCRIPT = Path(__file__).with_name("fit_toy.py")
TRAINER = Path(__file__).with_name("data") / "trainer"
"""`Toy` after 21 of 40 steps, written by Lightning's Trainer (commit d2a6f49)."""


class Toy(nn.Module):
    """A small network with dropout that learns a frozen one."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Tanh(), nn.Linear(8, 2))
            self.frozen = nn.Linear(4, 2).requires_grad_(False)
        self.seen = 0

    def losses(self, step):
        x = torch.randn(8, 4, generator=step.rng)
        self.seen += 8
        loss = (self.net(x) - self.frozen(x)).square().mean()
        return {"loss": loss, "half": loss / 2}

    def optimizers(self, steps):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
        return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps + 1)

    def validate(self):
        return {"norm": float(self.net[0].weight.norm())}

    def run_state(self):
        return {"seen": self.seen}

    def load_run_state(self, state):
        self.seen = state["seen"]


def weights(module):
    return {k: v.clone() for k, v in module.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_nested_state_comes_back_as_it_was(tmp_path):
    base = torch.randn(4, 4)
    state = {
        "numbers": [1, 2.5, True, None, float("inf"), -0.1],
        "pair": ("a", (1, {"b": 2})),
        "by_number": {0: {"step": torch.tensor(3.0)}, 1: {}},
        "reserved": {"$tensor": "not one"},
        "transposed": base.T,
        "same storage": [base, base[:2]],
        "kinds": [torch.tensor([True]), torch.randn(3).to(torch.bfloat16), torch.tensor(5, dtype=torch.uint8)],
        "empty": {},
    }
    write_state(tmp_path / "x", state)
    found = read_state(tmp_path / "x")
    assert found["numbers"] == state["numbers"] and found["pair"] == state["pair"] and found["empty"] == {}
    assert isinstance(found["pair"], tuple) and found["reserved"] == {"$tensor": "not one"}
    assert found["by_number"][0]["step"] == 3.0 and found["by_number"][1] == {}
    assert torch.equal(found["transposed"], base.T) and torch.equal(found["same storage"][1], base[:2])
    assert [t.dtype for t in found["kinds"]] == [torch.bool, torch.bfloat16, torch.uint8]
    assert torch.equal(found["kinds"][1], state["kinds"][1])


def test_what_is_not_data_is_refused_by_name(tmp_path):
    with pytest.raises(TrainingError, match=r"state\.a\[1\] is a Toy, which a checkpoint does not keep"):
        write_state(tmp_path / "x", {"a": [1, Toy()]})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("data", [b"", b"\x80\x04K\x01.", b"\x10\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_a_damaged_checkpoint_says_what_to_do(tmp_path, data):
    (tmp_path / CHECKPOINT).write_bytes(data)
    with pytest.raises(TrainingError, match=r"not a checkpoint of this program .* Delete the file"):
        fit(Toy(), run=tmp_path, steps=3, config={})


def test_a_fit_learns_logs_and_tells(tmp_path):
    ticks: list[FitTick] = []
    toy = Toy()
    frozen = toy.frozen.weight.clone()
    fitted = fit(toy, run=tmp_path, steps=60, config={"a": 1}, every_validation=30, every_log=5, on_tick=ticks.append)
    assert fitted.steps == 60 and fitted.rank == 0 and fitted.resumed_from == 0
    assert [t.step for t in ticks] == list(range(1, 61)) and ticks[-1].eta_s == 0
    assert ticks[-1].losses["loss"] < 0.5 * ticks[0].losses["loss"]
    assert torch.equal(toy.frozen.weight, frozen)
    rows = list(csv.DictReader((tmp_path / "logs/attempt-0/metrics.csv").read_text().splitlines()))
    assert {"loss", "half", "validation/norm"} <= rows[0].keys()
    assert [r["step"] for r in rows if r["validation/norm"]] == ["30", "60"]
    assert list((tmp_path / "logs/attempt-0").glob("events.out.tfevents*"))
    begun = {"config": {"a": 1}, "devices": 1, "seed": 0, "steps": 60}
    assert json.loads((tmp_path / "config.json").read_text()) == begun
    held = read_state(tmp_path / CHECKPOINT)["weights"]
    assert not any("frozen" in k for k in held) and held.keys() == trained_state(toy).keys()
    again = Toy()
    assert fit(again, run=tmp_path, steps=60, config={"a": 1}).resumed_from == 60
    assert same(weights(again), weights(toy)) and again.seen == 480


def test_a_stop_in_the_middle_changes_no_bit(tmp_path):
    whole = Toy()
    fit(whole, run=tmp_path / "whole", steps=40, config={}, every_checkpoint=7)

    class StopNow(Exception):
        pass

    def stop(tick):
        if tick.step == 25:
            raise StopNow

    with pytest.raises(StopNow):
        fit(Toy(), run=tmp_path / "cut", steps=40, config={}, every_checkpoint=7, on_tick=stop)
    rest = Toy()
    assert fit(rest, run=tmp_path / "cut", steps=40, config={}, every_checkpoint=7).resumed_from == 21
    assert same(weights(whole), weights(rest))
    assert whole.seen == rest.seen == 320
    assert (tmp_path / "cut/logs/attempt-1/metrics.csv").exists()


def test_another_config_is_refused_and_told(tmp_path):
    fit(Toy(), run=tmp_path, steps=2, config={"lr": {"peak": 1}})
    with pytest.raises(ConfigError, match=r"config\.lr\.peak=1 \(now 2\); seed=0 \(now 1\)"):
        fit(Toy(), run=tmp_path, steps=2, config={"lr": {"peak": 2}}, seed=1)


def test_weights_of_another_model_are_refused(tmp_path):
    fit(Toy(), run=tmp_path, steps=2, config={})
    other = Toy()
    other.net[0] = nn.Linear(4, 9)
    with pytest.raises(TrainingError, match=r"net\.0\.bias is \(8,\), expected \(9,\)"):
        fit(other, run=tmp_path, steps=2, config={})


def test_a_loss_that_is_not_a_number_ends_the_run(tmp_path):
    class Bad(Toy):
        def losses(self, step):
            return {"loss": super().losses(step)["loss"] * (float("nan") if step.index == 3 else 1)}

    with pytest.raises(TrainingError, match="step 3: the loss is nan"):
        fit(Bad(), run=tmp_path, steps=10, config={}, every_checkpoint=2)
    assert read_state(tmp_path / CHECKPOINT)["step"] == 2


def test_a_gradient_that_is_not_a_number_ends_the_run(tmp_path):
    class Steep(Toy):
        def losses(self, step):
            factor = torch.zeros(()).sqrt() if step.index != 3 else (self.net[0].weight[0, 0] * 0).sqrt()
            return {"loss": super().losses(step)["loss"] + factor}

    with pytest.raises(TrainingError, match=r"step 3: the gradient's norm is (nan|inf)"):
        fit(Steep(), run=tmp_path, steps=10, config={}, every_checkpoint=2)
    assert read_state(tmp_path / CHECKPOINT)["step"] == 2


def test_a_run_that_the_trainer_began_goes_on(tmp_path):
    shutil.copytree(TRAINER, tmp_path / "old")
    rest, whole = Toy(), Toy()
    assert fit(rest, run=tmp_path / "old", steps=40, config={}).resumed_from == 21
    fit(whole, run=tmp_path / "whole", steps=40, config={})
    torch.testing.assert_close(weights(rest), weights(whole))
    assert rest.seen == whole.seen == 320
    assert read_state(tmp_path / "old" / CHECKPOINT).keys() == read_state(tmp_path / "whole" / CHECKPOINT).keys()


@pytest.mark.parametrize("damage", [{"lr_schedulers": []}, {"optimizer_states": []}, {"state_dict": 3}])
def test_a_trainers_checkpoint_that_is_not_whole_is_refused(tmp_path, damage):
    shutil.copytree(TRAINER, tmp_path / "old")
    path = tmp_path / "old" / CHECKPOINT
    write_state(path, read_state(path) | damage)
    with pytest.raises(TrainingError, match=r"holds no training state|does not fit the module's"):
        fit(Toy(), run=tmp_path / "old", steps=40, config={})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"devices": 0}, "devices 0"),
        ({"device": "tpu"}, "device 'tpu' is not known"),
        ({"device": "cuda:99"}, "cuda:99|not usable"),
    ],
)
def test_wrong_settings_are_named(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        fit(Toy(), run=tmp_path, **{"steps": 2, "config": {}, **options})


def start(run, *, kill_at=0, devices=1):
    argv = [sys.executable, str(SCRIPT), str(run), str(kill_at), str(devices)]
    env = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "MASTER_PORT", "WORLD_SIZE", "NODE_RANK")}
    return subprocess.run(argv, env=env, timeout=300, capture_output=True, text=True, check=False)


def test_a_fit_without_fabric_says_what_to_install(tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "lightning_fabric" else real(n, *a))
    with pytest.raises(MissingExtraError, match=r"lightning_fabric\. Install it with: pip install 'genlora\[train\]'"):
        fit(Toy(), run=tmp_path, steps=1, config={})


@pytest.mark.slow
def test_kill_nine_changes_no_byte_of_the_result(tmp_path):
    assert start(tmp_path / "whole").returncode == 0
    for at in (10, 31):
        assert start(tmp_path / "killed", kill_at=at).returncode == -signal.SIGKILL
    assert start(tmp_path / "killed").returncode == 0
    assert (tmp_path / "whole/weights").read_bytes() == (tmp_path / "killed/weights").read_bytes()
    assert not list((tmp_path / "killed").rglob(".genlora-tmp-*"))


@pytest.mark.slow
def test_two_processes_equal_one_with_both_halves(tmp_path):
    alone, both = start(tmp_path / "one"), start(tmp_path / "two", devices=2)
    assert alone.returncode == 0, alone.stderr
    assert both.returncode == 0, both.stderr
    assert both.stdout.split() == ["done", "0"]  # rank 1 says nothing
    one, two = read_state(tmp_path / "one/weights"), read_state(tmp_path / "two/weights")
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6)


class Rates(Toy):
    """Keeps the learning rate that each step was taken with."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def optimizers(self, steps):
        del steps
        optimizer = torch.optim.SGD(self.parameters(), lr=1e-2)
        optimizer.register_step_pre_hook(lambda o, *_: self.rates.append(o.param_groups[0]["lr"]))
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))


def test_the_rate_falls_to_zero_over_the_last_part_and_a_killed_run_ends_with_the_same_weights(tmp_path):
    whole, parts = Rates(), Rates()
    fit(whole, run=tmp_path / "a", steps=10, config={}, cool_down=0.4, every_checkpoint=3)
    scheduled = [1e-2 / (1 + i) for i in range(10)]
    assert whole.rates == pytest.approx([r * f for r, f in zip(scheduled, [1] * 7 + [0.75, 0.5, 0.25], strict=True)])

    def killed(tick):
        if tick.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(parts, run=tmp_path / "b", steps=10, config={}, cool_down=0.4, every_checkpoint=3, on_tick=killed)
    again = Rates()
    assert fit(again, run=tmp_path / "b", steps=10, config={}, cool_down=0.4).resumed_from == 9
    assert len(again.rates) == 1 and same(weights(again), weights(whole))
    with pytest.raises(ConfigError, match=r"cool_down=0\.4 \(now None\)"):
        fit(Rates(), run=tmp_path / "b", steps=10, config={})


def test_a_run_that_the_clock_cooled_goes_on_from_before(tmp_path, monkeypatch):
    def a_second_a_step():
        seconds = itertools.count(1)
        monkeypatch.setattr(Pace, "spent", lambda pace: next(seconds) / (60 * pace.minutes))

    a_second_a_step()
    first = Rates()
    found = fit(first, run=tmp_path, steps=100, config={}, minutes=0.2, cool_down=0.5, every_checkpoint=4)
    assert (found.steps, found.resumed_from) == (12, 0)
    scheduled = [1e-2 / (1 + i) for i in range(100)]
    factors = [1] * 7 + [5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    assert first.rates == pytest.approx([r * f for r, f in zip(scheduled[:12], factors, strict=True)])
    a_second_a_step()
    second = Rates()
    found = fit(second, run=tmp_path, steps=100, config={}, minutes=0.2, every_checkpoint=4)
    assert (found.resumed_from, found.steps) == (7, 19)
    assert second.rates == pytest.approx(scheduled[7:19])
    assert fit(Rates(), run=tmp_path, steps=100, config={}, minutes=0.01).resumed_from == 19


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"minutes": float("nan")}, {"cool_down": 1.5}, {"cool_down": -0.1}])
def test_a_pace_that_cannot_be_is_told(tmp_path, wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is"):
        fit(Toy(), run=tmp_path, steps=1, config={}, **wrong)
    assert not any(tmp_path.iterdir())
