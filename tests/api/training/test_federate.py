"""`genlora federate` as its user runs it: the folder, the card, the expert, going on, and what is refused."""

import json
import shutil

import pytest
from click.testing import CliRunner

from genlora.adapter import read_adapter
from genlora.api import read_receipt
from genlora.bank import Bank
from genlora.cli import cli


@pytest.fixture
def line(client_folders, tiny_base, tmp_path):
    options = ["--rounds", "2", "--rank", "4", "--steps", "3", "--lr", "0.02", "--base", str(tiny_base("llama"))]
    return ["federate", "--clients", str(client_folders), "-o", str(tmp_path / "out"), *options]


def invoke(*argv):
    return CliRunner().invoke(cli, [str(a) for a in argv])


def test_a_run_writes_an_adapter_whose_card_tells_what_left_the_clients(line, tmp_path, served_base):
    ran = invoke(*line, "--description", "say a word")
    assert ran.exit_code == 0, ran.output
    assert "2 rounds of flora over 2 clients" in ran.stdout and "left the clients" in ran.stdout
    assert "round 2: loss" in ran.stderr and "0.00% off the exact sum" in ran.stderr
    out = tmp_path / "out"
    card = read_receipt(out / "receipt.json")["made_by"]["federate"]
    assert card["clients"]["south"]["rank"] == 2 and card["clients"]["north"]["rows"] == 12 and card["rounds"] == 2
    assert card["loss"] < card["history"][0]["loss"]
    assert card["left_the_clients"]["bytes"] > 0 and "LoRA factors A and B" in card["left_the_clients"]["kinds"]
    assert {p.rank for p in read_adapter(out, served_base.layout).values()} == {12}
    text = (out / "README.md").read_text()
    assert "clients that kept their rows (`flora`)" in text and "# A LoRA adapter trained on examples" in text
    assert invoke("verify", out, "--files-only").exit_code == 0
    answered = invoke("run", "--adapter", out, "--base", line[-1], "--input", "one 3 the")
    assert answered.exit_code == 0, answered.output
    assert invoke(*line, "--description", "say a word").exit_code == 2  # the folder is there
    done = invoke(*line, "--description", "say a word", "--force", "--json")
    assert json.loads(done.stdout) == card and "round 1" not in done.stderr  # nothing was trained again


def test_the_result_is_an_expert_of_a_bank_too(line, served_bank, embedder_path, tmp_path):
    bank = tmp_path / "bank"
    shutil.copytree(served_bank, bank)
    more = ["--bank", bank, "--name", "both", "--embedder", embedder_path, "--description", "say a word"]
    ran = invoke(*line, "--aggregate", "fair", "--option", "lam=0.1", *more)
    assert ran.exit_code == 0, ran.output
    assert "stored as expert both" in ran.stdout
    with Bank.open(bank, readonly=True) as opened:
        record = opened.get("both")
        assert record.provenance["federate"]["options"] == {"lam": 0.1} and record.rank == 4
    assert "aggregate fair" in invoke("bank", "show", "both", "--bank", bank).stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "nothing says what the task is"),
        (["--description", "x", "--aggregate", "mean"], "no aggregation 'mean'; choose from flora"),
        (["--description", "x", "--option", "lam=0.1"], "no option 'lam'"),
        (["--description", "x", "--option", "lam"], "expected NAME=NUMBER"),
        (["--description", "x", "--bank", "b"], "--bank and --name go together"),
        (["--description", "x", "--lr", "3"], "lr is 3.0"),
        (["--description", "x", "--clients", "/nowhere"], "no such folder"),
        (["--description", "x", "--targets", "w_proj"], "no modules named w_proj"),
        (["--description", "x", "--max-tokens", "8"], "longer than 8 tokens"),
        (["--description", "x", "--base", "/nowhere"], "/nowhere"),
    ],
)
def test_what_cannot_be_run_is_said(line, options, says):
    ran = invoke(*line, *options)
    assert ran.exit_code == 2 and says in ran.output and "Traceback" not in ran.output, ran.output


def test_bad_clients_are_named_and_nothing_is_written(line, client_folders, tmp_path):
    (client_folders / "empty").mkdir()
    ran = invoke(*line, "--description", "x")
    assert ran.exit_code == 2 and "client empty has no file of examples" in ran.output
    (client_folders / "empty" / "client.json").write_text('{"base": "0123"}')
    (client_folders / "empty" / "rows.txt").write_text("a => b\n")
    ran = invoke(*line, "--description", "x")
    assert ran.exit_code == 2 and "is of the base '0123'" in ran.output
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.run").exists()
