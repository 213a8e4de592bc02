"""`genlora sweep` as its user runs it: pieces, shares, tables, picture, going on, and what is refused."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from genlora.cli import cli

from ...jobs.pools import Pickled


def invoke(*argv):
    return CliRunner().invoke(cli, [str(a) for a in argv])


@pytest.fixture
def line(tiny_base, tmp_path):
    for name, answer in (("one", "the"), ("two", "in")):
        rows = "".join(f"{name} {i} the => {answer}\n" for i in range(40))
        (tmp_path / f"{name}.txt").write_text(rows)
    tasks = f"jsonl:{tmp_path / 'one.txt'},jsonl:{tmp_path / 'two.txt'}"
    small = ["--points", "2", "--rows", "24", "--rank", "2", "--test-rows", "4", "--base", str(tiny_base("llama"))]
    return ["sweep", "--methods", "lora,lora-ga", "--tasks", tasks, "-o", str(tmp_path / "out"), *small]


def test_a_sweep_tells_its_winner_first_warns_of_shared_rates_and_goes_on(line, tmp_path):
    none = invoke(*line, "--so-far")
    assert none.exit_code == 2 and "no piece of the sweep is done" in none.output
    listed = invoke(*line, "--list").stdout.splitlines()
    assert len(listed) == 4 and not (tmp_path / "out").exists()
    half = invoke(*line, "--part", "1/2")
    assert half.exit_code == 0, half.output
    assert "2 of 4 pieces are done: what follows may change." in half.stdout
    looked = invoke(*line, "--so-far")
    assert looked.exit_code == 0 and looked.stdout == half.stdout
    ran = invoke(*line)
    assert ran.exit_code == 0, ran.output
    first = ran.stdout.splitlines()[0]
    assert first.startswith(("Plain LoRA at its own best rate", "lora-ga is"))
    assert "each at its own best rate:" in ran.stdout and "at one shared rate, which is no ranking" in ran.stdout
    assert "note: a table at one shared rate ranks rates as much as methods" in ran.stdout
    assert (tmp_path / "out" / "sweep.png").read_bytes().startswith(b"\x89PNG")
    again = invoke(*line, "--json")
    told = json.loads(again.stdout)
    assert told == json.loads((tmp_path / "out" / "tables.json").read_text()) and told["pieces"] == {
        "done": 4,
        "all": 4,
    }
    assert told["verdict"] == first and len(told["best"]) == 2 and len(told["shared"]) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--methods", "nothing"], "no method is called 'nothing'"),
        (["--methods", "lora,lora"], "named twice"),
        (["--part", "3/2"], "expected I/N"),
        (["--seeds", "x"], "seeds are 'x'"),
        (["--tasks", "jsonl:/nowhere"], "/nowhere"),
        (["--tasks", "nowhere"], "nowhere"),
        (["--targets", "w_proj"], "no modules named w_proj"),
    ],
)
def test_what_cannot_be_swept_is_said(line, options, says):
    ran = invoke(*line, *options)
    assert ran.exit_code == 2 and says in ran.output and "Traceback" not in ran.output, ran.output


def test_another_sweeps_folder_is_refused(line, tmp_path):
    assert invoke(*line, "--part", "1/4").exit_code == 0
    ran = invoke(*line, "--rows", "30")
    assert ran.exit_code == 2 and "begun with other settings" in ran.output


def test_pieces_that_are_done_elsewhere_give_the_same_tables(line, tmp_path, monkeypatch):
    pool = Pickled()
    monkeypatch.setattr("genlora.cli.training._sweep.pool_of", lambda ray, **how: nullcontext(ray and pool))
    there = invoke(*line, "-o", tmp_path / "there", "--ray", "auto")
    assert there.exit_code == 0 and pool.seen == 4, there.output
    assert invoke(*line).exit_code == 0
    tables = [json.loads((tmp_path / name / "tables.json").read_text()) for name in ("out", "there")]
    assert strip(tables[0]) == strip(tables[1])
    files = [
        {p.relative_to(tmp_path / n).as_posix() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("out", "there")
    ]
    assert files[0] == files[1]
    assert invoke(*line, "-o", tmp_path / "there", "--ray", "auto").exit_code == 0 and pool.seen == 4


def strip(told):
    """Without wall times."""
    if isinstance(told, dict):
        return {k: strip(v) for k, v in told.items() if k != "seconds"}
    return [strip(x) for x in told] if isinstance(told, list) else told
