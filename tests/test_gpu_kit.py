"""benchmarks/gpu: a kit packed with a tiny base is staged, trains, goes on and gives artefacts back."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
import torch

from genlora.base import fingerprint, load_base
from genlora.generators import load_artefact
from genlora.train import FitTick

from .small_world import embedder as embedder
from .small_world import embedder_path as embedder_path

FOLDER = Path(__file__).parents[1] / "benchmarks" / "gpu"
QUICK = ["--device", "cpu", "--workers", "0", "--sequences", "4", "--tokens", "400", "--looks", "1"]
QUICK += ["--rank", "2", "--log-every", "1"]


@pytest.fixture
def kit(monkeypatch):
    """pack.py and train.py as modules; what they change of the process is undone."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("GENLORA_CACHE", "PYTHONPATH", "TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))

    def module(name):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, found)
        spec.loader.exec_module(found)
        return found

    return module("pack"), module("train")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_packed_kit_trains_goes_on_and_gives_artefacts_back(kit, tiny_base, embedder_path, embedder, tmp_path):
    pack, train = kit
    base, home, out = tiny_base("llama"), tmp_path / "home", tmp_path / "out"
    pack.main(
        [str(tmp_path / "kit"), "--base", str(base), "--embedder", str(embedder_path), "--no-catalogue", "--wheels"]
    )
    parts = sorted((tmp_path / "kit").iterdir())
    assert [sorted(p.name for p in folder.iterdir()) for folder in parts] == [
        ["core.tar.1", "kit.json"],
        ["kit.json", "reader.tar.1"],
    ]
    # parts arrive one by one; what is missing or damaged is named
    for folder in parts[1:]:
        train.main(["stage", str(folder), "--home", str(home)])
    with pytest.raises(SystemExit, match=r"core\.tar\.1 missing"):
        train.main(["fewshot", "--home", str(home), "--out", str(out)])
    train.main(["stage", str(parts[0]), "--home", str(home)])
    core = home / "parts" / "core.tar.1"
    whole = core.read_bytes()
    core.write_bytes(whole[:-1] + b"x")
    with pytest.raises(SystemExit, match="another digest"):
        train.main(["fewshot", "--home", str(home), "--out", str(out)])
    core.write_bytes(whole)

    # a call whose minutes are over after a step; the next goes on where it was
    few = ["fewshot", "--home", str(home), "--out", str(out), *QUICK, "--minutes", "0.000001"]
    train.main(few)
    train.main([*few, "--file-mib", "0.01"])
    assert [row["began_at"] for row in lines(out / "fewshot.jsonl") if "began_at" in row] == [0, 1]
    assert lines(out / "fewshot.jsonl")[0]["device"] == "cpu"
    assert all(p.stat().st_size <= 0.01 * 2**20 for p in (out / "fewshot").iterdir())
    train.main(["join", str(out / "fewshot"), str(tmp_path / "generators" / "fewshot")])
    found = load_artefact(tmp_path / "generators" / "fewshot", "fewshot")
    assert found.digest == load_artefact(home / "fewshot").digest
    assert found.layout.fingerprint == fingerprint(base).id and found.embedder == embedder.id
    assert found.record["tokens"] > 0 and {"near/0", "far/0"} <= found.record["history"][-1].keys()
    with pytest.raises(SystemExit, match="is there already"):
        train.main(["join", str(out / "fewshot"), str(tmp_path / "generators" / "fewshot")])

    with pytest.raises(SystemExit, match=r"--set: no setting 'rnk'\. Choose from rank, "):
        train.main([*few, "--set", "rnk=2"])
    with pytest.raises(SystemExit, match="--network: no setting 'base'"):
        train.main([*few, "--network", "base=2"])
    with pytest.raises(SystemExit):
        train.main([*few, "--set", "rank"])  # argparse: no value

    # the hypernetwork starts from it
    train.main(["hypernet", "--home", str(home), "--out", str(out), *QUICK, "--minutes", "0.000001"])
    train.main(["join", str(out / "hypernet-bases"), str(tmp_path / "generators" / "hypernet-bases")])
    hyper = load_artefact(tmp_path / "generators" / "hypernet-bases", "hypernet-bases")
    assert hyper.record["start"] == found.digest and hyper.embedder == embedder.id
    with pytest.raises(SystemExit, match="begun with other settings"):
        train.main([*few, "--lr", "0.5"])


def test_what_steps_are_spent_on_is_told_once(kit, tmp_path, capsys):
    watch = kit[1].profiled(kit[1].Log(tmp_path / "log", 1), first=2, steps=1)
    for step in range(1, 6):
        torch.ones(8, 8) @ torch.ones(8, 8)
        watch(FitTick(step, 9, {}, 1.0))
    assert capsys.readouterr().out.count("Self CPU time total") == 2  # by the GPU's time and by the processor's


def test_compiled_layers_say_the_same_and_what_is_not_trained_is_not_compiled(kit, tiny_base, monkeypatch):
    base = load_base(str(tiny_base("llama")))
    seen = []

    def compiled(plain, dynamic):
        return lambda *a, **k: (seen.append(dynamic), plain(*a, **k))[1]

    monkeypatch.setattr(torch, "compile", compiled)
    ids = torch.tensor([[5, 6, 7]])
    before = base.model(ids).logits
    kit[1].compile_layers(base)
    with torch.no_grad():
        assert base.model(ids).logits.equal(before) and not seen
    assert base.model(ids).logits.equal(before)
    assert seen == [False] * base.layout.n_layers


def test_a_base_that_came_out_otherwise_is_refused(kit, tiny_base, embedder_path, tmp_path):
    pack, train = kit
    arguments = ["--base", str(tiny_base("llama")), "--embedder", str(embedder_path)]
    pack.main([str(tmp_path / "kit"), *arguments, "--no-catalogue", "--no-reader", "--wheels"])
    train.main(["stage", str(tmp_path / "kit" / "1"), "--home", str(tmp_path / "home")])
    manifest = tmp_path / "home" / "parts" / "kit.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"base": "0" * 64}))
    with pytest.raises(SystemExit, match="the kit was packed with 0000"):
        train.main(["fewshot", "--home", str(tmp_path / "home"), "--out", str(tmp_path / "out"), *QUICK])
    with pytest.raises(SystemExit):
        pack.main([str(tmp_path / "other"), *arguments[2:], "--base", str(tmp_path / "nowhere")])


def test_tasks_come_back_without_their_test_examples(kit, tmp_path):
    from genlora.tasks import Example, Task

    pack, _ = kit
    rows = tuple(Example(f"word {i}", "the", ("the", "a")) for i in range(200))
    task = Task(name="alpha", descriptions=("one", "two"), examples=rows, family="f", parent="alpha", licence="MIT")
    pack.write_tasks(tmp_path / "tasks", {"bank": [task]})
    (found,) = pack.read_tasks(tmp_path / "tasks")["bank"]
    assert (found.name, found.descriptions, found.licence) == (task.name, task.descriptions, task.licence)
    assert 0 < len(found.examples) < 200
    assert not {e.input for e in found.examples} & {e.input for e in task.split("test")}
    assert found.split("train") and not found.split("test")
