import json

import pytest
from click.testing import CliRunner

from genlora.cli import cli
from genlora.errors import DigestError, TaskError
from genlora.tasks import find_task, load_tasks, open_bigbench

from .test_bigbench import make_archive


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache that holds the small BIG-bench of the tests."""
    from genlora.tasks._bigbench import CACHE_FOLDER, cache_archive

    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))
    cache_archive(make_archive(tmp_path / "bb.tar.gz"), tmp_path / "cache" / "tasks" / CACHE_FOLDER)
    return tmp_path


def _jsonl(path):
    path.write_text(json.dumps({"input": "hot", "output": "cold"}))
    return path


def test_specs_of_every_kind(cache):
    word = {"name": "plural", "description": "d", "family": "f", "examples": [{"input": "cat", "output": "cats"}]}
    (cache / "w").mkdir()
    (cache / "w" / "plural.json").write_text(json.dumps(word))
    sni = {"Definition": ["d"], "Instances": [{"input": "a", "output": ["b"]}]}
    (cache / "task1.json").write_text(json.dumps(sni))
    specs = [
        "bigbench:navigate",
        f"jsonl:{_jsonl(cache / 'o.jsonl')}",
        f"words:{cache / 'w'}",
        f"sni:{cache / 'task1.json'}",
    ]
    assert [t.name for t in load_tasks(specs)] == ["navigate", "o", "plural", "task1"]


@pytest.mark.parametrize("spec", ["navigate", "web:x", "jsonl:", ""])
def test_an_unknown_spec_lists_what_there_is(spec):
    with pytest.raises(TaskError, match="one of bigbench:NAME, catalogue:NAME, catalogue:role=ROLE, jsonl"):
        load_tasks([spec])


def test_two_tasks_of_one_name_are_refused(cache):
    spec = f"jsonl:{_jsonl(cache / 'o.jsonl')}"
    with pytest.raises(TaskError, match="a task named 'o' is there already"):
        load_tasks([spec, spec])
    with pytest.raises(TaskError, match="role 'bnk' is not known"):
        load_tasks(["catalogue:role=bnk"])


def test_find_task_by_any_name(cache):
    assert find_task("navigate").source == "bigbench:navigate"
    assert find_task("bigbench:navigate").source == "bigbench:navigate"
    with pytest.raises(TaskError, match="Did you mean"):
        find_task("bb-back-at-strat")
    with pytest.raises(TaskError, match="no such task"):
        find_task("zzzz")


def test_an_archive_at_hand_must_be_the_pinned_one(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DigestError, match="1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2"):
        open_bigbench(archive=make_archive(tmp_path / "other.tar.gz")).task("navigate")


def _run(*args):
    return CliRunner().invoke(cli, ["tasks", *map(str, args)])


def test_cli_list_json(cache):
    rows = json.loads(_run("list", "--json").stdout)["tasks"]
    assert len(rows) >= 64
    assert {"name", "source", "role", "metric", "family", "parent", "licence", "description"} <= rows[0].keys()
    validation = json.loads(_run("list", "--role", "validation", "--json").stdout)["tasks"]
    assert {r["role"] for r in validation} == {"validation"}
    found = json.loads(_run("list", "--source", "bigbench", "--json").stdout)["tasks"]
    assert [r["name"] for r in found] == ["bbq_lite_json/age", "disambiguation_qa", "navigate", "word_sorting"]


def test_cli_list_is_one_line_a_task(cache):
    done = _run("list", "--source", "bigbench")
    assert len(done.stdout.splitlines()) == 4
    assert "Sort a list of words" in done.stdout


def test_cli_show(cache):
    done = _run("show", "navigate")
    assert done.exit_code == 0
    assert "logical-reasoning" in done.stdout
    card = json.loads(_run("show", "navigate", "--json").stdout)
    assert sum(card["examples"].values()) == 60
    assert card["majority_answer"] == "False"


def test_cli_sample_is_the_same_every_time(cache):
    once, again, other = (_run("sample", "navigate", "-n", 3, "--seed", s, "--json").stdout for s in (1, 1, 2))
    assert once == again != other
    document = json.loads(once)
    assert len(document["examples"]) == 3
    assert document["split"] == "train"
    assert document["examples"][0]["output"] in ("True", "False")


def test_cli_never_obeys_what_a_task_file_says(cache):
    path = cache / "esc.jsonl"
    path.write_text(json.dumps({"input": "\x1b[2Jclear", "output": "x\u202ey"}))
    shown = _run("sample", f"jsonl:{path}", "--split", "train").stdout
    shown += _run("sample", f"jsonl:{path}", "--split", "validation").stdout
    shown += _run("sample", f"jsonl:{path}", "--split", "test").stdout
    assert "clear" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["show", "zzzz"], "no such task"),
        (["list", "--role", "bnk"], "role 'bnk' is not known"),
        (["list", "--role", "bank", "--source", "bigbench"], "--role is for the catalogue"),
        (["sample", "jsonl:/nowhere.jsonl"], "/nowhere.jsonl: cannot be read"),
        (["sample", "navigate", "-n", "0"], "0 is not in the range"),
        (["show", "web:x"], "is not known, expected one of"),
    ],
)
def test_cli_errors_are_one_line_and_exit_2(cache, args, says):
    done = _run(*args)
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_catalogue_spec_names_one_task_or_a_role_and_never_nothing(monkeypatch):
    from genlora.tasks import _sources, catalogue_tasks

    (one,) = load_tasks(["catalogue:r-a-an"])
    assert one.name == "r-a-an"
    with pytest.raises(TaskError, match=r"validation: not in .* All tasks of a role: catalogue:role=valid"):
        load_tasks(["catalogue:validation"])
    with pytest.raises(TaskError, match="role 'bnk' is not known"):
        catalogue_tasks("bnk")
    monkeypatch.setattr(_sources, "catalogue_tasks", lambda *a, **k: [])  # a role of word tasks alone, without a folder
    with pytest.raises(TaskError, match=r"catalogue:role=bank: selects no task.*--words FOLDER"):
        load_tasks(["catalogue:role=bank"])
