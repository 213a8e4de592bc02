"""Measures on pictures whose truth is known, and one small evaluation from end to end."""

import json

import pytest
import torch

from genlora.errors import ConfigError
from genlora.evaluate.pictures import (
    Gallery,
    PictureOptions,
    at_equal_subject,
    evaluate_pictures,
    judged,
    over_subjects,
    pictures_report,
    shuffled,
    spread,
)
from genlora.generators import SubjectGenerator
from genlora.images.mini import Oracle, Picture, Renderer, draw_scenes, draw_subjects
from genlora.train.pictures import fit_oracle

from ...image_world import needs_images

pytestmark = needs_images


class Sighted(Oracle):
    """Reads the truth off two hidden points: a judge that is always right, for pictures that carry their numbers."""

    def forward(self, pictures):
        from genlora.images.mini import ATTRIBUTES

        codes = (pictures[:, 0, 0, : len(ATTRIBUTES)] * 100).round().long()
        return {
            name: torch.nn.functional.one_hot(codes[:, i], count).float()
            for i, (name, count) in enumerate(ATTRIBUTES.items())
        }


def coded(subjects, scenes):
    pictures = torch.zeros(len(subjects), 3, 16, 16)
    pictures[:, 0, 0, :9] = torch.cat([subjects, scenes], 1) / 100
    return pictures


def test_attributes_and_leaks_are_counted_as_they_are():
    rng = torch.Generator().manual_seed(0)
    subjects, scenes = draw_subjects(4, rng), draw_scenes(4, rng)
    scenes[:, 0] = torch.tensor([0, 1, 2, 3])
    shown, seen = scenes.clone(), subjects.clone()
    shown[1, 0] = 5  # another background: the reference's
    shown[2, 0] = 6  # another background, which is not the reference's
    seen[3, 0] = (seen[3, 0] + 1) % 8
    found = judged(Sighted(8), coded(seen, shown)[:, None], subjects, scenes[:, None], torch.tensor([5, 5, 5, 3]))
    assert found["leak"][:, 0].tolist() == [0, 1, 0, 0]
    assert found["subject"][:, 0].tolist() == pytest.approx([1, 1, 1, 0.8])
    assert found["prompt"][:, 0].tolist() == pytest.approx([1, 0.75, 0.75, 1])


def test_intervals_are_over_subjects():
    values = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]] * 20)
    found = over_subjects(values)
    assert found.mean == pytest.approx(0.5) and 0.3 < found.low < 0.5 < found.high < 0.7
    sure = over_subjects(torch.ones(10, 3))
    assert (sure.mean, sure.low, sure.high) == (1, 1, 1)


def test_a_gallery_finds_its_own():
    vectors = torch.nn.functional.normalize(torch.randn(5, 4, 64, generator=torch.Generator().manual_seed(0)), dim=2)
    base = torch.nn.functional.normalize(torch.randn(5, 1, 64, generator=torch.Generator().manual_seed(1)), dim=2)
    gallery = Gallery(torch.nn.functional.normalize(base + 0.3 * vectors, dim=2))
    anchors = gallery.anchors()
    assert anchors.same > 0.8 > 0.4 > anchors.other
    assert gallery.retrieved(base).all()
    assert not gallery.retrieved(base[[1, 2, 3, 4, 0]]).any()
    assert anchors.normalised(gallery.own(base)).mean() > 0.9


def test_nobody_keeps_their_place_and_copies_have_no_spread():
    for n in (2, 3, 40):
        order = shuffled(n, torch.Generator().manual_seed(n))
        assert sorted(order.tolist()) == list(range(n)) and not (order == torch.arange(n)).any()
    one = torch.rand(2, 1, 3, 8, 8)
    assert spread(one.expand(-1, 3, -1, -1, -1)).max() == 0
    assert spread(torch.rand(2, 3, 3, 8, 8)).min() > 0.1
    with pytest.raises(ConfigError, match="subjects must be at least 2"):
        PictureOptions(subjects=1)


def test_guidances_are_compared_where_the_subject_is_drawn_as_well():
    def point(name, text, weight, subject, prompt, leak):
        figures = {k: {"mean": v} for k, v in (("subject", subject), ("prompt", prompt), ("leak", leak))}
        return {"guidance": name, "text": text, "subject_weight": weight, **figures}

    curve = [
        point("cfg", 3.0, None, 0.8, 0.9, 0.1),
        point("cfg", 5.0, None, 0.95, 0.7, 0.2),
        point("hybrid", 4.0, 2.0, 0.6, 1.0, 0.0),
        point("hybrid", 4.0, 4.0, 0.8, 0.95, 0.05),
        point("hybrid", 4.0, 6.0, 0.9, 0.92, 0.07),
    ]
    first, second = at_equal_subject(curve)
    assert first["found"] == "hybrid 4, 4" and first["prompt"] == pytest.approx(0.05) and first["leak"] == [0.05, 0.1]
    assert second["against"] == "cfg 5" and second["found"] is None and second["prompt"] is None


def test_a_small_evaluation_from_end_to_end(image_folder, models):
    oracle = fit_oracle(Renderer(32), steps=2, batch=4)
    generator = SubjectGenerator.load(image_folder / "subject.safetensors")
    options = PictureOptions(
        subjects=3, seeds=2, own=2, own_steps=(2,), refine=2, references=2, steps=1, grid_subjects=2, strangers=3
    )
    heard = []
    found = evaluate_pictures(models["mini"], generator, oracle, options, heard=heard.append)
    methods = {"base", "one LoRA for all", "hypernetwork", "hypernetwork, another subject", "own LoRA, 2 steps"}
    methods |= {"hypernetwork, refined by 2 steps"}
    assert set(found.figures) == {"combination", "value", "class"}
    assert all(set(found.figures[level]) == methods for level in ("combination", "value"))
    assert set(found.figures["class"]) == methods - {"one LoRA for all", "hypernetwork, refined by 2 steps"}
    assert "subject" not in found.figures["class"]["base"] and found.class_sheet.shape[:2] == (3, 5)
    assert len(found.curve) == 14 and found.sheet.shape[:2] == (2, 5)
    assert any("2 LoRAs of 2 steps" in what for what in heard)
    files = pictures_report(found, {"model": "tiny"})
    assert set(files) == {"report.md", "report.json", "pictures.png", "class.png"}
    body = json.loads(files["report.json"])
    assert [point["against"] for point in body["at_equal_subject"]] == ["cfg 1.5", "cfg 3", "cfg 5"]
    assert body["figures"]["value"]["base"]["leak"].keys() == {"mean", "low", "high"}
    assert b"| hypernetwork |" in files["report.md"]
    assert found.seconds.keys() == methods - {"base", "one LoRA for all", "hypernetwork, another subject"}
    shown = Picture(torch.zeros(1, 5, dtype=torch.long), torch.zeros(1, 4, dtype=torch.long))
    assert Renderer(32).draw(shown).shape[-1] == models["mini"].side
