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
    read_vectors,
    retrieved,
    shuffled,
    spread,
)
from genlora.evaluate.pictures._baselines import nearest_loras, own_loras
from genlora.evaluate.pictures._bench import Bench, first_of
from genlora.evaluate.pictures._run import GRID
from genlora.generators import SubjectGenerator
from genlora.images import TOKEN_WIDTH, ReferenceConfig, ReferenceReader
from genlora.images.mini import Oracle, Picture, Renderer, draw_scenes, draw_subjects
from genlora.train.pictures import Album, fit_oracle

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
    assert retrieved(base, gallery.vectors).all()
    assert retrieved(base[:2], gallery.vectors).tolist() == [[True], [True]], "few are looked for among all"
    assert not retrieved(base[[1, 2, 3, 4, 0]], gallery.vectors).any()
    assert anchors.normalised(gallery.own(base)).mean() > 0.9
    assert torch.allclose(gallery.own(base[:2]), gallery.own(base)[:2])


def test_the_judge_tells_apart_what_the_encoder_cannot():
    """Two subjects that differ in one value are two to the judge, however alike their pictures are."""
    subjects = torch.zeros(2, 5, dtype=torch.long)
    subjects[1, 2] = 1
    read = read_vectors(Sighted(8), coded(subjects, torch.zeros(2, 4, dtype=torch.long)))
    assert read.shape == (2, 46) and torch.allclose(read.norm(dim=1), torch.ones(2))
    assert retrieved(read[:, None], read[:, None]).all() and 0.5 < float(read[0] @ read[1]) < 0.95


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


def test_a_small_evaluation_from_end_to_end(image_folder, models, tmp_path):
    oracle = fit_oracle(Renderer(32), steps=2, batch=4)
    generator = SubjectGenerator.load(image_folder / "subject.safetensors")
    torch.manual_seed(0)
    sizes = ReferenceConfig(token_width=TOKEN_WIDTH, tokens_per_picture=16, width=16, outputs=2, layers=1)
    reader = ReferenceReader(sizes, models["mini"].targets())
    options = PictureOptions(
        **{"subjects": 3, "seeds": 2, "own": 2, "own_steps": (2,), "refine": 2, "long_own": 1, "long_steps": 3},
        **{"nearest": 4, "references": 2, "steps": 1, "grid_subjects": 2, "strangers": 3},
    )
    heard = []
    found = evaluate_pictures(
        models["mini"], generator, oracle, options, reader=reader, kept=tmp_path, heard=heard.append
    )
    everyone = {"base", "hypernetwork", "hypernetwork, another subject", "cross-attention tokens", "own LoRA, 2 steps"}
    methods = {*everyone, "the render, through the autoencoder", "one LoRA for all", "hypernetwork, refined by 2 steps"}
    methods |= {"nearest training subject's LoRA"}
    assert {level: set(found.figures[level]) for level in found.figures} == {
        "combination": methods | {"own LoRA, 3 steps"},
        "value": methods,
        "class": everyone,
    }
    assert "subject" not in found.figures["class"]["base"] and found.class_sheet.shape[:2] == (3, 6)
    assert "retrieval" not in found.figures["class"]["base"] and "by encoder" in found.figures["class"]["base"]
    assert found.figures["value"]["base"] == found.figures["value"]["cross-attention tokens"], "untrained, it is silent"
    assert {name: len(curve) for name, curve in found.curves.items()} == {
        "hypernetwork": len(GRID),
        "own LoRA, 2 steps": len(GRID),
    }
    assert found.sheet.shape[:2] == (2, len(found.columns)) == (2, 7)
    assert found.columns[2:] == (
        *("base", "cross-attention tokens", "nearest training subject's LoRA", "own LoRA, 2 steps", "hypernetwork"),
    )
    assert any("2 LoRAs of 2 steps" in what for what in heard)
    files = pictures_report(found, {"model": "tiny"})
    assert set(files) == {"report.md", "report.json", "pictures.png", "class.png"}
    body = json.loads(files["report.json"])
    assert [point["against"] for point in body["at_equal_subject"]["hypernetwork"]] == [
        f"cfg {text:g}" for name, text, _ in GRID if name == "cfg"
    ]
    assert body["figures"]["value"]["base"]["leak"].keys() == {"mean", "low", "high"}
    assert (
        b"| hypernetwork |" in files["report.md"] and b"from left: a reference, asked for, base" in files["report.md"]
    )
    timed = {"hypernetwork", "hypernetwork, refined by 2 steps", "own LoRA, 2 steps", "own LoRA, 3 steps"}
    assert found.seconds.keys() == timed
    shown = Picture(torch.zeros(1, 5, dtype=torch.long), torch.zeros(1, 4, dtype=torch.long))
    assert Renderer(32).draw(shown).shape[-1] == models["mini"].side


def test_loras_of_single_subjects_are_trained_once(image_folder, models, album, tmp_path):
    generator = SubjectGenerator.load(image_folder / "subject.safetensors")
    bench = Bench(models["mini"], generator, Oracle(8), Renderer(32), PictureOptions(), print, kept=tmp_path / "own")
    few = first_of(album, 2, 3)
    rows, seconds = own_loras(bench, few, 2)
    assert len(list((tmp_path / "own").iterdir())) == 1
    again, kept = own_loras(bench, few, 2)
    assert kept == seconds and all(
        torch.equal(rows[p].b, again[p].b) and torch.equal(rows[p].a, again[p].a) for p in rows
    )
    own_loras(bench, first_of(album, 2, 2), 2)
    own_loras(bench, few, 1)
    assert len(list((tmp_path / "own").iterdir())) == 3, "other pictures or steps are other LoRAs"


def test_the_nearest_in_training_is_found_by_its_looks(image_folder, models, album):
    generator = SubjectGenerator.load(image_folder / "subject.safetensors")
    bench = Bench(models["mini"], generator, Oracle(8), Renderer(32), PictureOptions(), print)
    order = torch.tensor([2, 0, 2])
    shown = Album(*(tensor[order, :3] if tensor.dim() > 2 else tensor[order] for tensor in vars(album).values()))
    rows = nearest_loras(bench, shown, album, 2)
    own, _ = own_loras(bench, Album(*(tensor[[0, 2]] for tensor in vars(album).values())), 2)
    path = next(iter(rows))
    assert torch.equal(rows[path].b, own[path].b[[1, 0, 1]])
