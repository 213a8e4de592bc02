"""A shared bank on a real PostgreSQL: equal to a folder bank in everything but where it lies."""

import hashlib
import logging
import threading

import numpy as np
import pytest

from genlora.bank import Bank, BankAddress, copy_bank, expert_card, export_bank, place_of, verify_bank
from genlora.bank._meta import read_meta
from genlora.bank.shared import _db as postgres_db
from genlora.errors import (
    BankDamagedError,
    BankError,
    BaseMismatchError,
    ConfigError,
    GenloraError,
    MissingExtraError,
    StorageError,
    UnknownExpertError,
)

from ..world import DIM, fingerprint, layout, new_bank, record, state, unit

SECRET = "hunter2-Gehe!m"


def entries(bank):
    with bank.database.consistent():
        return list(bank.database.entries())


def blobs(folder):
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.glob("*.safetensors")}


@pytest.fixture
def folder(tmp_path):
    with new_bank(tmp_path / "folder") as bank:
        yield bank


def history(bank):
    for i in range(6):
        bank.add(record(i), state(i))
    bank.add(record(2, family="other"), state(77), replace=True)
    bank.add(record(50), state(1))  # shares a blob
    bank.remove("expert-4")
    with bank.atomic() as tx:
        tx.set_metadata("note", {"a": [1, 2]})
        tx.set_metadata("gone", 1)
        tx.set_metadata("gone", None)
        tx.add(record(9), state(9))


def test_the_same_changes_give_the_same_bank(shared, folder):
    history(shared.bank)
    history(folder)
    bank = shared.bank
    assert bank.revision == folder.revision and bank.generation == folder.generation == 10
    assert bank.names() == folder.names() and len(bank) == len(folder) == 7 and "expert-9" in bank
    assert entries(bank) == entries(folder) and bank.all_metadata() == folder.all_metadata()
    assert bank.norm_bounds() == folder.norm_bounds() and bank.fingerprint == folder.fingerprint
    assert blobs(shared.blobs) == blobs(folder.files.blobs)
    for name in bank.names():
        assert expert_card(bank, name) == expert_card(folder, name)
    assert [r.digest for r in bank.records()] == [r.digest for r in folder.records()]
    assert "nobody" not in bank and 3 not in bank and "\0" not in bank
    with pytest.raises(UnknownExpertError, match="Did you mean expert-9"):
        bank.get("expert-99")
    assert not bank.database.read("SELECT * FROM pending")


def test_a_change_is_whole_or_not_at_all(shared):
    bank = shared.bank
    bank.add(record(1), state(1))
    before = (bank.revision, blobs(shared.blobs))
    with pytest.raises(BankError, match="the bank has another one of that name"), bank.atomic() as tx:
        tx.add(record(2), state(2))
        tx.set_metadata("note", 1)
        tx.add(record(1, family="other"), state(3))
    assert (bank.revision, blobs(shared.blobs)) == before and bank.names() == ["expert-1"]
    with pytest.raises(BaseMismatchError):
        bank.add(record(5, base="f" * 64), state(5))
    assert bank.metadata("note") is None and not bank.database.read("SELECT * FROM pending")
    with bank.atomic() as tx:
        tx.remove("expert-1")
        tx.add(record(3), state(1))  # its blob is the removed one's
        assert bank.names() == ["expert-3"]  # the writer sees its own changes
        with Bank.open(shared.url, readonly=True) as other:
            assert other.names() == ["expert-1"]  # nobody else does, and nobody waits
    assert verify_bank(bank.place).ok and len(blobs(shared.blobs)) == 1


def test_a_readonly_bank_changes_nothing(shared):
    shared.bank.add(record(1), state(1))
    with Bank.open(shared.url, readonly=True) as bank:
        with pytest.raises(StorageError, match="opened read-only"):
            bank.remove("expert-1")
        with pytest.raises(StorageError, match="does not allow this"):
            bank.database.expect("0" * 64)
        assert bank.folder is None
        with pytest.raises(BankError, match="is not a folder"):
            _ = bank.files
    with pytest.raises(BankError, match="was closed"):
        bank.names()
    bank.close()


# ---- searching


def test_a_thousand_queries_have_the_scores_and_order_of_faiss(shared, folder):
    rng = np.random.default_rng(0)
    centres = unit(1, 40)
    for bank in (shared.bank, folder):
        draw = np.random.default_rng(5)
        with bank.atomic() as tx:
            for i in range(600):
                near = centres[draw.integers(40)] + 0.02 * draw.normal(size=(2, DIM))
                rows = near / np.linalg.norm(near, axis=1, keepdims=True)
                if i % 10 == 9:  # equals, far more than the spare candidates
                    rows = unit(3, 2)
                tx.add(record(i, embeddings=rows), state(i % 3))
        for name in ("expert-7", "expert-300"):
            bank.remove(name)
    queries = [*(centres[rng.integers(40, size=900)] + 0.05 * rng.normal(size=(900, DIM))), *unit(11, 60)]
    queries += [unit(3, 2).mean(0) + 1e-3 * rng.normal(size=DIM) for _ in range(40)]
    for query in queries:
        assert shared.bank.search(query.astype(np.float32), 5) == folder.search(query.astype(np.float32), 5)
    assert shared.bank.search(queries[0], 1000) == folder.search(queries[0], 1000) and len(queries) == 1000
    assert all(shared.bank.search(q, 1) == folder.search(q, 1) for q in queries[::50])
    assert shared.bank.search(queries[0], 0) == []
    # What the server alone would say differs in the last bits: the test would notice.
    sql = "SELECT -(mean <#> %s) FROM task_vector JOIN expert ON id = expert WHERE name = %s"
    unit_query = (queries[0] / np.linalg.norm(queries[0])).astype(np.float32)
    naive = [shared.bank.database.read(sql, (unit_query, n.name))[0][0] for n in folder.search(queries[0], 50)]
    assert naive != [n.similarity for n in folder.search(queries[0], 50)]
    assert np.allclose(naive, [n.similarity for n in folder.search(queries[0], 50)], atol=1e-6)


def test_search_refuses_what_is_no_query(shared):
    assert shared.bank.search(unit(1)[0], 3) == []
    shared.bank.add(record(1), state(1))
    for bad in (np.zeros(DIM), np.full(DIM, np.nan)):
        with pytest.raises(BankError, match="zero or not finite"):
            shared.bank.search(bad.astype(np.float32))
    with pytest.raises(BankError, match="query has 8 numbers, expected 384"):
        shared.bank.search(np.ones(8, np.float32))
    index = shared.bank.index()
    assert index.revision == shared.bank.revision and list(index.names) == ["expert-1"]


def test_an_hnsw_index_finds_the_same_with_exact_scores(shared):
    with pytest.raises(BankError, match="is empty"):
        shared.bank.set_search("hnsw")
    with shared.bank.atomic() as tx:
        for i in range(300):
            tx.add(record(i), state(i % 3))
    queries = unit(99, 50)
    exact = [shared.bank.search(q, 5) for q in queries]
    before = shared.bank.revision
    assert shared.bank.set_search("hnsw") and not shared.bank.set_search("hnsw")
    assert shared.bank.revision != before and shared.bank.index().kind == "hnsw"
    plan = "EXPLAIN SELECT expert FROM task_vector ORDER BY mean::vector(384) <#> %s LIMIT 5"
    with shared.bank.database.consistent():
        shared.bank.database.read("SELECT set_config('enable_seqscan', 'off', true)")
        assert any("task_vector_hnsw" in row[0] for row in shared.bank.database.read(plan, (queries[0],)))
    found = [shared.bank.search(q, 5) for q in queries]
    scores = {(i, n.name): n.similarity for i, ns in enumerate(exact) for n in ns}
    same = [n.similarity == scores[i, n.name] for i, ns in enumerate(found) for n in ns if (i, n.name) in scores]
    assert all(same) and len(same) >= 0.95 * 250
    shared.bank.add(record(400), state(1))  # the index follows
    assert shared.bank.search(record(400).mean_embedding, 1)[0].name == "expert-400"
    assert shared.bank.set_search("exact") and verify_bank(shared.bank.place).ok
    with pytest.raises(ConfigError, match="choose from exact, hnsw"):
        shared.bank.set_search("ivf")


def test_a_folder_bank_has_no_other_search(folder):
    with pytest.raises(BankError, match="searches exactly"):
        folder.set_search("hnsw")


# ---- two at once


def test_two_writers_take_turns_and_no_change_is_lost(shared):
    def write(start):
        with Bank.open(shared.url) as bank:
            for i in range(start, start + 8):
                bank.add(record(i), state(i))

    threads = [threading.Thread(target=write, args=(100 * n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert shared.bank.generation == len(shared.bank) == 32 and verify_bank(shared.bank.place).ok


def test_a_writer_waits_for_another_and_then_says_so(shared, monkeypatch):
    monkeypatch.setattr(postgres_db, "BUSY_S", 0.2)
    shared.bank.add(record(1), state(1))
    with Bank.open(shared.url) as other, other.atomic() as tx:
        tx.set_metadata("note", 1)
        with pytest.raises(BankError, match="another process has been writing"):
            shared.bank.add(record(2), state(2))
        assert shared.bank.state("expert-1") and shared.bank.search(unit(1)[0], 1)  # readers do not wait
        shared.bank.sweep()  # nor does this
    shared.bank.add(record(2), state(2))
    with pytest.raises(BankError, match="under way in this thread"), shared.bank.atomic():
        shared.bank.add(record(3), state(3))


def test_one_bank_in_many_threads(shared):
    errors = []
    shared.bank.add(record(0), state(0))

    def read():
        try:
            for _ in range(20):
                name = shared.bank.search(unit(1)[0], 1)[0].name
                assert shared.bank.state(name) and shared.bank.get(name).name == name
        except Exception as err:
            errors.append(err)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for t in threads:
        t.start()
    for i in range(1, 10):
        shared.bank.add(record(i), state(i))
    for t in threads:
        t.join()
    assert not errors


def test_a_lost_connection_is_made_anew(shared):
    shared.bank.add(record(1), state(1))
    mine = [db.info.backend_pid for db in (shared.bank.database._reader, shared.bank.database._writer)]
    for pid in mine:
        shared.server.sql("SELECT pg_terminate_backend(%s, 5000)", pid)
    assert shared.bank.names() == ["expert-1"]  # a read is asked again
    with pytest.raises(BankError, match="broke off"):
        shared.bank.add(record(2), state(2))  # a change is not
    shared.bank.add(record(2), state(2))
    assert verify_bank(shared.bank.place).ok and len(blobs(shared.blobs)) == 2


# ---- copies


def test_there_and_back_again(folder, server, tmp_path):
    history(folder)
    with folder.atomic() as tx:
        tx.set_metadata("calibration", {"generation": tx.generation})
    export_bank(folder, tmp_path / "packed", codec="mixed")
    url = server.url("copied")
    with Bank.open(tmp_path / "packed", readonly=True) as packed:
        seen = []
        report = copy_bank(packed, url, blobs=str(tmp_path / "b1"), progress=lambda *at: seen.append(at))
        assert report.experts == 7 and report.blobs == 1 and seen[-1] == ("copying experts", 7, 7)
        with Bank.open(url, readonly=True) as bank, Bank.open(tmp_path / "packed") as packed:
            copy_bank(bank, tmp_path / "back")
            with Bank.open(tmp_path / "back", readonly=True) as back:
                assert entries(packed) == entries(bank) == entries(back)
                assert packed.read_state() == bank.read_state() == back.read_state()
                assert packed.all_metadata() == bank.all_metadata() == back.all_metadata()
                assert blobs(tmp_path / "packed" / "blobs") == blobs(tmp_path / "b1") == blobs(tmp_path / "back/blobs")
                query = unit(5)[0]
                assert packed.search(query, 7) == bank.search(query, 7) == back.search(query, 7)
            with pytest.raises(BankError, match="not empty"):
                copy_bank(bank, tmp_path / "back")
            with pytest.raises(BankError, match="a bank is there already"):
                copy_bank(packed, url, blobs=str(tmp_path / "b2"))
            report = export_bank(bank, tmp_path / "exported", codec="int4")
            assert report.experts == 7 and verify_bank(tmp_path / "exported").ok


def test_a_copy_that_was_stopped_is_taken_up(folder, server, tmp_path):
    history(folder)
    url, place = server.url("stopped"), str(tmp_path / "b")

    def stop(what, done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_bank(folder, url, blobs=place, progress=stop)
    with Bank.open(url) as bank:
        assert len(bank) == bank.generation == 0 and not blobs(tmp_path / "b")
    assert copy_bank(folder, url, blobs=place).revision == folder.revision
    with pytest.raises(KeyboardInterrupt):
        copy_bank(folder, tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".genlora-tmp-*"))


# ---- what is damaged, missing, wrong


def test_verify_names_what_is_damaged(shared):
    bank = shared.bank
    for i in range(5):
        bank.add(record(i), state(i))
    stored = {n: bank.get(n).blob for n in bank.names()}
    assert verify_bank(shared.url).ok
    (shared.blobs / f"{stored['expert-0']}.safetensors").unlink()
    path = shared.blobs / f"{stored['expert-1']}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (shared.blobs / f"{'0' * 64}.safetensors").write_bytes(b"stray")
    schema = bank.database.address.schema
    shared.server.sql(f"UPDATE {schema}.expert SET record = replace(record, 'cc0', 'cc1') WHERE name = 'expert-2'")
    shared.server.sql(f"UPDATE {schema}.task_vector SET mean = mean + mean WHERE expert = 4")
    shared.server.sql(f"UPDATE {schema}.meta SET value = value || ' ' WHERE key = 'fingerprint'")
    report = verify_bank(shared.url)
    assert {e for d in report.damage for e in d.experts} == {f"expert-{i}" for i in range(4)}
    assert {d.item for d in report.damage} >= {"expert expert-2", "expert expert-3", "metadata fingerprint"}
    assert any("no expert uses it" in d.found for d in report.damage) and len(report.damage) == 6
    for name, says in (("expert-0", "is missing"), ("expert-1", "damaged, its SHA-256")):
        with Bank.open(shared.url, readonly=True) as other, pytest.raises(BankDamagedError, match=says):
            other.state(name)
    assert [r.name for r in bank.records()] == ["expert-0", "expert-1", "expert-3", "expert-4"]
    with pytest.raises(BankDamagedError, match="its row is damaged"):
        bank.get("expert-2")


def refused(says, act, kind=BankError):
    with pytest.raises(kind, match=says) as caught:
        act()
    return str(caught.value)


def test_opening_says_what_is_wrong(shared, server, tmp_path, monkeypatch):
    refused("no bank there .schema nowhere has none.*genlora bank init", lambda: Bank.open(server.url("nowhere")))
    refused("server cannot be reached", lambda: Bank.open("postgresql:///postgres?host=/nowhere"))
    refused("server cannot be reached.*does not exist", lambda: Bank.open(server.uri.replace("/postgres?", "/other?")))
    server.sql("CREATE DATABASE bare")
    bare = server.uri.replace("/postgres?", "/bare?")
    refused("no pgvector extension.*CREATE EXTENSION vector", lambda: Bank.open(bare))
    schema = shared.bank.database.address.schema
    server.sql(f"UPDATE {schema}.schema_version SET number = 99")
    refused(r"made by a newer genlora \(schema 99, this one reads up to 1\)", lambda: Bank.open(shared.url))
    server.sql(f"UPDATE {schema}.schema_version SET number = 0")
    refused("schema 0, expected 1", lambda: Bank.open(shared.url, readonly=True))
    server.sql(f"UPDATE {schema}.schema_version SET number = 1")
    (shared.blobs / "genlora-bank.json").rename(tmp_path / "kept")
    refused(r"the bank's blobs are not there .*GENLORA_BLOBS", lambda: Bank.open(shared.url))
    (shared.blobs / "genlora-bank.json").write_text('{"bank": "other"}')
    refused("holds the blobs of another bank", lambda: Bank.open(shared.url))
    (tmp_path / "kept").rename(shared.blobs / "genlora-bank.json")
    moved = shared.blobs.rename(tmp_path / "mounted-elsewhere")
    refused("blobs are not there", lambda: Bank.open(shared.url))
    monkeypatch.setenv("GENLORA_BLOBS", str(moved))
    Bank.open(shared.url).close()


def test_making_refuses_what_cannot_be(shared, server, tmp_path):
    def make(url, **options):
        return Bank.create(url, layout(), fingerprint(), **({"blobs": str(tmp_path / "new")} | options))

    refused("a bank is there already", lambda: make(shared.url))
    refused("needs a place for its blobs", lambda: make(server.url("fresh"), blobs=None), ConfigError)
    refused("holds the blobs of another bank", lambda: make(server.url("fresh"), blobs=str(shared.blobs)))
    refused("must not hold a user", lambda: make(server.url("fresh"), blobs="ftp://me:pw@host/x"), ConfigError)
    refused("fsspec knows no such", lambda: make(server.url("fresh"), blobs="nonsense://x/y"), ConfigError)
    refused("keeps its blobs itself", lambda: make(tmp_path / "folder"))
    refused("rank must be in", lambda: make(server.url("fresh"), rank=0))
    for url in ("postgresql:///x?schema=Bad;drop", "postgresql:///x?schema=a&schema=b", "postgres:///x?schema=pg_x"):
        refused("schema in a bank's address must be", lambda url=url: make(url), ConfigError)
    assert not server.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'fresh'")
    assert not (tmp_path / "new" / "genlora-bank.json").exists()
    make(server.url("fresh")).close()


def test_a_user_without_rights_reads_and_no_more(shared, server):
    shared.bank.add(record(1), state(1))
    schema = shared.bank.database.address.schema
    server.sql(f"CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA {schema} TO reader")
    server.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    url = shared.url.replace("postgres@", "reader@")
    with Bank.open(url, readonly=True) as bank:
        assert bank.state("expert-1") and bank.search(unit(1)[0], 1) and verify_bank(bank.place).ok
    with Bank.open(url) as bank, pytest.raises(StorageError, match="does not allow this"):
        bank.add(record(2), state(2))
    with pytest.raises(StorageError, match="does not allow this"):
        Bank.create(url + "2", layout(), fingerprint(), blobs=str(shared.blobs) + "2")


def test_without_the_extra_the_message_says_how_to_get_it(monkeypatch):
    import sys

    for name in ("psycopg", "pgvector.psycopg"):
        monkeypatch.setitem(sys.modules, name, None)
    for act in (lambda: Bank.open("postgresql:///x"), postgres_db.driver):
        with pytest.raises(MissingExtraError, match=r"pip install 'genlora\[postgres\]'"):
            act()


# ---- secrets and data that look like SQL


def test_no_message_holds_a_password(shared, server, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    said = []
    quoted = SECRET.replace("!", "%21")
    urls = [
        f"postgresql://me:{quoted}@127.0.0.1:1/db",
        f"postgresql://me:{SECRET}@[::1/db",
        f"postgresql://me:{SECRET} x@host:a/db",
        f"postgresql://me@host:{SECRET}/db",
        f"postgresql:///db?password={quoted}&schema={SECRET}",
        f"postgresql:///db?nonsense={quoted}",
        f"postgresql:///db?password={quoted}&host=/nowhere&sslpassword={quoted}",
        f"postgresql:///password={quoted}?host=/nowhere",
        f"{server.uri}&password={quoted}&schema=nowhere",
        f"{server.uri}&password={quoted}&user=nobody",
    ]
    monkeypatch.setenv("PGPASSWORD", SECRET)
    for url in urls:
        with pytest.raises(GenloraError) as caught:
            Bank.open(url)
        err = caught.value
        while err is not None:
            said += [str(err), repr(err)]
            err = err.__cause__
    url = f"{shared.url}&password={quoted}"
    with Bank.open(url) as bank:
        address = bank.database.address
        assert address.conninfo["password"] == SECRET  # it did get there
        said += [
            bank.where,
            str(address),
            repr(address),
            str(verify_bank(bank.place)),
            repr(read_meta(bank.database, "place")),
        ]
        said += [address.hide(f"the server said {SECRET}"), f"{place_of(url)}"]
        with pytest.raises(UnknownExpertError) as unknown:
            bank.get("nobody")
        said += [str(unknown.value)]
    said += [caplog.text, *capfd.readouterr()]
    assert len(said) > 25 and not [s for s in said if SECRET in s or quoted in s or SECRET[:7] in s]
    label = BankAddress.parse(f"postgresql://me:{quoted}@db.example.org:5433/lora?schema=two&passfile=/x").label
    assert label == "postgresql://db.example.org:5433/lora?schema=two"
    assert str(BankAddress.parse("postgres:///?service=mine")) == "postgresql:///?service=mine"


def test_the_password_comes_from_libpqs_own_places(server, shared, tmp_path, monkeypatch):
    """The server asks for one over TCP only, so the settings are looked at where libpq takes them."""
    file = tmp_path / "services"
    address = shared.bank.database.address
    host = shared.server.host
    file.write_text(f"[lora]\nhost={host}\nuser=postgres\ndbname=postgres\npassword={SECRET}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with Bank.open(f"postgresql:///?service=lora&schema={address.schema}") as bank:
        assert bank.names() == [] and bank.where == f"postgresql:///?service=lora&schema={address.schema}"
        assert bank.database._reader.info.password == SECRET
    monkeypatch.setenv("PGPASSWORD", SECRET + "2")
    with Bank.open(shared.url) as bank:
        assert bank.database._reader.info.password == SECRET + "2"


HOSTILE = (
    "'; DROP TABLE expert; --",
    '"; DROP SCHEMA public CASCADE; --',
    "%s %(x)s %%",
    "{dim}",
    "$1",
    "\\'; x",
    "🐘\x01",
)


def test_texts_are_data(shared):
    bank = shared.bank
    for i, text in enumerate(HOSTILE):
        bank.add(record(i, descriptions=(text, f"b{i}"), family=text, licence=text), state(i))
        assert text not in bank
        for ask in (bank.get, bank.state, bank.remove):
            with pytest.raises(UnknownExpertError):
                ask(text)
        assert bank.get(f"expert-{i}").descriptions[0] == text == bank.get(f"expert-{i}").licence
        with bank.atomic() as tx:
            tx.set_metadata("note", {text: text})
        assert bank.metadata("note") == {text: text}
        assert bank.metadata(text.replace("\0", "")) is None
    assert len(bank) == len(HOSTILE) and verify_bank(bank.place).ok


def test_the_bank_survives_the_server(server, shared, tmp_path):
    """Stopped, nothing opens and the message says so; started again, everything is there."""
    shared.bank.add(record(1), state(1))
    before = shared.bank.revision
    server._server.stop()
    try:
        with pytest.raises(BankError, match="cannot be reached, or broke off"):
            shared.bank.names()
        with pytest.raises(BankError, match="cannot be reached"):
            Bank.open(shared.url)
    finally:
        server._server.ensure_postgres_running()
    assert shared.bank.revision == before and verify_bank(shared.bank.place).ok
