"""The index: exact, never stale, never trusting its cache file (C1, C3, C4)."""

import hashlib
import random
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from genlora.bank import Bank, FlatIndex, Neighbour, verify_bank
from genlora.bank._index import IndexCache
from genlora.bank._meta import write_meta
from genlora.bank._vectors import NOTHING, with_vectors
from genlora.bank.folder import SqliteDatabase
from genlora.errors import BankError

from .world import DIM, new_bank, record, sql, state, unit


def brute(names, vectors, query, k):
    scores = vectors @ query
    return [names[i] for i in np.argsort(-scores, kind="stable")[:k]]


@pytest.fixture
def bank(tmp_path):
    with new_bank(tmp_path / "bank") as made:
        with made.atomic() as tx:
            for i in range(20):
                tx.add(record(i), state(i % 3))
        yield made


def test_neighbours_equal_brute_force_on_a_thousand_queries():
    names, vectors = [f"e{i}" for i in range(3000)], unit(1, 3000)
    index = FlatIndex(names, vectors, revision="r")
    for query in unit(2, 1000):
        found = index.search(query, 5)
        assert [n.name for n in found] == brute(names, vectors, query, 5)
        assert found[0].similarity == pytest.approx(float((vectors @ query).max()), abs=1e-5)


def test_equal_neighbours_come_in_order_of_name_and_k_is_bounded():
    vectors = np.repeat(unit(1), 3, axis=0)
    index = FlatIndex(["c", "a", "b"], vectors, revision="r")
    assert [n.name for n in index.search(vectors[0], 10)] == ["a", "b", "c"]
    assert index.search(vectors[0], 0) == [] and FlatIndex([], vectors[:0], revision="r").search(vectors[0], 3) == []


def test_a_wrong_query_says_so(bank):
    with pytest.raises(BankError, match="query has 8 numbers, expected 384"):
        bank.search(np.ones(8, np.float32))
    for bad in (np.zeros(DIM), np.full(DIM, np.nan)):
        with pytest.raises(BankError, match="zero or not finite"):
            bank.search(bad.astype(np.float32))


def test_search_follows_every_change(bank):
    first = bank.index()
    bank.add(record(50), state(1))
    assert bank.search(bank.get("expert-50").mean_embedding, 1)[0].name == "expert-50"
    bank.remove("expert-50")
    bank.remove("expert-3")
    assert {"expert-3", "expert-50"}.isdisjoint(bank.index().names) and len(bank.index().names) == 19
    assert "expert-3" in first.names  # the old snapshot did not change
    with Bank.open(bank.files.root) as other:
        other.add(record(60), state(1))
    assert "expert-60" in bank.index().names


def test_the_cache_is_used_when_it_fits_and_only_then(bank, monkeypatch):
    bank.index()
    bank.close()
    root, asked = bank.files.root, []
    monkeypatch.setattr(SqliteDatabase, "vectors", lambda self, since: asked.append(since) or [])
    with Bank.open(root, readonly=True) as again:
        assert len(again.index().names) == 20 and not asked


def test_c1_no_mutated_index_file_reaches_faiss(bank, monkeypatch):
    bank.index()
    path, known = bank.files.index, bank.read_state()
    whole = path.read_bytes()
    made, real = [], FlatIndex.__init__
    monkeypatch.setattr(FlatIndex, "__init__", lambda self, *a, **k: made.append(1) or real(self, *a, **k))
    assert IndexCache(path).load(known.revision, known.vectors) and made == [1]
    rng = random.Random(0)
    for i in range(1000):
        data = bytearray(whole)
        match i % 4:
            case 0:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 1:
                del data[rng.randrange(len(data)) :]
            case 2:
                data += rng.randbytes(rng.randrange(1, 99))
            case 3:
                at = rng.randrange(len(data) - 8)
                data[at : at + 8] = bytes(255 - b for b in data[at : at + 8])
        path.write_bytes(data)
        assert IndexCache(path).load(known.revision, known.vectors) is None, i
    assert made == [1]
    bank.close()
    with Bank.open(bank.files.root) as again:
        names, vectors = again.index().names, again.index().vectors()
        for query in unit(3, 50):
            assert [n.name for n in again.search(query, 4)] == brute(names, vectors, query, 4)


CRAFTED = {
    "two experts have changed places": lambda n, v: ((n[1], n[0], *n[2:]), v),
    "another name": lambda n, v: (("expert-99", *n[1:]), v),
    "one vector is another's": lambda n, v: (n, np.concatenate([v[1:2], v[1:]])),
    "a vector of no expert": lambda n, v: (n, np.concatenate([unit(77), v[1:]])),
    "an expert is gone": lambda n, v: (n[1:], v[1:]),
    "an expert more": lambda n, v: ((*n, "expert-99"), np.concatenate([v, unit(77)])),
    "none at all": lambda n, v: ((), v[:0]),
    "narrower": lambda n, v: (n, v[:, :8]),
    "of a last bit": lambda n, v: (n, np.nextafter(v, np.float32(2))),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_a_crafted_index_whose_digest_fits_changes_nothing(bank, case):
    """Banks are handed around: whoever writes the file can write its digest too, but not what the bank was committed
    with."""
    right = [bank.search(query, 4) for query in unit(3, 20)]
    names, vectors = CRAFTED[case](bank.index().names, bank.index().vectors())
    crafted = FlatIndex(names, vectors, revision=bank.revision)
    bank.close()
    bank.files.index.write_bytes(crafted.to_bytes())
    with Bank.open(bank.files.root, readonly=True) as again:
        assert [again.search(query, 4) for query in unit(3, 20)] == right
    assert verify_bank(bank.place).ok, "the cache is no part of what is kept"


@pytest.mark.parametrize("header", [b"[]", b"null", b'{"revision": 1}', b'{"dim": 1e300}', b"{" * 999])
def test_an_index_with_an_odd_header_is_built_anew(bank, header):
    names = b"a"
    rest = len(header).to_bytes(8, "big") + len(names).to_bytes(8, "big") + header + names + bytes(4)
    assert bank.index()
    bank.close()
    bank.files.index.write_bytes(b"genlora-index-2\n" + hashlib.sha256(rest).digest() + rest)
    with Bank.open(bank.files.root, readonly=True) as again:
        assert len(again.index().names) == 20


def test_an_index_of_another_revision_is_not_used(bank):
    index, total = bank.index(), bank.read_state().vectors
    assert FlatIndex.from_bytes(index.to_bytes(), revision=index.revision, total=total) is not None
    assert FlatIndex.from_bytes(index.to_bytes(), revision="0" * 64, total=total) is None
    assert FlatIndex.from_bytes(index.to_bytes(), revision=index.revision, total="0" * 64) is None


@pytest.mark.parametrize("sum_of", ["adding", "removing", "replacing", "embedding anew", "describing", "a damaged row"])
def test_the_sum_over_vectors_follows_every_change(bank, sum_of):
    class Other:
        id = "f" * 64

        def embed(self, texts, *, batch_size=1):
            return unit(5, len(texts))

    class Bankslike(Other):
        id = record(3).embedder

    match sum_of:
        case "adding":
            bank.add(record(50), state(1))
        case "removing":
            bank.remove("expert-3")
        case "replacing":
            bank.add(record(7, descriptions=("another",), embeddings=unit(99)), state(1), replace=True)
        case "embedding anew":
            with bank.atomic() as tx:
                tx.embed_again(Other())
        case "describing":
            with bank.atomic() as tx:
                tx.describe("expert-3", ["said otherwise", "and again"], Bankslike())
        case "a damaged row":
            sql(bank.files.root, "UPDATE expert SET record = '{}' WHERE name = 'expert-3'")
            bank.remove("expert-3")
    rows = [(r.name, r.mean_embedding.tobytes()) for r in bank.records()]
    assert bank.read_state().vectors == with_vectors(NOTHING, rows) != NOTHING
    assert set(bank.index().names) == {name for name, _ in rows} and verify_bank(bank.place).ok


def test_a_bank_without_the_sum_is_looked_at_row_by_row(bank, caplog):
    """As an older genlora wrote it."""
    right = [bank.search(query, 4) for query in unit(3, 5)]
    root, old = bank.files.root, bank.read_state()
    bank.close()
    with Bank.open(root) as opened, opened.database.writing():
        write_meta(
            opened.database, "state", {"generation": old.generation, "revision": old.revision, "removed": old.removed}
        )
    with Bank.open(root, readonly=True) as again:
        assert [again.search(query, 4) for query in unit(3, 5)] == right
    sql(root, "UPDATE vector SET mean = (SELECT mean FROM vector WHERE expert = 2) WHERE expert = 1")
    with Bank.open(root) as again:
        assert [again.search(query, 4) for query in unit(3, 5)] == right
        again.add(record(50), state(1))
        assert again.read_state().vectors


# ---- C3: a lost index


class TrustingBank:
    """What one writes first: the index is a file like any other, and what is not in it is not there."""

    def __init__(self, root):
        self.bank = Bank.open(root)

    def index(self):
        known = self.bank.read_state()
        found = IndexCache(self.bank.files.index).load(known.revision, known.vectors)
        return found or FlatIndex([], unit(1)[:0], revision=self.bank.revision)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bank.close()


def comes_back(root, kind, vectors):
    """Delete the index of a bank whose expert `e77` has vector 77; whether it is back, and in how many seconds."""
    (root / "cache" / "index.bin").unlink()
    start = time.perf_counter()
    with kind(root) as bank:
        index = bank.index()
        seconds = time.perf_counter() - start
        found = index.search(vectors[77], 1)
        return len(index) == len(vectors) and found[0].name == "e77", seconds


def test_c3_a_lost_index_of_ten_thousand_comes_back_in_time(tmp_path):
    with new_bank(tmp_path / "bank") as bank:
        st, vectors = state(1), unit(1, 10_000)
        with bank.atomic() as tx:
            stored = tx.add(record(0, embeddings=vectors[:1], descriptions=("x",)), st)
            for i in range(1, 10_000):
                rec = record(0, name=f"e{i}", descriptions=("x",), embeddings=vectors[i : i + 1])
                tx.insert(rec.with_(blob=stored.blob, base=stored.base, generation=tx.generation), None)
        bank.index()
    assert not comes_back(tmp_path / "bank", TrustingBank, vectors)[0]
    with Bank.open(tmp_path / "bank") as bank:
        bank.index()
    whole, seconds = comes_back(tmp_path / "bank", Bank.open, vectors)
    assert whole and seconds < 5.0


# ---- C4: searching while the bank changes


class LiveIndex:
    """What one writes first: one index for all, brought up to date in place while others search it."""

    def __init__(self, bank):
        self._bank, self.names, self._rows = bank, [], np.zeros((0, DIM), np.float32)

    @property
    def revision(self):
        return self._bank.revision

    def vectors(self):
        return self._rows

    def add(self, name, vector):
        self.names.append(name)
        time.sleep(0.001)  # as long as a larger index takes
        self._rows = np.concatenate([self._rows, vector[None]])

    def remove(self, name):
        at = self.names.index(name)
        self.names.remove(name)
        self._rows = np.delete(self._rows, at, axis=0)

    def search(self, query, k):
        scores = self._rows @ query
        return [Neighbour(self.names[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]


class LiveBank:
    """A bank with a `LiveIndex`."""

    def __init__(self, bank):
        self._bank, self._index = bank, LiveIndex(bank)
        for name in bank.names():
            self._index.add(name, bank.get(name).mean_embedding)

    def add(self, rec, st):
        self._index.add(rec.name, rec.mean_embedding)
        self._bank.add(rec, st)

    def remove(self, name):
        self._index.remove(name)
        self._bank.remove(name)

    def index(self):
        return self._index

    def __getattr__(self, name):
        return getattr(self._bank, name)


@dataclass
class Hammered:
    """What eight searching threads met."""

    searches: int = 0
    errors: list[Exception] = field(default_factory=list)
    wrong: list[list[str]] = field(default_factory=list)
    """Answers that differ from brute force over the index that gave them."""
    states: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    """Revisions and the names each was said to hold."""
    strange: int = 0
    """How many of `states` were never committed."""


def hammer(bank, seconds, adds):
    """Eight threads search while `adds` experts come and some go; every answer must be of a committed generation."""
    committed = {bank.revision: set(bank.names())}
    query, met, end = unit(9)[0], Hammered(), threading.Event()

    def search():
        while not end.is_set():
            try:
                index = bank.index()
                found = [n.name for n in index.search(query, 5)]
                if found != brute(list(index.names), index.vectors(), query, 5):
                    met.wrong.append(found)
                met.states.add((index.revision, tuple(sorted(index.names))))
                met.searches += 1
            except Exception as err:
                met.errors.append(err)

    threads = [threading.Thread(target=search) for _ in range(8)]
    for t in threads:
        t.start()
    start = time.monotonic()
    for i in range(adds):
        bank.add(record(1000 + i), state(i % 3))
        committed[bank.revision] = set(bank.names())
        if i % 10 == 9:
            bank.remove(f"expert-{1000 + i}")
            committed[bank.revision] = set(bank.names())
        time.sleep(max(0.0, seconds * (i + 1) / adds - (time.monotonic() - start)))
    end.set()
    for t in threads:
        t.join()
    met.strange = sum(set(names) != committed.get(revision) for revision, names in met.states)
    return met


@pytest.mark.parametrize(("seconds", "adds"), [(6, 60), pytest.param(60, 200, marks=pytest.mark.slow)])
def test_c4_searching_while_experts_are_added(bank, seconds, adds):
    met = hammer(bank, seconds, adds)
    assert not met.errors and not met.wrong and not met.strange, met
    assert met.searches > 50 and len(met.states) > 3


def test_c4_an_index_that_changes_in_place_fails(bank):
    met = hammer(LiveBank(bank), 1, 20)
    assert met.strange, met
