"""What ships: within its size, whole, and for the shipped bank's base and embedder."""

import json
from pathlib import Path

import pytest
import torch

from genlora import GenLora
from genlora.bank import Bank
from genlora.files import sha256_file
from genlora.generators import Request, load_artefact
from genlora.tasks import catalogue

from .image_world import needs_images

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
GENERATORS = CHECKPOINTS / "generators"
MIB = 1 << 20
READS_NO_VECTORS = ("abmll", "fewshot")
TRAINED = sorted(p.name for p in GENERATORS.iterdir())


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_what_ships_keeps_its_size():
    assert size(CHECKPOINTS / "bank") <= 24 * MIB
    assert size(GENERATORS) <= 40 * MIB
    assert size(CHECKPOINTS / "embedder") <= 3 * MIB
    assert size(CHECKPOINTS / "images") <= 28 * MIB
    assert max(p.stat().st_size for p in CHECKPOINTS.rglob("*") if p.is_file()) <= 24 * MIB


@pytest.mark.parametrize("kind", TRAINED)
def test_a_shipped_generator_is_whole_and_trained_on_training_tasks_alone(kind):
    artefact = load_artefact(GENERATORS / kind, kind)
    with Bank.open(CHECKPOINTS / "bank", readonly=True) as bank:
        assert artefact.layout.fingerprint == bank.layout.fingerprint
        embedder = bank.metadata("embedder")
        if kind not in READS_NO_VECTORS:
            assert embedder is not None and artefact.embedder == embedder["id"]
    known = catalogue()
    assert all(known[name].role == "bank" for name in artefact.record.get("tasks", ()))


@pytest.mark.parametrize("kind", sorted({*TRAINED, "auto", "aggregate"} - {"abmll"}))
def test_a_shipped_generator_makes_a_finite_adapter_without_the_base(kind):
    with GenLora() as lora:
        record = lora.bank.get("r-plural")
        request = Request(description=record.descriptions[0], quick=True)
        made = lora.engine(kind).generate(request, record.embeddings[0])
        targets = load_artefact(GENERATORS / kind).config["targets"] if kind == "fewshot" else lora.bank.targets
        assert len(made.adapter) == len(lora.bank.layout.of(targets))
        assert all(bool(torch.isfinite(p.a).all() and torch.isfinite(p.b).all()) for _, p in made.adapter.items())


def test_the_embedders_factors_are_of_the_pinned_embedder():
    record = json.loads((CHECKPOINTS / "embedder" / "embedder.json").read_text())
    assert record["base"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert record["weights"]["sha256"] == sha256_file(CHECKPOINTS / "embedder" / "embedder.safetensors")
    assert record["record"]["start"] and record["record"]["history"][-1]["nearer"] >= 0.95  # 0.69 without any factors


@needs_images
def test_the_shipped_miniature_draws_characters_that_no_training_has_seen():
    from genlora.api.pictures import ImageStudio
    from genlora.images import Guidance, RowFactors, Sampling, rows_of, sample, to_image
    from genlora.images.mini import SUBJECT, Oracle, Picture, Renderer, caption, draw_scenes, draw_subjects

    studio = ImageStudio.open(CHECKPOINTS / "images")
    rng = torch.Generator().manual_seed(21)
    subjects = draw_subjects(8, rng, level="combination")
    seen, asked = draw_scenes(24, rng), draw_scenes(8, rng)
    shown = Renderer(32).draw(Picture(subjects.repeat_interleave(3, 0), seen)).unflatten(0, (8, 3))
    each = [rows_of(studio.personalize([to_image(picture) for picture in three]).state) for three in shown]
    rows = {
        path: RowFactors(torch.cat([rows[path].a for rows in each]), torch.cat([rows[path].b for rows in each]))
        for path in each[0]
    }
    sampling = Sampling(guidance=Guidance.hybrid(3.0, 3.0), steps=10)
    prompts = [caption(scene) for scene in asked.tolist()]
    judge = Oracle.load(CHECKPOINTS / "images" / "oracle")
    read = [judge.right(sample(studio.model, prompts, sampling, r), Picture(subjects, asked)) for r in (None, rows)]
    base, personal = (torch.stack([found[name].float() for name in SUBJECT]).mean().item() for found in read)
    assert base < 0.35 and personal > 0.45 and personal > base + 0.2
    assert read[1]["background"].float().mean() >= 0.75
    assert read[1]["body_colour"].float().mean() >= 0.75
