"""`genlora bank --url postgresql://...`: the same verbs, and the same bytes from a shared bank as from a folder."""

import json

import pytest

from genlora.api import GenLora
from genlora.bank import Bank

from ..test_cli import fails, invoke, ok
from ..test_ingest import EMBEDDER
from ..world import new_bank, record, state, unit

SECRET = "hunter2-Gehe"


@pytest.fixture
def folder(tmp_path):
    with new_bank(tmp_path / "folder") as bank:
        for i in range(5):
            bank.add(record(i, embedder=EMBEDDER.id, embeddings=unit(i, 2, 32)), state(i))
    return tmp_path / "folder"


@pytest.fixture
def url(server, folder, tmp_path, request):
    made = f"{server.uri}&password={SECRET}&schema=cli_{abs(hash(request.node.name)) % 10**8}"
    said = ok("copy", made, "--bank", folder, "--blobs", tmp_path / "blobs")
    assert "5 experts, 5 blobs" in said and SECRET not in said
    return made


def test_the_verbs_take_a_shared_bank(url, folder, tmp_path, monkeypatch):
    for args in (("list",), ("show", "expert-3"), ("list", "--json"), ("show", "expert-3", "--json")):
        assert ok("--url", url, *args) == ok(*args, "--bank", url) == ok(*args, "--bank", folder)
    assert "5 experts in 5 files: all of it is as it was written" in ok("--url", url, "verify")
    monkeypatch.setenv("GENLORA_BANK", url)
    assert json.loads(ok("verify", "--json"))["ok"]
    ok("remove", "expert-4")
    monkeypatch.delenv("GENLORA_BANK")
    assert "now searched by hnsw" in ok("--url", url, "index", "hnsw")
    assert json.loads(ok("index", "exact", "--bank", url, "--json"))["changed"]
    assert "4 experts" in ok("--url", url, "copy", tmp_path / "back")
    assert ok("list", "--bank", tmp_path / "back") == ok("--url", url, "list")
    ok("--url", url, "export", "-o", tmp_path / "small", "--codec", "int4")


def test_init_of_a_shared_bank(server, tiny_base, tmp_path):
    base, url = tiny_base("llama"), server.url("cli_init")
    about = json.loads(ok("--url", url, "init", "--base", base, "--rank", 4, "--blobs", tmp_path / "b", "--json"))
    assert about["rank"] == 4 and about["path"].startswith("postgresql:///") and about["experts"] == 0
    fails("init", url, "--base", base, "--blobs", tmp_path / "c", says="a bank is there already")
    fails("init", server.url("cli_other"), "--base", base, says="needs a place for its blobs")
    fails("init", says="name the bank to make")


def test_errors_are_one_line_and_hold_no_password(url, folder, tmp_path):
    said = [
        fails("--url", url, "list", "--bank", folder, says="name the bank once"),
        fails("--url", url, "show", "nobody", says="no expert 'nobody'"),
        fails("--url", url, "train", "jsonl:x", says="name one for the checkpoints with --run"),
        fails("--url", url + "x", "list", says="no bank there"),
        fails("copy", url, "--bank", folder, "--blobs", tmp_path / "other", says="a bank is there already"),
        fails("index", "hnsw", "--bank", folder, says="searches exactly"),
        fails("list", "--bank", f"postgresql://me:{SECRET}@[x/db", says="address cannot be read"),
        fails("list", "--bank", f"postgresql://me@h:{SECRET}/db", says="address cannot be read"),
        fails("list", "--bank", f"postgresql://me:{SECRET}@/db?host=/nowhere", says="cannot be reached"),
    ]
    debug = invoke("--url", url + "x", "list")
    assert not [r for r in [*said, debug] if SECRET in r.output]


def test_a_shared_bank_gives_the_same_bytes(url, folder, tmp_path):
    for place, out in ((folder, "one"), (url, "two")):
        with GenLora(place, embedder=EMBEDDER, generator="aggregate") as lora:
            lora.generate("Put the words in alphabetical order.").save(tmp_path / out)
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / o).iterdir()} for o in ("one", "two"))
    assert one == two and {"adapter_model.safetensors", "receipt.json"} <= one.keys()
    assert not [data for data in two.values() if SECRET.encode() in data]
    with Bank.open(url) as bank, bank.atomic() as tx:
        tx.remove("expert-0")
    with GenLora(url, embedder=EMBEDDER, generator="aggregate") as lora:
        lora.generate("Put the words in alphabetical order.").save(tmp_path / "three")
    receipt = json.loads((tmp_path / "three" / "receipt.json").read_text())
    assert receipt["bank"] != json.loads(one["receipt.json"])["bank"]
