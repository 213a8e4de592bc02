"""`genlora bank`: data on stdout, one clear line and exit code 2 on errors, JSON that other programs can rely on."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from genlora.bank import Bank
from genlora.cli import cli

from .test_ingest import EMBEDDER, foreign, manifest
from .world import new_bank, record, state, tree, unit


def invoke(*args):
    return CliRunner().invoke(cli, ["bank", *map(str, args)], prog_name="genlora")


def ok(*args):
    result = invoke(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def fails(*args, says):
    result = invoke(*args)
    assert result.exit_code == 2 and says in result.stderr, result.output
    assert len(result.stderr.strip().splitlines()) == 1 and "Traceback" not in result.output
    return result


@pytest.fixture
def path(tmp_path):
    with new_bank(tmp_path / "bank") as bank:
        gain = {"base": 0.1, "majority": 0.25, "own": 0.75, "n": 60, "interval": [0.52, 0.74], "confidence": 0.8}
        bank.add(record(1, gain=gain, saw=("bigbench",), provenance={"recipe": {"lr": 0.004}}), state(1))
        bank.add(record(2), state(2))
    return tmp_path / "bank"


def test_init_for_a_base(tiny_base, tmp_path):
    base = tiny_base("llama")
    about = json.loads(
        ok("init", tmp_path / "new", "--base", base, "--rank", 4, "--targets", "q_proj,o_proj", "--json")
    )
    assert about["rank"] == 4 and about["targets"] == ["q_proj", "o_proj"] and about["experts"] == 0
    with Bank.open(tmp_path / "new") as bank:
        assert bank.layout.fingerprint == bank.fingerprint.id == about["fingerprint"]
    fails("init", tmp_path / "new", "--base", base, says="is there already and not empty")
    fails("init", tmp_path / "x", "--base", base, "--targets", "w", says="expected different projections")
    fails("init", tmp_path / "x", "--base", base, "--rank", 999, says="999")


def test_list(path):
    rows = json.loads(ok("list", "--bank", path, "--json"))
    assert set(rows) == {"experts"} and [r["name"] for r in rows["experts"]] == ["expert-1", "expert-2"]
    assert rows["experts"][0]["gain"]["n"] == 60 and rows["experts"][0]["saw"] == ["bigbench"]
    text = ok("list", "--bank", path)
    assert "expert-1    +65.0  do task 1" in text
    fails("list", "--bank", path / "no", says="no bank there")


def test_show(path):
    card = json.loads(ok("show", "expert-1", "--bank", path, "--json"))
    assert card["gain"]["own"] == 0.75 and len(card["layers"]) == 2
    text = ok("show", "expert-1", "--bank", path)
    assert "+65.0 points [+52.0, +74.0] at 80 %: 75.0 against 10.0, majority answer 25.0, on 60 held-out" in text
    for fact in ("does:", "tiny (", "cc0-1.0", "bigbench", "effective", "recipe.lr 0.004", "q_proj", "█"):
        assert fact in text
    assert "no public benchmark" in ok("show", "expert-2", "--bank", path)
    fails("show", "expert-9", "--bank", path, says="Did you mean")


def test_descriptions_never_reach_the_terminal_raw(path):
    evil = "sort\x1b[31m it \u202eback \x9b2J"
    with Bank.open(path) as bank:
        bank.add(record(7, descriptions=(evil, "b"), family=evil, licence="x\x1b]0;t\x07"), state(7))
    for args in (("list",), ("show", "expert-7")):
        out = ok(*args, "--bank", path)
        assert not {"\x1b", "\u202e", "\x9b", "\x07"} & set(out) and "\\x1b" in out
        assert json.loads(ok(*args, "--bank", path, "--json"))


def test_import_and_search(path, tmp_path, monkeypatch):
    monkeypatch.setattr("genlora.api.load_banks_embedder", lambda bank, source=None, progress=None: EMBEDDER)
    monkeypatch.setattr(type(EMBEDDER), "embed", lambda self, texts: self.embed_checked(texts).vectors, raising=False)
    root = tmp_path / "own"
    new_bank(root).close()
    a, b = foreign(tmp_path / "a", 1), foreign(tmp_path / "b", 2, base="other")
    add = ("import", a, "--name", "sort", "--description", "Sort the words.", "--bank", root)
    assert ok(*add).startswith("added    sort")
    assert ok(*add).startswith("present  sort")
    fails("import", b, "--name", "x", "--description", "Do x.", "--bank", root, says="names base 'other'")
    fails("import", b, "--bank", root, says="an adapter needs --name NAME and --description TEXT")
    fails("import", says="give either an adapter FOLDER or --from FILE")
    fails("import", a, "--name", "../x", "--description", "Do x.", "--bank", root, says="is not allowed")
    fails("import", a, "--name", "x", "--description", "x" * 5000, "--bank", root, says="4,000")
    entries = [{"folder": n, "name": n, "descriptions": [f"do {n}"]} for n in ("a", "b")]
    many = invoke("import", "--from", manifest(tmp_path / "m.json", entries), "--bank", root, "--json")
    assert many.exit_code == 2
    assert [e["status"] for e in json.loads(many.stdout)["experts"]] == ["added", "refused"]
    found = json.loads(ok("search", "sort words", "--bank", root, "--json"))["neighbours"]
    assert found[0]["name"] == "sort" and -1 <= found[-1]["similarity"] <= found[0]["similarity"] <= 1.0001
    assert "sort" in ok("search", "sort words", "-k", 1, "--bank", root)
    fails("search", "  ", "--bank", root, says="empty")


def test_other_words_find_an_expert(path, tmp_path, monkeypatch):
    class Words:
        """Each text is a direction of its own."""

        id = "e" * 64

        def embed(self, texts, *, batch_size=1):
            return np.concatenate([unit(sum(t.encode())) for t in texts])

    monkeypatch.setattr("genlora.api.load_banks_embedder", lambda bank, source=None, progress=None: Words())
    far = "singular in, plural out"
    before = json.loads(ok("search", far, "--bank", path, "--json"))["neighbours"]
    told = json.loads(ok("describe", "expert-2", far, far.upper(), "--bank", path, "--json"))
    assert told == {"name": "expert-2", "descriptions": 3, "added": 1}
    after = json.loads(ok("search", far, "--bank", path, "--json"))["neighbours"]
    assert after[0]["name"] == "expert-2" and after[0]["similarity"] > max(n["similarity"] for n in before) + 0.2
    with Bank.open(path) as bank:
        assert bank.get("expert-2").descriptions == ("do task 2", "task number 2, please", far)
        assert set(bank.state("expert-2")) == set(state(2))
    words = tmp_path / "words.txt"
    words.write_text("one more\n\nand one\n")
    assert "2 added, 5 descriptions" in ok("describe", "expert-2", "--from", words, "--bank", path)
    assert "0 added" in ok("describe", "expert-2", far, "--bank", path)
    assert json.loads(ok("verify", "--bank", path, "--json"))["ok"] is True

    def kept():
        return {name: digest for name, digest in tree(path).items() if not name.startswith("cache/")}

    before = kept()
    fails("describe", "expert-1", far, "--bank", path, says="is a description of expert-2")
    fails("describe", "nobody", far, "--bank", path, says="no expert 'nobody'")
    fails("describe", "expert-1", "  ", "--bank", path, says="empty")
    fails("describe", "expert-1", "--bank", path, says="in other words")
    fails("describe", "expert-1", far, says="--bank PATH")
    words.write_bytes(b"fine\n\xff\n")
    fails("describe", "expert-1", "--from", words, "--bank", path, says="words.txt: line 2")
    assert kept() == before


def test_remove(path):
    before = tree(path)
    fails("remove", "expert-1", "nobody", "--bank", path, says="no expert 'nobody'")
    assert tree(path) == before
    assert json.loads(ok("remove", "expert-1", "--bank", path, "--json")) == {"removed": ["expert-1"]}
    assert [r["name"] for r in json.loads(ok("list", "--bank", path, "--json"))["experts"]] == ["expert-2"]
    fails("remove", "expert-2", says="--bank PATH")


def test_verify(path):
    assert json.loads(ok("verify", "--bank", path, "--json"))["ok"] is True
    assert "2 experts in 2 files: all of it is as it was written" in ok("verify", "--bank", path)
    blob = next((path / "blobs").iterdir())
    blob.write_bytes(blob.read_bytes()[:-1])
    result = invoke("verify", "--bank", path)
    assert result.exit_code == 2 and f"DAMAGED  blobs/{blob.name}" in result.stdout and "costs expert-" in result.stdout


def test_export(path, tmp_path):
    report = json.loads(ok("export", "--bank", path, "-o", tmp_path / "out", "--codec", "int4", "--json"))
    assert report["experts"] == 2 and report["codec"] == "int4" and 0 < report["mean_error"] < 0.3
    assert "2 experts" in ok("export", "--bank", path, "-o", tmp_path / "out", "--force")
    assert "off the trained update" in ok("show", "expert-1", "--bank", tmp_path / "out")
    fails("export", "--bank", path, "-o", tmp_path / "out", says="is there already")
    fails("export", "--bank", path, "-o", tmp_path / "z", "--codec", "zip", says="no codec 'zip'; choose from raw")
    fails("export", "--bank", path, "-o", tmp_path / "z", "--only", "nobody", says="no expert 'nobody'")
    assert not (tmp_path / "z").exists()
