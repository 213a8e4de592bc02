"""What ships: within its size, whole, and for the shipped bank's base and embedder."""

from pathlib import Path

import pytest
import torch

from genlora import GenLora
from genlora.bank import Bank
from genlora.generators import Request, load_artefact
from genlora.tasks import catalogue

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
GENERATORS = CHECKPOINTS / "generators"
MIB = 1 << 20
TRAINED = sorted(p.name for p in GENERATORS.iterdir())


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_what_ships_keeps_its_size():
    assert size(CHECKPOINTS / "bank") <= 24 * MIB
    assert size(GENERATORS) <= 24 * MIB
    assert max(p.stat().st_size for p in CHECKPOINTS.rglob("*") if p.is_file()) <= 24 * MIB


@pytest.mark.parametrize("kind", TRAINED)
def test_a_shipped_generator_is_whole_and_trained_on_training_tasks_alone(kind):
    artefact = load_artefact(GENERATORS / kind, kind)
    with Bank.open(CHECKPOINTS / "bank", readonly=True) as bank:
        assert artefact.layout.fingerprint == bank.layout.fingerprint
        embedder = bank.metadata("embedder")
        assert embedder is not None and artefact.embedder == embedder["id"]
    known = catalogue()
    assert all(known[name].role == "bank" for name in artefact.record.get("tasks", ()))


@pytest.mark.parametrize("kind", sorted({*TRAINED, "auto", "aggregate"} - {"abmll"}))
def test_a_shipped_generator_makes_a_finite_adapter_without_the_base(kind):
    with GenLora() as lora:
        vector = lora.bank.get("r-plural").embeddings[0]
        made = lora.engine(kind).generate(Request(description="write the plural of a noun"), vector)
        assert len(made.adapter) == len(lora.bank.layout.of(lora.bank.targets))
        assert all(bool(torch.isfinite(p.a).all() and torch.isfinite(p.b).all()) for _, p in made.adapter.items())


def test_two_tasks_get_different_adapters_from_the_shipped_hypernetwork():
    with GenLora() as lora:
        engine = lora.engine("hypernet")
        one, two = (
            engine.generate(Request(description=n), lora.bank.get(n).embeddings[0]).adapter
            for n in ("r-plural", "bb-add-two-digit")
        )
        path = next(iter(one))
        gap = (one[path].delta() - two[path].delta()).norm() / one[path].delta().norm()
        assert gap > 0.1
