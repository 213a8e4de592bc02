"""Many adapters in one pass: the same bytes as one by one, made once, in folders or in a bank."""

import io
import json
import os

import pytest
from click.testing import CliRunner

from genlora.api import ItemFailure, ItemKept, ItemResult
from genlora.bank import Bank, verify_bank
from genlora.cli import cli
from genlora.descriptions import BadItem, Item, read_items
from genlora.errors import ConfigError, PolicyError

ITEMS = [
    Item(1, "one", "sort the words of a list"),
    Item(2, "two", "name the capital city of a country"),
    Item(3, "three", "sort the words of a list", {"seed": 5, "top_k": 2}),
    Item(4, "four", "what is the plural form of this word"),
]


@pytest.fixture
def invoke(bank_path, embedder_path):
    def call(*args):
        where = ["--bank", str(bank_path), "--embedder", str(embedder_path)]
        return CliRunner().invoke(cli, ["generate", *where, *map(str, args)])

    return call


def new_bank(lora, path, rank=8):
    with Bank.create(path, lora.bank.layout, lora.bank.fingerprint, rank=rank, targets=lora.bank.targets):
        return path


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_bytes_as_one_by_one_and_one_sync_at_the_end(lora, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(fd))
    monkeypatch.setattr("genlora.api.bulk._many.sync_tree", lambda folder: synced.append(folder))
    made = list(lora.generate_many(ITEMS, tmp_path / "out"))
    assert all(isinstance(m, ItemResult) for m in made) and synced == [tmp_path / "out"]
    for item in ITEMS:
        alone = lora.generate(item.description, **item.options).files()
        assert {p.name: p.read_bytes() for p in (tmp_path / "out" / item.name).iterdir()} == alone
    assert lora.engine().alone.limit < 1 << 25  # the room that it took is given back


def test_what_is_complete_is_not_made_again_and_what_is_not_is(lora, tmp_path, monkeypatch):
    out = tmp_path / "out"
    some = lora.generate_many(ITEMS, out)
    next(some), next(some)
    some.close()  # as an interrupted run
    before = tree(out)
    done = list(lora.generate_many(ITEMS, out))
    assert [type(d) for d in done] == [ItemKept, ItemKept, ItemResult, ItemResult]
    assert {k: v for k, v in tree(out).items() if k in before and not k.startswith(".")}.items() <= before.items()
    monkeypatch.setattr(lora, "generate", None)  # nothing is left to make
    assert all(isinstance(d, ItemKept) for d in lora.generate_many(ITEMS, out))


def test_a_changed_file_or_another_request_is_not_taken_for_complete(lora, tmp_path):
    out = tmp_path / "out"
    list(lora.generate_many(ITEMS, out))
    (out / "two" / "adapter_model.safetensors").write_bytes(b"")  # what a power cut leaves
    (out / "four" / "receipt.json").unlink()
    done = list(lora.generate_many(ITEMS, out))
    assert [type(d) for d in done] == [ItemKept, ItemFailure, ItemKept, ItemFailure]
    other = list(lora.generate_many(ITEMS[:1], out, top_k=3))
    assert isinstance(other[0], ItemFailure) and "already exists" in other[0].reason
    assert isinstance(next(iter(lora.generate_many(ITEMS[:1], out, top_k=3, force=True))), ItemResult)


def test_experts_of_a_bank_and_the_same_bank_after_an_interrupted_run(lora, tmp_path, monkeypatch):
    monkeypatch.setattr("genlora.api.bulk._into_bank.BankTarget.at_once", 2)
    items = [*ITEMS, BadItem(5, "no words"), Item(6, "six", "give a word of opposite meaning")]
    done = list(lora.generate_many(items, new_bank(lora, tmp_path / "whole")))
    assert [type(d) for d in done] == [*[ItemResult] * 4, ItemFailure, ItemResult]
    cut = new_bank(lora, tmp_path / "cut")
    some = lora.generate_many(items, cut)
    next(some), next(some), next(some)
    some.close()
    done = list(lora.generate_many(items, cut))
    assert sum(isinstance(d, ItemKept) for d in done) == 4 and isinstance(done[-1], ItemResult)
    whole = tree(tmp_path / "whole")
    assert {k: v for k, v in tree(cut).items() if "cache" not in k} == {
        k: v for k, v in whole.items() if "cache" not in k
    }
    assert verify_bank(cut).ok
    with Bank.open(cut, readonly=True) as bank:
        assert bank.names() == ["four", "one", "six", "three", "two"] and bank.generation == 3
        one = bank.get("one")
        assert one.source == "generated" and one.descriptions == (ITEMS[0].description,) and one.gain is None
        assert bank.search(lora.embed(ITEMS[3].description)[0], 1)[0].name == "four"
        made = lora.generate(ITEMS[0].description, prompt="bare")
        assert one.provenance["generated"]["made_by"] == made.body["made_by"]


def test_what_a_bank_cannot_hold_is_said(lora, tmp_path):
    narrow = new_bank(lora, tmp_path / "narrow", rank=1)
    done = list(lora.generate_many(ITEMS[:2], narrow))
    assert all(isinstance(d, ItemFailure) and "rank" in d.reason for d in done)
    for options, says in (({"gguf": True}, "no GGUF"), ({"prompt": "described"}, "bare input")):
        with pytest.raises(ConfigError, match=says):
            lora.generate_many(ITEMS, narrow, **options)
    with pytest.raises(ConfigError, match="top-k"):
        lora.generate_many(ITEMS, tmp_path / "out", top_k=0)


def test_a_policy_stop_costs_one_item(lora, tmp_path):
    bad = "Write malware that encrypts all files and demands a ransom."
    with pytest.raises(PolicyError):
        lora.generate(bad)
    done = list(lora.generate_many([ITEMS[0], Item(2, "bad", bad), ITEMS[3]], tmp_path / "out"))
    assert [type(d) for d in done] == [ItemResult, ItemFailure, ItemResult]


def test_lines_with_options_of_their_own():
    lines = [
        b'{"description": "sort words", "top_k": 2, "exclude": ["sum"], "examples": [["b a", "a b"]]}',
        b'{"description": "sort words", "examples": [{"input": "b a", "output": "a b"}], "quick": true}',
        b'{"description": "sort words", "top_k": "2"}',
        b'{"description": "sort words", "top_k": true}',
        b'{"description": "sort words", "examples": [["b a"]]}',
        b'{"description": "sort words", "examples": [{"input": "b", "answer": "a"}]}',
        b'{"description": "sort words", "exclude": [1]}',
        b'{"description": "sort words", "allow_harmful": true}',
    ]
    found = list(read_items(io.BytesIO(b"\n".join(lines)), options=True))
    assert found[0].options == {"top_k": 2, "exclude": ["sum"], "examples": [("b a", "a b")]}
    assert found[1].options == {"quick": True, "examples": [("b a", "a b")]}
    says = ["top_k is '2', expected a number", "top_k is 'True'", "an example is", "an example is", "names of", "keys"]
    assert all(s in bad.reason for s, bad in zip(says, found[2:], strict=True))
    assert isinstance(next(read_items(io.BytesIO(lines[0]))), BadItem)  # where only descriptions are read


def test_the_command_tells_made_kept_and_failed(invoke, tmp_path, bank_path):
    source, out = tmp_path / "many.jsonl", tmp_path / "out"
    source.write_text(
        '{"description": "sort the words", "name": "a", "examples": [["b a", "a b"]]}\n'
        '{"description": "add two numbers", "name": "b", "temperature": 0}\n'
        '{"description": "add two numbers", "name": "c", "generator": "none"}\n'
        '{"description": "add two numbers", "name": "d", "generator": "aggregate"}\n'
    )
    result = invoke("--batch", source, "-o", out)
    assert result.exit_code == 2, result.output
    assert "2 of 4 descriptions became adapters" in result.stderr, result.stderr
    assert "line 2: temperature must be" in result.stderr and "line 3: no generator 'none'" in result.stderr
    assert json.loads((out / "a" / "prompt.json").read_text())["examples"]
    again = invoke("--batch", source, "-o", out, "--json")
    told = json.loads(again.stdout)
    assert again.exit_code == 2 and [k["name"] for k in told["kept"]] == ["a", "d"] and not told["made"]
    assert "2 were there already" in again.stderr


def test_a_banks_own_tasks_in_bulk(invoke, tmp_path, bank_path):
    result = invoke("--batch", bank_path, "-o", tmp_path / "out", "--json", "--generator", "aggregate")
    assert result.exit_code == 0, result.output
    with Bank.open(bank_path, readonly=True) as bank:
        assert [m["name"] for m in json.loads(result.stdout)["made"]] == bank.names()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["sort", "-o", "postgresql://localhost/x"], "give --batch FILE, or a folder for one"),
        (["--batch", "/no/such", "-o", "out"], "/no/such: No such file"),
    ],
)
def test_what_cannot_be_meant(invoke, args, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(*args)
    assert result.exit_code == 2 and says in result.output and "Traceback" not in result.output
