"""The two-phase recipe: the second phase is the first one's bits, going on is exact, and the scorers count right."""

import json

import pytest
import torch

from genlora.adapter import LoraPair
from genlora.base import backend_named, load_base, load_quantized_base
from genlora.errors import ConfigError, MissingExtraError, TaskError, TrainingError
from genlora.train import StepsConfig, look, rows_of, train_steps
from genlora.train.recipes import (
    TwoPhaseConfig,
    advising_task,
    domain_accuracy,
    is_markdown,
    markdown_rate,
    tracker_named,
    two_phase,
)
from genlora.train.recipes._two_phase import read_phase, write_phase

SMALL = {"rank": 4, "targets": ("q_proj", "v_proj", "up_proj"), "max_tokens": 600, "pack_tokens": 900, "pack_rows": 2}
CONFIG = TwoPhaseConfig(
    first=StepsConfig(steps=5, lr=0.02, **SMALL),
    second=StepsConfig(steps=3, lr=0.01, accumulate=2, seed=1, **SMALL),
    every=2,
)


@pytest.fixture(scope="module")
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


@pytest.fixture(scope="module")
def rows():
    task = advising_task(40)
    return task.split("train")[:12], task.split("test")[:4]


class Seen:
    def __init__(self):
        self.figures, self.closed = [], False

    def log(self, figures, step):
        self.figures.append((step, dict(figures)))

    def close(self):
        self.closed = True


def same(one, two):
    return all(torch.equal(p.a, two[k].a) and torch.equal(p.b, two[k].b) for k, p in one.items())


def test_the_second_phase_begins_with_the_firsts_bits_and_its_loss(base, rows, tmp_path):
    seen = Seen()
    made = two_phase(base, *rows, CONFIG, tmp_path / "run", tracker=seen)
    loss = made.report["held_out"]["loss"]
    assert loss["phase_2_begins"] == pytest.approx(loss["phase_1"], abs=1e-6)
    assert same(made.first, read_phase(tmp_path / "run" / "phase-1.safetensors"))
    # What train_steps really starts from: a step of no rate leaves exactly what the file holds.
    encoded = rows_of(base, rows[0], CONFIG.first)
    assert same(train_steps(base, encoded, StepsConfig(steps=1, lr=1e-30, **SMALL), start=made.first).state, made.first)
    assert loss["phase_2"] < loss["phase_1"] < loss["base"]
    assert look(base, rows_of(base, rows[1], CONFIG.second), made.state, CONFIG.second).loss == pytest.approx(
        loss["phase_2"]
    )
    assert [s for s, f in seen.figures if "lr" in f] == list(range(1, 9)) and "held_out" in seen.figures[-1][1]
    assert [f["phase"] for _, f in seen.figures[:-1]] == [1] * 5 + [2] * 3


@pytest.mark.parametrize("scale", [2.0, 1.5, 0.7])
def test_the_hand_over_is_exact_for_any_scale(base, rows, tmp_path, scale):
    config = StepsConfig(steps=2, lr=0.01, scale=scale, **SMALL)
    encoded = rows_of(base, rows[0], config)
    first = train_steps(base, encoded, config).state
    write_phase(tmp_path / "p", first)
    again = train_steps(
        base, encoded, StepsConfig(steps=1, lr=1e-30, scale=scale, **SMALL), start=read_phase(tmp_path / "p")
    )
    assert same(again.state, first)


@pytest.mark.parametrize("stop", [(1, 4), (2, 2)])
def test_a_killed_recipe_goes_on_in_either_phase_and_ends_the_same(base, rows, tmp_path, stop):
    whole = two_phase(base, *rows, CONFIG, tmp_path / "whole")

    def dies(phase, step, steps, loss):
        if (phase, step) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        two_phase(base, *rows, CONFIG, tmp_path / "run", on_step=dies)
    again = two_phase(base, *rows, CONFIG, tmp_path / "run")
    assert same(again.state, whole.state) and again.report == whole.report
    with pytest.raises(ConfigError, match="begun with other settings"):
        two_phase(base, *rows, TwoPhaseConfig(first=CONFIG.second, second=CONFIG.first), tmp_path / "run")
    path = tmp_path / "run" / "phase-1.safetensors"
    odd = {k: LoraPair(p.a, p.b + 1, p.scale) for k, p in again.first.items()}
    write_phase(path, odd)
    with pytest.raises(TrainingError, match="not what the first phase ended with"):
        two_phase(base, *rows, CONFIG, tmp_path / "run")
    path.write_bytes(b"x")
    with pytest.raises(TrainingError, match="not a phase's adapter"):
        two_phase(base, *rows, CONFIG, tmp_path / "run")


def test_a_base_in_four_bits_trains_and_its_gradients_are_those_of_its_weights(tiny_base, rows, tmp_path):
    pytest.importorskip("bitsandbytes")
    base = load_quantized_base(str(tiny_base("llama")), backend_named("nf4"))
    base.model.requires_grad_(False)
    made = two_phase(base, *rows, CONFIG, tmp_path / "run")
    loss = made.report["held_out"]["loss"]
    assert loss["phase_2"] < 0.9 * loss["base"]
    assert loss["phase_2_begins"] == pytest.approx(loss["phase_1"], abs=1e-4)


def test_the_advising_rows_are_the_same_for_a_seed_say_they_are_synthetic_and_are_in_markdown():
    task, again, other = advising_task(50), advising_task(50), advising_task(50, seed=1)
    assert task == again and task.examples != other.examples
    assert len(advising_task(10_000).examples) == 432 == len({e.input for e in advising_task(10_000).examples})
    assert "synthetic" in task.source and task.name == "advising-synthetic" and task.licence == "CC0-1.0"
    outputs = [e.output for e in task.examples]
    assert markdown_rate(outputs) == 1.0 and domain_accuracy(outputs, outputs) == 1.0


def test_markdown_rate_is_right_on_ten_strings_made_by_hand():
    yes = ["# Title", "- one\n- two", "1. a\n2. b", "so **bold** it is", "```\ncode\n```", "see [this](http://x.y)"]
    no = ["plain", "2 * 3 * 4 = 24", "a - b", "#hashtag"]
    assert [is_markdown(t) for t in (*yes, *no)] == [True] * 6 + [False] * 4
    assert markdown_rate([*yes, *no]) == 0.6
    assert is_markdown("| a | b |\n|---|---|\n| 1 | 2 |") and not is_markdown("- a single dash")
    with pytest.raises(TaskError):
        markdown_rate([])


def test_domain_accuracy_is_the_share_of_bold_facts_that_are_named():
    reference = "Bring the **degree  transcript** and the **TOEFL** result."
    assert domain_accuracy(["your Degree\ntranscript"], [reference]) == 0.5
    assert domain_accuracy(["**toefl** and degree transcript", "nothing"], [reference, reference]) == 0.5
    assert domain_accuracy(["x", "TOEFL"], ["no facts here", "**TOEFL**"]) == 1.0
    with pytest.raises(TaskError, match="no reference sets a fact"):
        domain_accuracy(["x"], ["plain"])
    with pytest.raises(TaskError, match="1 answers for 2"):
        domain_accuracy(["x"], ["**a**", "**b**"])


def test_trackers_write_where_they_should_and_say_what_they_lack(tmp_path):
    for name in ("none", "csv", "tensorboard"):
        tracker = tracker_named(name, tmp_path / name, {})
        tracker.log({"loss": 1.5}, 1)
        tracker.close()
    assert "1.5" in next((tmp_path / "csv").glob("logs/attempt-0/metrics.csv")).read_text()
    assert list((tmp_path / "tensorboard").glob("logs/attempt-0/events.*")) and not (tmp_path / "none").exists()
    tracker_named("csv", tmp_path / "csv", {}).log({"loss": 1.0}, 1)
    assert (tmp_path / "csv" / "logs" / "attempt-1").exists()
    with pytest.raises(ConfigError, match="no tracker 'clearml'; choose from none, csv, tensorboard, wandb"):
        tracker_named("clearml", tmp_path, {})
    try:
        import wandb  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"pip install 'genlora\[wandb\]'"):
            tracker_named("wandb", tmp_path, {})


def test_the_configs_record_is_json():
    assert json.loads(json.dumps(CONFIG.to_json()))["first"]["steps"] == 5
    plain = TwoPhaseConfig()
    assert (plain.first.rank, plain.first.scale, plain.first.lr, plain.second.lr) == (16, 2.0, 2e-4, 1e-4)
