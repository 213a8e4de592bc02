"""Banks of many experts: lists find candidates, rows rank them, and nothing in a cache file is believed."""

import threading

import numpy as np
import pytest

from genlora.bank import Bank, FlatIndex, verify_bank
from genlora.bank.folder import _large, _snapshot
from genlora.bank.folder._ivf import read_lists
from genlora.bank.folder._large import LargeIndex
from genlora.errors import BankError

from .world import DIM, new_bank, record, sql, state, unit

MANY = 600


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Six hundred are many here."""
    monkeypatch.setattr(_snapshot, "LARGE", MANY)
    monkeypatch.setattr(_large, "_CHUNK", 64)


def means(count, seed=0):
    """Clusters of forty, as tasks have wordings."""
    centres, rng = unit(seed, -(-count // 40)), np.random.default_rng(seed)
    x = np.repeat(centres, 40, 0)[:count] + 0.03 * rng.standard_normal((count, DIM))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def fill(tx, vectors, start=0):
    first = tx.bank.get("expert-0") if start else tx.add(record(0, embeddings=vectors[:1].repeat(2, 0)), state(0))
    for i in range(start or 1, start + len(vectors)):
        row = record(i, embeddings=vectors[i - start][None].repeat(2, 0), base=first.base, rank=first.rank)
        tx.insert(row.with_(blob=first.blob, generation=tx.generation), None)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "bank"
    with new_bank(path) as bank, bank.atomic() as tx:
        fill(tx, means(MANY))
    return path


@pytest.fixture
def root(source, tmp_path):
    import shutil

    return shutil.copytree(source, tmp_path / "bank")


def exact(bank):
    names = bank.names()
    return FlatIndex(names, np.stack([bank.get(n).mean_embedding for n in names]), revision="")


def test_nearly_what_an_exact_search_finds_with_exact_similarities(root):
    with Bank.open(root) as bank:
        index, flat = bank.index(), exact(bank)
        assert isinstance(index, LargeIndex) and len(index.names) == MANY and index.revision == bank.revision
        queries = unit(9, 100) * 0.02 + means(100, 0)
        same = 0
        for query in queries:
            found, wanted = index.search(query, 8), flat.search(query, 8)
            same += [n.name for n in found] == [n.name for n in wanted]
            assert found[0].similarity == pytest.approx(wanted[0].similarity, abs=1e-6)
        assert same >= 99
        assert index.search(queries[0], 0) == []
        for bad, says in ((np.ones(8), "query has 8"), (np.zeros(DIM), "zero or not"), (np.full(DIM, np.nan), "zero")):
            with pytest.raises(BankError, match=says):
                index.search(bad.astype(np.float32), 3)
    assert verify_bank(root).ok


def test_the_lists_are_kept_and_used_and_follow_changes(root, monkeypatch):
    with Bank.open(root) as bank:
        bank.index()
    monkeypatch.setattr(_large, "renewed", None)  # not made again
    late, query = means(3, 5), unit(7)[0]
    with Bank.open(root) as bank:
        before = bank.search(query, 4)
        with bank.atomic() as tx:
            tx.add(record(9001, embeddings=query[None].repeat(2, 0)), state(1))
            tx.remove(before[0].name)
            fill(tx, late, 7000)
        after = bank.search(query, 4)
        assert after[0].name == "expert-9001" and after[0].similarity == pytest.approx(1, abs=1e-3)
        assert before[0].name not in [n.name for n in after]
        assert [n.name for n in after] == [n.name for n in exact(bank).search(query, 4)]
        assert bank.search(late[2], 1)[0].name == "expert-7002"
    with Bank.open(root, readonly=True) as bank:
        assert bank.search(query, 4) == after


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.2, 0.6, 0.9999])
def test_a_damaged_file_is_not_used(root, share, caplog):
    with Bank.open(root) as bank:
        bank.index()
        query = unit(3)[0]
        wanted = bank.search(query, 5)
    path = root / "cache" / "lists.bin"
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 16
    path.write_bytes(data)
    assert read_lists(path) is None
    with Bank.open(root, readonly=True) as bank:  # cannot keep new ones: exact
        assert isinstance(bank.index(), FlatIndex) and [n.name for n in bank.search(query, 5)] == [
            n.name for n in wanted
        ]
    assert "no index for a bank of its size" in caplog.text
    with Bank.open(root) as bank:
        assert isinstance(bank.index(), LargeIndex) and bank.search(query, 5) == wanted
    assert read_lists(path) is not None


def test_a_file_of_another_bank_or_cut_short_is_not_used(root, tmp_path):
    with new_bank(tmp_path / "other") as bank:
        with bank.atomic() as tx:
            fill(tx, means(MANY, seed=1))
        bank.index()
    theirs = (tmp_path / "other" / "cache" / "lists.bin").read_bytes()
    for data in (theirs, theirs[:-1], theirs + b"\0", b"", b"genlora-ivf-1\n"):
        (root / "cache").mkdir(exist_ok=True)
        (root / "cache" / "lists.bin").write_bytes(data)
        with Bank.open(root, readonly=True) as bank:
            assert isinstance(bank.index(), FlatIndex)


def test_a_row_that_was_changed_is_left_out(root, caplog):
    with Bank.open(root) as bank:
        bank.index()
        query = bank.get("expert-5").mean_embedding
    seventh = "expert = (SELECT id FROM expert WHERE name = 'expert-7')"
    sql(root, f"UPDATE vector SET mean = x'{query.tobytes().hex()}' WHERE {seventh}")
    sql(root, "UPDATE expert SET record = replace(record, 'do task', 'undo task') WHERE name = 'expert-5'")
    with Bank.open(root, readonly=True) as bank:
        found = [n.name for n in bank.search(query, 3)]
    assert len(found) == 3 and not {"expert-5", "expert-7"} & set(found)
    assert "its row is damaged" in caplog.text and "its vector is not that" in caplog.text


def test_the_lists_can_be_asked_for(root, tmp_path, monkeypatch):
    monkeypatch.setattr("genlora.bank._store.LARGE", MANY)
    with Bank.open(root) as bank:
        assert bank.set_search("lists") and not bank.set_search("lists")
        with pytest.raises(BankError, match="searches exactly, or from 600 experts on by lists"):
            bank.set_search("hnsw")
    with new_bank(tmp_path / "few") as bank, pytest.raises(BankError, match="so many experts"):
        bank.set_search("lists")


def test_when_many_came_after_the_lists_they_are_made_anew(root):
    with Bank.open(root) as bank:
        bank.index()
        with bank.atomic() as tx:
            fill(tx, means(100, 4), MANY)
        assert bank.index().waiting == 100 and bank.index().stale
    made = read_lists(root / "cache" / "lists.bin")
    assert made is not None and made.count == MANY + 100
    with Bank.open(root, readonly=True) as bank:
        assert bank.index().waiting == 0


def test_searching_while_another_process_would_write(root):
    with Bank.open(root) as reader, Bank.open(root) as writer:
        reader.index()
        faults, stop = [], threading.Event()

        def search():
            while not stop.is_set():
                found = reader.search(unit(2)[0], 8)
                if len({n.name for n in found}) != 8 or sorted(found, key=lambda n: (-n.similarity, n.name)) != found:
                    faults.append(found)

        threads = [threading.Thread(target=search) for _ in range(2)]
        for t in threads:
            t.start()
        for i in range(8):
            writer.add(record(8000 + i), state(i % 3))
            if i % 2:
                writer.remove(f"expert-{8000 + i}")
        stop.set()
        for t in threads:
            t.join()
        assert not faults and reader.index().waiting == 4
