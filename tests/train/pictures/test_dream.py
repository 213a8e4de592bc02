"""Pictures of classes from a generator that saw a few real ones: asked for, judged, kept, and refused with a reason."""

import pytest
import torch

from genlora.errors import ConfigError, TrainingError
from genlora.train import synthesis_rounds
from genlora.train.pictures import dream, fit_shots

SAID = [["a photo of a big happy critter on the left , on a blue background"], ["a photo of a small sad critter"]]


@pytest.fixture
def model(models):
    return models["mini"]


@pytest.fixture
def quick(model):
    return {"model": model, "captions": SAID, "steps": 2}


def test_a_lora_of_all_shots_is_one_row_that_changes_the_pictures(model):
    shots = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    said = [SAID[i % 2][0] for i in range(4)]
    rows = fit_shots(model, shots, said, rank=2, steps=2, batch=2)
    assert all(len(f.a) == len(f.b) == 1 and f.a.shape[1] == 2 for f in rows.values())
    again = fit_shots(model, shots, said, rank=2, steps=2, batch=2)
    assert all(torch.equal(f.b, again[path].b) and f.b.any() for path, f in rows.items())
    plain, with_it = (dream(model, SAID, 2, r, steps=2).pictures for r in (None, rows))
    assert not torch.equal(plain, with_it)
    with pytest.raises(ConfigError, match="captions for 4 pictures"):
        fit_shots(model, shots, said[:3])


def test_every_class_gets_what_was_wanted_the_same_again(quick):
    found = dream(each=3, **quick)
    assert found.pictures.shape == (6, 3, 32, 32) and found.classes == (0, 0, 0, 1, 1, 1)
    counts = {"asked": 6, "unreadable": 0, "duplicate": 0, "rejected": 0, "kept": 6, "acceptance": 1.0}
    assert found.counts.to_json() == counts
    assert torch.equal(found.pictures, dream(each=3, **quick).pictures)
    assert len({p.numpy().tobytes() for p in found.pictures}) == 6


def test_a_judge_is_asked_for_the_class_and_more_is_drawn_for_what_it_rejects(quick):
    asked = []

    def scores(pictures, classes):
        asked.append(classes)
        return [1.0 if i % 2 else -1.0 for i in range(len(pictures))]

    found = dream(each=4, scores=scores, **quick)
    assert asked == [[0] * 4] * 2 + [[1] * 4] * 2
    assert found.classes == (0,) * 4 + (1,) * 4 and found.counts.rejected == 8 and found.counts.kept == 8


def test_what_cannot_be_drawn_is_said(quick, monkeypatch):
    with pytest.raises(TrainingError, match="none of 8 pictures was kept"):
        dream(each=2, scores=lambda pictures, classes: [-1.0] * len(classes), **quick)
    for captions, each in (([], 1), ([[]], 1), (SAID, 0)):
        with pytest.raises(ConfigError, match="expected one of each"):
            dream(quick["model"], captions, each)
    monkeypatch.setattr(
        "genlora.train.pictures._dream.sample",
        lambda model, prompts, *_, **__: torch.full((len(prompts), 3, 4, 4), 0.5),
    )
    with pytest.raises(TrainingError, match="none of"):  # pictures without anything in them
        dream(each=2, **quick)


def test_rounds_drop_what_is_no_use_or_there_already():
    made = [["a", None, "b", "A", "seed"], ["c", "d", "e"]]
    *_, found = synthesis_rounds(
        lambda n: made[n],
        lambda items: [-1.0 if i == "b" else 0.0 for i in items],
        str.lower,
        count=3,
        most=99,
        seeds=["SEED"],
    )
    assert found.kept == ["a", "c", "d", "e"] and found.rejected == ["b"]
    assert found.counts.told() == "8 made, 1 not of the seeds' shape, 2 there already, 1 rejected, 4 kept"
