"""Inputs made up after seeds: shape, parsing, rounds, judges, distance, and the discriminator's file."""

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.base import load_base
from genlora.errors import BaseMismatchError, ManifestError, TaskError, TrainingError
from genlora.train import (
    Discriminator,
    ExpertConfig,
    ExpertTrainer,
    NoJudge,
    SeedJudge,
    bandwidth,
    discriminator_task,
    mmd,
    synthesise_inputs,
    yes_over_no,
)
from genlora.train.synthesis._inputs import InputShape, continuing_prompts, input_in

SEEDS = ["447 dollars", "996 euros", "896.5 dollars", "953 dollars", "711.5 euros"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" 717.5 dollars", "717.5 dollars"),
        (" 43.2 euros\n7. 12 euros", "43.2 euros"),
        (" '12.5 pounds'", "12.5 pounds"),
        ("", None),
        ("\n", None),
        (" 777.77.7000000007 (expected to extract a whole second decimal)", None),
        (" 5", None),
        (" 12\x00 euros", None),
    ],
)
def test_a_line_of_the_seeds_shape_is_an_input(text, found):
    assert input_in(text, InputShape.of(SEEDS)) == found


def test_marks_ends_and_lines_that_all_seeds_have_are_asked_for():
    shape = InputShape.of(["a=1; b=2 | a", "c=3; d=4 | d", "e=5; f=6 | e"])
    assert shape.fits("x=7; y=8 | y") and not shape.fits("x=7, y=8 | y") and not shape.fits("x=7; y=8 . y")
    sentences = InputShape.of(["He met Ann.", "She is in!", "We left Rome."])
    assert sentences.fits("They saw Bob.") and not sentences.fits("They saw Bob")
    two = InputShape.of(["one\ntwo", "three\nfour", "five\nsix"])
    assert input_in(" ten ⏎ eleven\n", two) == "ten\neleven" and input_in(" ten eleven", two) is None


def test_prompts_hold_all_seeds_and_are_the_same_for_the_same_seed():
    prompts = continuing_prompts(SEEDS, first=0, count=16, max_tokens=9, seed=3)
    assert prompts == continuing_prompts(SEEDS, first=0, count=16, max_tokens=9, seed=3)
    assert prompts[8:] == continuing_prompts(SEEDS, first=8, count=8, max_tokens=9, seed=3)
    assert all(p.raw and all(s in p.text for s in SEEDS) and p.text.endswith("\n6.") for p in prompts)
    assert len({p.text for p in prompts}) == 2 and len({p.seed for p in prompts}) == 16


class Lister:
    """Goes on with what it has, and counts how often it is asked."""

    def __init__(self, lines):
        self.lines, self.asked = list(lines), 0

    def __call__(self, prompts):
        for _ in prompts:
            yield self.lines[self.asked % len(self.lines)]
            self.asked += 1


class Even:
    how = "evenness"

    def scores(self, texts):
        return [1.0 if int(t.split()[0]) % 2 == 0 else -1.0 for t in texts]


def written(lines, **options):
    writer = Lister(lines)
    rounds = synthesise_inputs(
        SEEDS, writer, options.pop("judge", Even()), max_tokens=9, round_size=8, **{"count": 6, "most": 64, **options}
    )
    return writer, list(rounds)


def test_every_line_is_counted_once_and_the_seeds_are_there_already():
    lines = [f" {n} euros" for n in range(100, 116)]
    writer, rounds = written([*lines[:4], " 996 EUROS", " 100  euros", "?", *lines[4:]])
    found, _ = rounds[-1]
    c = found.counts
    assert c.asked == writer.asked == c.unreadable + c.duplicate + c.rejected + c.kept
    assert (c.unreadable, c.duplicate) == (1, 2) and c.kept == len(found.kept) >= 6
    assert all(int(t.split()[0]) % 2 == 0 for t in found.kept) and len(found.rejected) == c.rejected
    assert c.acceptance == c.kept / (c.kept + c.rejected)


def test_it_ends_at_the_limit():
    _, rounds = written([" 101 euros"], most=24)
    assert rounds[-1][0].counts.asked == 24 and rounds[-1][0].counts.kept == 0 and len(rounds) == 3


def test_earlier_rounds_are_not_written_again():
    lines = [f" {n} euros" for n in range(100, 400)]
    _, whole = written(lines, count=12)
    writer, again = written(lines[8:], count=12, rounds=[said for _, said in whole[:1]])
    assert again[-1][0].kept == whole[-1][0].kept and writer.asked == whole[-1][0].counts.asked - 8


@pytest.mark.parametrize(("seeds", "says"), [(SEEDS[:2], "2 seeds, expected 3 to 15"), ([*SEEDS, "996  Euros"], "two")])
def test_seeds_that_cannot_be_used_are_refused(seeds, says):
    with pytest.raises(TaskError, match=says):
        next(synthesise_inputs(seeds, Lister(["x"]), NoJudge(), count=1, most=1, max_tokens=5))


def test_mmd_is_that_of_its_definition_and_small_for_equal_sets():
    rng = np.random.default_rng(0)
    x, y, z = (rng.normal(size=(n, 4)).astype(np.float32) for n in (30, 40, 50))
    width = bandwidth(np.concatenate([x, y]))

    def k(a, b):
        return np.exp(-((a - b) ** 2).sum() / (2 * width**2))

    within = [np.mean([k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j]) for s in (x, y + 1)]
    between = np.mean([[k(a, b) for b in y + 1] for a in x])
    assert mmd(x, y + 1, width) == pytest.approx(np.sqrt(sum(within) - 2 * between), rel=1e-4)
    assert mmd(x, z, width) < 0.3 * mmd(x, z + 1, width)
    assert np.isnan(mmd(x[:1], y, width)) and bandwidth(np.ones((3, 2), np.float32)) == 1.0


def test_the_seeds_judge_keeps_what_is_as_near_as_they_are_to_each_other():
    at = {"a": (1, 0, 0), "b": (0.9, 0.4359, 0), "c": (0.8, 0.6, 0), "near": (0.95, 0.3122, 0), "far": (0, 0, 1)}
    judge = SeedJudge(["a", "b", "c"], lambda texts: np.array([at[t] for t in texts], np.float32))
    near, far, itself = judge.scores(["near", "far", "a"])
    assert near > 0 > far and itself == pytest.approx(1 - judge.least) and "cosine" in judge.how


@pytest.fixture(scope="module")
def base(tiny_base):
    found = load_base(str(tiny_base("llama")), attn_implementation="eager")
    found.model.requires_grad_(False)
    return found


def test_a_discriminator_learns_to_tell_and_survives_its_file(base, tmp_path):
    real, fake = [f"the {n} sun" for n in range(80)], [f"in {n} ????" for n in range(90)]
    task = discriminator_task("toy", "name it", real, fake)
    assert len(task.examples) == 160 and {e.output for e in task.examples} == {"yes", "no"}
    config = ExpertConfig(rank=4, lr=0.05, max_rows=600, patience=99, targets=("q_proj", "v_proj"))
    (trained,) = ExpertTrainer(base, [task], config, tmp_path / "run").run()
    held = task.split("test")
    scores = yes_over_no(base, trained.state, held)
    right = np.mean([(s >= 0) == (e.output == "yes") for s, e in zip(scores, held, strict=True)])
    assert right >= 0.9
    layout = base.layout
    made = Discriminator("toy", "name it", layout.fingerprint, layout.name, trained.state, float(right), 80)
    made.write(tmp_path / "toy.safetensors")
    judge = Discriminator.read(tmp_path / "toy.safetensors").on(base, where="toy")
    texts = [e.input.rsplit("\n", 1)[1] for e in held]
    np.testing.assert_allclose(judge.scores(texts), scores, atol=1e-3)
    np.testing.assert_allclose(judge.scores(texts[1:2]), scores[1:2], atol=1e-3)
    assert "discriminator" in judge.how


def test_a_discriminator_of_another_base_or_no_discriminator_is_refused(base, tiny_base, tmp_path):
    pair = {"model.layers.0.self_attn.q_proj": LoraPair(torch.zeros(2, 64), torch.zeros(64, 2))}
    made = Discriminator("toy", "d", base.layout.fingerprint, "tiny", AdapterState(pair), 0.9, 40)
    with pytest.raises(BaseMismatchError, match=r"toy.safetensors: the discriminator is of base"):
        made.on(load_base(str(tiny_base("llama", seed=7))), where="toy.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ManifestError, match=r"x.safetensors"):
        Discriminator.read(tmp_path / "x.safetensors")
    with pytest.raises(TrainingError, match="3 real and 90 synthesised"):
        discriminator_task("toy", "d", ["a", "b", "c"], ["x"] * 90)
