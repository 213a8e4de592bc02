import threading

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.bank import Bank, ExpertRecord, product_error, verify_bank
from genlora.bank.folder import _db as db_module
from genlora.errors import BankDamagedError, BankError, UnknownExpertError, UnsafeNameError

from .world import fingerprint, layout, new_bank, record, sql, state, tree, unit


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
            given.descriptions,
            gain,
            ("bigbench",),
            {"seed": 3},
        )
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
    sql(bank.files.root, "UPDATE expert SET record = replace(record, 'cc0', 'cc1') WHERE name = 'expert-2'")
    with pytest.raises(BankDamagedError, match="expert expert-2: its row is damaged"):
        bank.get("expert-2")
    assert [r.name for r in bank.records()] == ["expert-0", "expert-1"]
    assert "expert-2: its row is damaged" in caplog.text


def test_a_damaged_blob_is_put_right_by_adding_again(bank):
    bank.add(record(1), state(1))
    path = bank.blobs.path(bank.get("expert-1").blob)
    path.write_bytes(b"rubbish")
    bank.add(record(1), state(1), replace=True)
    assert product_error(state(1), bank.state("expert-1")) < 1e-6 and verify_bank(bank.place).ok


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
