"""`genlora recipe` as its user runs it: data set, adapter, scores, going on, and what is refused."""

import json

import pytest
from click.testing import CliRunner

from genlora.api import read_receipt
from genlora.cli import cli
from genlora.tasks import read_examples


def invoke(*argv):
    return CliRunner().invoke(cli, [str(a) for a in argv])


@pytest.fixture
def line(tiny_base, tmp_path):
    small = ["--steps", "3,2", "--lr", "0.02,0.01", "--accumulate", "1,2", "--rank", "4", "--targets", "q_proj,v_proj"]
    base = ["--base", str(tiny_base("llama")), "--quantize", "none", "--max-tokens", "900"]
    return ["recipe", "two-phase", "-o", str(tmp_path / "out"), *small, *base]


def test_the_data_set_is_a_file_that_says_that_it_is_synthetic(tmp_path):
    path = tmp_path / "a.jsonl"
    ran = invoke("recipe", "advising", "-o", path, "--rows", "24")
    assert ran.exit_code == 0 and "24 rows, synthetic: written by rule" in ran.stdout
    task = read_examples(path)
    assert task.name == "advising-synthetic" and task.family == "synthetic" and len(task.examples) == 24
    again = invoke("recipe", "advising", "-o", path)
    assert again.exit_code == 2 and "is there already" in again.output


def test_a_recipe_writes_an_adapter_that_tells_both_phases_and_scores(line, tmp_path):
    data = tmp_path / "a.jsonl"
    invoke("recipe", "advising", "-o", data, "--rows", "24")
    ran = invoke(*line, "--data", data, "--score", "2", "--tracker", "csv")
    assert ran.exit_code == 0, ran.output
    assert "held-out rows: base" in ran.stdout and "references: Markdown 100%, facts named 100%" in ran.stdout
    card = read_receipt(tmp_path / "out" / "receipt.json")["made_by"]["two_phase"]
    assert [p["steps"] for p in card["phases"]] == [3, 2] and card["quantize"] == "none"
    loss = card["held_out"]["loss"]
    assert loss["phase_2_begins"] == pytest.approx(loss["phase_1"], abs=1e-4)
    assert "Trained in two phases" in (tmp_path / "out" / "README.md").read_text()
    assert list((tmp_path / "out.run").glob("logs/attempt-0/metrics.csv"))
    assert invoke("verify", tmp_path / "out", "--files-only").exit_code == 0
    again = invoke(*line, "--data", data, "--score", "2", "--force", "--json")
    assert json.loads(again.stdout)["held_out"] == card["held_out"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "say what to train on"),
        (["--advising", "--data", "x"], "say what to train on"),
        (["--advising", "--steps", "3"], "expected two numbers with a comma"),
        (["--advising", "--steps", "0,1"], "steps is 0"),
        (["--advising", "--lr", "2,1"], "lr is 2.0"),
        (["--data", "/nowhere"], "/nowhere"),
        (["--data", "lone.txt"], "expected some of both"),
        (["--data", "many.txt"], "nothing says what the task is"),
        (["--advising", "--tracker", "mlflow"], "mlflow"),
        (["--advising", "--targets", "w_proj"], "no modules named w_proj"),
    ],
)
def test_what_cannot_be_trained_is_said(line, options, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lone.txt").write_text("a => b\n")
    (tmp_path / "many.txt").write_text("".join(f"{i} => b\n" for i in range(40)))
    ran = invoke(*line, *options)
    assert ran.exit_code == 2 and says in ran.output and "Traceback" not in ran.output, ran.output
    assert not (tmp_path / "out").exists()
