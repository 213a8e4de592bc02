import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.bank import Bank, ExpertRecord, product_error
from genlora.bank import _db as db_module
from genlora.errors import (
    AdapterFormatError,
    AdapterShapeError,
    BankDamagedError,
    BankError,
    BaseMismatchError,
    StorageError,
    UnknownExpertError,
    UnsafeNameError,
)

from .world import fingerprint, layout, new_bank, record, state, tree, unit


@pytest.fixture
def bank(tmp_path):
    with new_bank(tmp_path / "bank") as made:
        yield made


def test_what_goes_in_comes_out_after_reopening(bank, tmp_path):
    gain = {"base": 0.1, "majority": 0.2, "own": 0.7, "n": 60, "interval": [0.5, 0.7]}
    given = record(1, gain=gain, saw=("bigbench",), provenance={"seed": 3}, metrics={"loss": 0.5})
    bank.add(given, state(1))
    bank.close()
    with Bank.open(tmp_path / "bank") as again:
        found = again.get("expert-1")
        assert (found.descriptions, found.gain, found.saw, found.provenance) == (
            given.descriptions, gain, ("bigbench",), {"seed": 3},
        )  # fmt: skip
        assert found.metrics["loss"] == 0.5 and found.rank == 4 and found.generation == 1
        assert found.base == fingerprint().id
        np.testing.assert_array_equal(found.embeddings, given.embeddings)
        assert product_error(state(1), again.state("expert-1")) < 1e-6
        assert again.names() == ["expert-1"] and len(again) == 1 and "expert-1" in again
        assert again.rank == 4 and again.targets == ("q_proj", "v_proj") and again.layout == layout()
        assert again.fingerprint == fingerprint()


def test_experts_are_stored_canonically_whatever_their_factors(bank):
    mixed = {}
    for path, pair in state(1).items():
        m = torch.randn(4, 4, generator=torch.Generator().manual_seed(9)) + 3 * torch.eye(4)
        mixed[path] = LoraPair(torch.linalg.solve(m, pair.a), pair.b @ m / 2, 2.0)
    one = bank.add(record(1), state(1))
    bank.add(record(2), AdapterState(mixed))
    a, b = bank.state("expert-1"), bank.state("expert-2")
    assert all(torch.allclose(a[p].a, b[p].a, atol=1e-4) and torch.allclose(a[p].b, b[p].b, atol=1e-4) for p in a)
    assert one.metrics["update_norm"] > 0 and 1 <= one.metrics["effective_rank"] <= 4


def test_adding_again_changes_nothing_and_another_of_the_name_is_refused(bank):
    first = bank.add(record(1), state(1))
    before = tree(bank.files.root)
    again = bank.add(record(1), state(1))
    assert again.generation == first.generation == bank.generation == 1
    assert tree(bank.files.root) == before
    with pytest.raises(BankError, match=r"has another one of that name.*genlora bank remove expert-1"):
        bank.add(record(1), state(2))
    with pytest.raises(BankError, match="has another one of that name"):
        bank.add(record(1, licence="mit"), state(1))
    bank.add(record(1), state(2), replace=True)
    assert product_error(state(2), bank.state("expert-1")) < 1e-6
    assert len(list(bank.files.blobs.iterdir())) == 1  # the replaced one went


def test_a_transaction_is_all_or_nothing(bank):
    bank.add(record(0), state(0))
    before = tree(bank.files.root)
    with pytest.raises(RuntimeError, match="stop"), bank.atomic() as tx:
        tx.add(record(1), state(1))
        tx.remove("expert-0")
        tx.set_metadata("note", {"a": 1})
        raise RuntimeError("stop")
    assert tree(bank.files.root) == before
    assert bank.names() == ["expert-0"] and bank.metadata("note") is None and bank.generation == 1
    with bank.atomic() as tx:
        tx.add(record(1), state(1))
        tx.add(record(2), state(2))
        tx.set_metadata("note", {"a": 1})
    assert bank.generation == 2 and len(bank) == 3 and bank.metadata("note") == {"a": 1}
    with bank.atomic() as tx:
        tx.set_metadata("note", None)
    assert bank.metadata("note") is None


def test_revision_is_a_function_of_history(tmp_path):
    def build(name, order):
        with new_bank(tmp_path / name) as made:
            for i in order:
                made.add(record(i), state(i))
            return made.revision

    assert build("a", (1, 2)) == build("b", (1, 2)) != build("c", (2, 1))


def test_remove(bank):
    bank.add(record(1), state(1))
    bank.add(record(1, name="twin"), state(1))
    assert len(list(bank.files.blobs.iterdir())) == 1  # content-addressed
    bank.remove("expert-1")
    assert bank.names() == ["twin"] and product_error(state(1), bank.state("twin")) < 1e-6
    bank.remove("twin")
    assert not list(bank.files.blobs.iterdir())
    with pytest.raises(UnknownExpertError, match="no expert 'twin' in this bank"):
        bank.remove("twin")


def test_unknown_expert_suggests_near_names(bank):
    bank.add(record(1, name="sort-words"), state(1))
    with pytest.raises(UnknownExpertError, match="Did you mean sort-words"):
        bank.get("sort-word")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "A", "", "con", "a..b", "x\0y", "..\\x", "é", "a" * 65])
def test_names_that_could_leave_the_folder_are_refused(bank, tmp_path, name):
    before = tree(tmp_path)
    with pytest.raises(UnsafeNameError):
        record(1, name=name or " ")
    for use in (bank.get, bank.state, bank.remove):
        with pytest.raises(UnknownExpertError):
            use(name)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"descriptions": ()}, "0 descriptions, expected 1 to"),
        ({"descriptions": ("ok", " ")}, "not blank"),
        ({"embeddings": unit(1, 3)}, r"embeddings are \(3, 384\), expected \(2, dim\)"),
        ({"embeddings": np.full((2, 384), np.nan)}, "not finite"),
        ({"embeddings": np.zeros((2, 384))}, "zero rows"),
    ],
)
def test_records_say_what_is_wrong(changes, says):
    fields = {"name": "x", "descriptions": ("a", "b"), "embeddings": unit(1, 2)} | changes
    with pytest.raises(BankError, match=says):
        ExpertRecord(**fields)


def test_another_embedder_is_refused(bank):
    bank.add(record(1), state(1))
    assert bank.metadata("embedder") == {"id": "e" * 64, "dim": 384}
    with pytest.raises(BankError, match="of embedder ffffffffffffffff"):
        bank.add(record(2, embedder="f" * 64), state(2))
    with pytest.raises(BankError, match=r"\(16 numbers\)"):
        bank.add(record(2, embeddings=unit(1, 2, dim=16)), state(2))


# ---- E1: adapters of another base


def _variants():
    for i in range(10):
        yield f"weights {i}", fingerprint(revision=f"r{i}")
        tokenizer = fingerprint()
        yield f"tokenizer {i}", type(tokenizer)(**{**vars(tokenizer), "tokenizer": f"t{i}"})
        yield f"config {i}", type(tokenizer)(**{**vars(tokenizer), "config": {"hidden_size": 16, "rope_theta": i}})


def test_e1_thirty_other_bases_are_refused_unless_forced(bank):
    others = list(_variants())
    assert len(others) == 30
    for what, other in others:
        with pytest.raises(BaseMismatchError, match=f"{other.id[:12]}"):
            bank.add(record(1), state(1), made_for=other)
        with pytest.raises(BaseMismatchError, match=f"{other.id[:12]}"):
            bank.add(record(1, base=other.id), state(1))
        assert len(bank) == 0, what
    assert bank.add(record(1), state(1), made_for=others[0][1], force=True).base == others[0][1].id
    assert bank.add(record(2), state(2), made_for=fingerprint(name="renamed")).base == fingerprint().id


def test_an_adapter_that_does_not_fit_is_refused(bank):
    path = next(iter(state(1)))
    good = dict(state(1))
    cases = [
        ({**good, "model.layers.9.self_attn.q_proj": good[path]}, AdapterShapeError, "is no projection of tiny"),
        ({**good, path: LoraPair(torch.ones(4, 8), torch.ones(16, 4))}, AdapterShapeError, "expected 16 x 16 for tiny"),
        (
            {**good, path: LoraPair(torch.ones(5, 16), torch.ones(16, 5))},
            AdapterShapeError,
            "rank 5, above the bank's 4",
        ),
        ({**good, **state(1, leaves=("o_proj",))}, AdapterShapeError, "it changes model.layers.0.self_attn.o_proj"),
        ({**good, path: LoraPair(good[path].a * float("nan"), good[path].b)}, AdapterFormatError, "NaN or infinite"),
        ({**good, path: LoraPair(good[path].a, good[path].b * float("inf"))}, AdapterFormatError, "NaN or infinite"),
        ({}, AdapterShapeError, "no update on any of q_proj, v_proj"),
    ]
    for pairs, error, says in cases:
        with pytest.raises(error, match=says):
            bank.add(record(1), AdapterState(pairs))
    assert len(bank) == 0


def test_smaller_ranks_and_zero_modules_fit_without_loss(bank):
    small = dict(state(1, rank=2, leaves=("q_proj",)))
    zero = {
        m.path: LoraPair(torch.zeros(2, m.d_in), torch.zeros(m.d_out, 2)) for m in layout().of(("k_proj", "o_proj"))
    }
    stored = bank.add(record(1), AdapterState(small | zero))
    found = bank.state("expert-1")
    assert stored.rank == 2 and {p.rank for p in found.values()} == {4}
    assert set(found) == {m.path for m in layout().of(("q_proj", "v_proj"))}
    assert all(torch.allclose(found[p].delta(), pair.delta(), atol=1e-6) for p, pair in small.items())
    assert all(not found[m.path].delta().any() for m in layout().of(("v_proj",)))


def test_a7_an_update_far_larger_than_all_others_is_refused(bank):
    for i in range(8):
        bank.add(record(i), state(i))
    huge = AdapterState({p: LoraPair(pair.a, pair.b * 100) for p, pair in state(50).items()})
    with pytest.raises(AdapterFormatError, match=r"expert huge: .* expected at most"):
        bank.add(record(50, name="huge"), huge)
    assert "huge" not in bank
    assert bank.norm_bounds().keys() == state(1).keys()
    bank.add(record(50, name="huge"), huge, force=True)


# ---- creating and opening


def test_creating_refuses_what_cannot_be(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(BankError, match="is there already and not empty"):
        new_bank(tmp_path / "full")
    for rank in (0, 257):
        with pytest.raises(BankError, match=rf"rank must be in \[1, 256\], got {rank}"):
            new_bank(tmp_path / "x", rank=rank)
    for targets in ((), ("w_proj",), ("q_proj", "q_proj")):
        with pytest.raises(BankError, match="expected different projections of tiny: k_proj, o_proj"):
            new_bank(tmp_path / "x", targets=targets)
    with pytest.raises(BankError, match="Take both from one base"):
        Bank.create(tmp_path / "x", layout(), fingerprint("b"))
    assert not (tmp_path / "x").exists() and [p.name for p in tmp_path.iterdir()] == ["full"]
    (tmp_path / "empty").mkdir()
    new_bank(tmp_path / "empty").close()


def test_opening_says_what_is_wrong(tmp_path):
    with pytest.raises(BankError, match=r"no bank there .* genlora bank init"):
        Bank.open(tmp_path / "nowhere")
    root = tmp_path / "bank"
    new_bank(root).close()
    data = (root / "bank.sqlite").read_bytes()
    (root / "bank.sqlite").write_bytes(b"hello" * 100)
    with pytest.raises(BankDamagedError, match="not an SQLite database"):
        Bank.open(root)
    (root / "bank.sqlite").write_bytes(data[: len(data) // 2])
    with pytest.raises(BankDamagedError, match="damaged"):
        Bank.open(root)
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE x (y)")
    other.close()
    (root / "bank.sqlite").write_bytes((tmp_path / "other.sqlite").read_bytes())
    with pytest.raises(BankDamagedError, match="not a genlora bank"):
        Bank.open(root)


def _sql(root, statement):
    with sqlite3.connect(root / "bank.sqlite") as db:
        db.execute(statement)
    db.close()


def test_a_newer_schema_is_refused_politely(tmp_path):
    new_bank(tmp_path / "bank").close()
    _sql(tmp_path / "bank", "PRAGMA user_version = 99")
    with pytest.raises(BankError, match="made by a newer genlora"):
        Bank.open(tmp_path / "bank")


def test_d3_every_connection_is_safe_and_wal_is_refused(tmp_path, monkeypatch):
    seen = []
    real = db_module.migrate

    def spy(db, *args, **kwargs):
        seen.append((db.execute("PRAGMA journal_mode").fetchone()[0], db.execute("PRAGMA synchronous").fetchone()[0]))
        real(db, *args, **kwargs)

    monkeypatch.setattr(db_module, "migrate", spy)
    with new_bank(tmp_path / "bank") as bank:
        bank.add(record(1), state(1))
        bank.verify()
        bank.export(tmp_path / "copy")
    Bank.open(tmp_path / "copy", readonly=True).close()
    assert len(seen) >= 5 and set(seen) == {("delete", 2)}
    _sql(tmp_path / "bank", "PRAGMA journal_mode = WAL")
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.40.1")
    with pytest.raises(BankError, match=r"in WAL mode, which SQLite before 3.51.3 can corrupt"):
        Bank.open(tmp_path / "bank")


def test_read_only_never_writes(tmp_path):
    root = tmp_path / "bank"
    with new_bank(root) as bank:
        bank.add(record(1), state(1))
    (root / "blobs" / ".tmp-left").write_bytes(b"x")
    before = tree(root)
    with Bank.open(root, readonly=True) as bank:
        assert bank.search(unit(1)[0], 1) and bank.state("expert-1")
        for change in (lambda: bank.add(record(2), state(2)), lambda: bank.remove("expert-1")):
            with pytest.raises(StorageError, match="opened read-only"):
                change()
    assert tree(root) == before


UNPRIVILEGED = """
import os, sys, faiss, torch
from genlora.bank import Bank
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with Bank.open(sys.argv[1], readonly=True) as bank:
    name = bank.search(bank.get("expert-1").mean_embedding, 1)[0].name
    print(name, len(bank.state(name)), os.access(sys.argv[1], os.W_OK))
"""


@pytest.fixture
def reachable():
    """A folder that any user can reach, as tmp_path is not."""
    folder = Path(tempfile.mkdtemp(prefix="genlora-test-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="folder permissions are POSIX ones")
def test_a_folder_that_cannot_be_written_can_be_read(tmp_path, reachable):
    shipped = reachable / "shipped"
    with new_bank(tmp_path / "bank") as bank:
        bank.add(record(1), state(1))
        bank.export(shipped, codec="int8")
    for path in (*shipped.rglob("*"), shipped):
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = subprocess.run([sys.executable, "-c", UNPRIVILEGED, shipped], capture_output=True, text=True)
    assert done.stdout.split() == ["expert-1", "4", "False"], done.stderr


def test_blobs_and_sums_can_be_read_by_other_users(bank):
    bank.add(record(1), state(1))
    modes = {f.stat().st_mode & 0o444 for f in bank.files.root.rglob("*") if f.is_file()}
    assert modes == {0o444}


def test_damage_to_one_expert_leaves_the_others_usable(bank, caplog):
    for i in range(3):
        bank.add(record(i), state(i))
    path = bank.blobs.path(bank.get("expert-1").blob)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BankDamagedError, match=r"damaged, its SHA-256 is .* genlora bank verify"):
        bank.state("expert-1")
    assert bank.state("expert-0") and bank.state("expert-2")
    path.unlink()
    with pytest.raises(BankDamagedError, match="cannot be read"):
        bank.state("expert-1")
    _sql(bank.files.root, "UPDATE expert SET record = replace(record, 'cc0', 'cc1') WHERE name = 'expert-2'")
    with pytest.raises(BankDamagedError, match="expert expert-2: its row is damaged"):
        bank.get("expert-2")
    assert [r.name for r in bank.records()] == ["expert-0", "expert-1"]
    assert "expert-2: its row is damaged" in caplog.text


def test_a_damaged_blob_is_put_right_by_adding_again(bank):
    bank.add(record(1), state(1))
    path = bank.blobs.path(bank.get("expert-1").blob)
    path.write_bytes(b"rubbish")
    bank.add(record(1), state(1), replace=True)
    assert product_error(state(1), bank.state("expert-1")) < 1e-6 and bank.verify().ok


def test_a_busy_bank_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(db_module, "BUSY_S", 0.2)
    with new_bank(tmp_path / "bank") as one, Bank.open(tmp_path / "bank") as two, one.atomic():
        assert two.names() == []  # readers go on
        with pytest.raises(BankError, match=r"another process has been writing to the bank for 0 s. Wait"):
            two.add(record(1), state(1))


def test_one_object_serves_many_threads(bank):
    for i in range(4):
        bank.add(record(i), state(i))
    errors = []

    def work(i):
        try:
            for _ in range(20):
                assert bank.get(f"expert-{i}").name == f"expert-{i}"
                assert product_error(state(i), bank.state(f"expert-{i}")) < 1e-6
        except Exception as err:
            errors.append(err)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
