import json

import pytest
import torch

from genlora.bank import TaskEmbedder
from genlora.errors import BaseError, StorageError
from genlora.tasks import Draw, Example, Task
from genlora.train import EmbedderConfig, fit_embedder
from genlora.train._embedder import DescriptionPairs, held_triples, opposite

from ..small_world import embedder_path as embedder_path

SMALL = EmbedderConfig(rank=2, steps=3, clusters=2, catalogue=0.5, lr=5e-3)


def task(name, told):
    return Task(name, told, tuple(Example(f"in {i}", "out") for i in range(9)), "places", name, licence="mit")


TASKS = [
    task("first", tuple(f"give the first word, wording {i}" for i in range(8))),
    task("capital", tuple(f"name the capital of it, wording {i}" for i in range(8))),
]


def test_an_opposite_changes_one_slot():
    assert opposite("Give the first word.", Draw("a")) in ("Give the last word.", "Give the second word.")
    assert opposite("Say nothing of it.", Draw("a")) is None


def test_pairs_are_wordings_of_one_task_and_minimal_pairs_stand_beside_them():
    pairs = DescriptionPairs(TASKS, EmbedderConfig(clusters=6, catalogue=1.0)).step(0)
    assert DescriptionPairs(TASKS, EmbedderConfig(clusters=6, catalogue=1.0)).step(0) == pairs
    same = [p for p in pairs if p[0] != p[1]]
    turned = [p for p in pairs if p[0] == p[1]]
    assert {p[0].split(" ")[2] for p in same} <= {"first", "capital"} and turned
    assert all("wording 7" not in t and "wording 6" not in t for p in pairs for t in p)  # those are never trained on
    stream = DescriptionPairs([], EmbedderConfig(clusters=6)).step(1)
    assert len(stream) >= 12 and len({a for a, _ in stream}) == len(stream)


def test_held_triples_differ_in_one_slot():
    found = held_triples(5)
    assert len(found) == 5 and all(len({*t}) == 3 for t in found)


def test_factors_are_trained_saved_and_added_to_the_weights(embedder_path, tmp_path):
    record = fit_embedder(embedder_path, TASKS, SMALL, tmp_path / "run", tmp_path / "out", held=4)
    assert json.loads((tmp_path / "out" / "embedder.json").read_text()) == record
    plain = TaskEmbedder(embedder_path)
    read = TaskEmbedder(embedder_path, tmp_path / "out" / "embedder.safetensors")
    assert plain.id != read.id == TaskEmbedder(embedder_path, tmp_path / "out" / "embedder.safetensors").id
    text = ["give the first word"]
    assert abs(plain.embed(text) - read.embed(text)).max() > 1e-4
    again = fit_embedder(
        embedder_path, TASKS, SMALL, tmp_path / "run2", tmp_path / "out2", start=tmp_path / "out", held=4
    )
    assert again["record"]["start"] == record["weights"]["sha256"]
    fit_embedder(embedder_path, TASKS, SMALL, tmp_path / "run3", tmp_path / "out2", held=4)
    assert json.loads((tmp_path / "out2" / "embedder.json").read_text())["record"]["start"] is None
    (tmp_path / "out2" / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"thesis\.txt"):
        fit_embedder(embedder_path, TASKS, SMALL, tmp_path / "run4", tmp_path / "out2", held=4)


@pytest.mark.parametrize("damage", ["shape", "missing", "bytes", "infinite"])
def test_factors_that_do_not_fit_are_refused(embedder_path, tmp_path, damage):
    from safetensors.torch import load_file, save_file

    fit_embedder(embedder_path, TASKS, SMALL, tmp_path / "run", tmp_path / "out", held=2)
    path = tmp_path / "out" / "embedder.safetensors"
    factors = load_file(path)
    name = sorted(factors)[0]
    if damage == "shape":
        factors[name] = torch.ones(2, 3)
    elif damage == "missing":
        del factors[name]
    elif damage == "infinite":
        factors[name] = torch.full_like(factors[name], float("inf"))
    save_file(factors, path)
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(BaseError, match="do not fit the task embedder"):
        TaskEmbedder(embedder_path, path).embed(["x"])
