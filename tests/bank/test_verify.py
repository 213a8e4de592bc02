"""D6: `verify` finds every flipped bit, and says what it costs."""

import random
import sqlite3
from pathlib import Path

import pytest

from genlora.bank import Bank, export_bank, verify_bank
from genlora.errors import BankError

from .world import new_bank, record, state


@pytest.fixture(params=["raw", "mixed"])
def root(request, tmp_path):
    with new_bank(tmp_path / "bank") as bank:
        for i in range(6):
            bank.add(record(i), state(i))
        bank.remove("expert-5")  # leaves free space in the database
        if request.param == "raw":
            return tmp_path / "bank"
        export_bank(bank, tmp_path / "shipped", codec=request.param)
    return tmp_path / "shipped"


def files(root):
    return [f for f in sorted(root.rglob("*")) if f.is_file() and f.parent.name != "cache"]


def test_a_sound_bank_verifies(root):
    report = verify_bank(root)
    assert report.ok and report.experts == 5 and not report.notes, report
    assert report.to_json()["ok"] is True


def test_d6_every_flipped_bit_is_found(root):
    rng, found = random.Random(1), 0
    paths = files(root)
    assert {p.suffix for p in paths} == {".sqlite", ".sum", ".safetensors"}
    for i in range(250):  # twice, once per kind of bank
        path = paths[i % len(paths)] if i % 2 else root / "bank.sqlite"
        whole = path.read_bytes()
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        report = verify_bank(root)
        path.write_bytes(whole)
        found += not report.ok
        if path.suffix == ".safetensors":
            assert any(path.name in d.item and d.experts for d in report.damage)
    assert found == 250 and verify_bank(root).ok


def test_d6_sqlites_own_check_misses_most_of_them(root):
    rng, found, path = random.Random(1), 0, root / "bank.sqlite"
    whole = path.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            db = sqlite3.connect(path)
            found += db.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        except sqlite3.DatabaseError:
            found += 1
        finally:
            db.close()
    assert found < 30


def test_rows_are_checked_even_when_the_sum_is_of_an_older_state(root):
    with sqlite3.connect(root / "bank.sqlite") as db:
        db.execute("UPDATE vector SET mean = zeroblob(1536) WHERE rowid = 1")
        db.execute("UPDATE meta SET value = replace(value, 'tiny', 'tony') WHERE key = 'layout'")
    db.close()
    (root / "bank.sum").unlink()
    report = verify_bank(root)
    assert {d.item for d in report.damage} == {"expert expert-0", "metadata layout"}
    assert any("bank.sum is not there" in note for note in report.notes)


def test_a_sum_of_an_older_state_is_a_note_and_is_renewed(tmp_path):
    root = tmp_path / "bank"
    with new_bank(root) as bank:
        bank.add(record(0), state(0))
        old = (root / "bank.sum").read_bytes()
        bank.add(record(1), state(1))
        (root / "bank.sum").write_bytes(old)  # as after a kill between the commit and the new sum
        report = verify_bank(bank.place)
        assert report.ok and "older state" in report.notes[0]
        bank.add(record(2), state(2))
        assert not verify_bank(bank.place).notes


def test_missing_and_foreign_blobs(tmp_path):
    root = tmp_path / "bank"
    with new_bank(root) as bank:
        stored = [bank.add(record(i), state(i)) for i in range(2)]
    gone = root / "blobs" / f"{stored[0].blob}.safetensors"
    gone.rename(root / "blobs" / f"{'0' * 64}.safetensors")
    report = verify_bank(root)
    assert {(d.item, d.experts) for d in report.damage} == {
        (f"blobs/{gone.name}", ("expert-0",)),
        (f"blobs/{'0' * 64}.safetensors", ()),
    }
    with Bank.open(root) as bank:  # sweeps what nobody uses
        assert bank.state("expert-1")
    assert not (root / "blobs" / f"{'0' * 64}.safetensors").exists()


def test_nothing_there(tmp_path):
    with pytest.raises(BankError, match=r"no bank there\. Make one: genlora bank init"):
        verify_bank(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    report = verify_bank(Path(tmp_path / "empty"))
    assert not report.ok and "no bank there" in report.damage[0].found
