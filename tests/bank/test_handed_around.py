"""Banks are handed around: what a crafted one holds is refused in words, never believed, waited for or run."""

import os
import sqlite3

import pytest

from genlora.bank import Bank, verify_bank
from genlora.bank._meta import write_meta
from genlora.errors import BankDamagedError, BankError, GenloraError

from .world import new_bank, record, sql, state, unit


@pytest.fixture
def root(tmp_path):
    with new_bank(tmp_path / "bank") as bank:
        for i in range(9):
            bank.add(record(i), state(i))
        bank.index()
    return tmp_path / "bank"


def used(root):
    """All that a reader takes out of a bank."""
    with Bank.open(root, readonly=True) as bank:
        found = [(n.name, round(n.similarity, 5)) for query in unit(3, 5) for n in bank.search(query, 3)]
        cards = [(r.name, r.descriptions, r.licence, r.blob) for r in bank.records()]
        weights = {name: float(sum(p.delta().abs().sum() for p in bank.state(name).values())) for name in bank.names()}
        return found, cards, weights


SCHEMAS = {
    "a view in place of a table": (
        "ALTER TABLE vector RENAME TO hidden",
        "CREATE VIEW vector AS SELECT expert, mean FROM hidden",
    ),
    "a view without end": (
        "DROP TABLE vector",
        "CREATE VIEW vector AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS expert, zeroblob(1536) AS mean FROM n",
    ),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON expert BEGIN DELETE FROM expert; END",),
    "a table more": ("CREATE TABLE notes (a)",),
    "an index more": ("CREATE INDEX notes ON expert (sha256)",),
    "a table less": ("DROP TABLE embedding",),
    "another column": ("ALTER TABLE expert ADD COLUMN more",),
    "a value made by code": ("ALTER TABLE expert ADD COLUMN more GENERATED ALWAYS AS (zeroblob(id)) VIRTUAL",),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_only_the_tables_that_genlora_makes_are_read(root, case):
    for statement in SCHEMAS[case]:
        sql(root, statement)
    for readonly in (True, False):
        with pytest.raises(BankDamagedError, match="its tables are not those that genlora makes"):
            Bank.open(root, readonly=readonly)
    report = verify_bank(root)
    assert not report.ok and "its tables are not those" in report.damage[0].found


EDITS = {
    "a blob of another expert": (
        "UPDATE expert SET blob = (SELECT blob FROM expert WHERE name = 'expert-2') WHERE name = 'expert-1'"
    ),
    "a slot": "UPDATE expert SET slot = 1 WHERE name = 'expert-1'",
    "two names": "UPDATE expert SET name = CASE name WHEN 'expert-1' THEN 'expert-x' ELSE name END",
    "a licence": "UPDATE expert SET record = replace(record, 'cc0', 'mit') WHERE name = 'expert-1'",
    "a description": "UPDATE expert SET record = replace(record, 'do task 1', 'do task 2') WHERE name = 'expert-1'",
    "a generation": "UPDATE expert SET generation = 1 WHERE name = 'expert-5'",
    "a vector": "UPDATE vector SET mean = (SELECT mean FROM vector WHERE expert = 2) WHERE expert = 1",
    "embeddings": "UPDATE embedding SET rows = (SELECT rows FROM embedding WHERE expert = 2) WHERE expert = 1",
    "a vector is gone": "DELETE FROM vector WHERE expert = 1",
    "an expert is gone": "DELETE FROM expert WHERE name = 'expert-1'",
    "an expert twice": (
        "INSERT INTO expert (name, generation, record, blob, sha256)"
        " SELECT 'expert-x', generation, record, blob, sha256 FROM expert WHERE name = 'expert-1'"
    ),
    "text for bytes": "UPDATE vector SET mean = 'text' WHERE expert = 1",
    "a number for text": "UPDATE expert SET record = 7 WHERE name = 'expert-1'",
    "bytes for text": "UPDATE expert SET record = CAST(record AS BLOB) WHERE name = 'expert-1'",
    "bytes for a name": "UPDATE expert SET name = x'ff' WHERE name = 'expert-1'",
    "no text at all": "UPDATE expert SET record = CAST(x'ff' AS TEXT) WHERE name = 'expert-1'",
    "a huge value": "UPDATE embedding SET rows = zeroblob(300000000) WHERE expert = 1",
    "state": "UPDATE meta SET value = replace(value, '\"removed\": 0', '\"removed\": 9') WHERE key = 'state'",
}


@pytest.mark.parametrize("warm", [True, False], ids=["with its index", "without"])
@pytest.mark.parametrize("case", EDITS)
def test_an_edited_row_is_told_wherever_it_is_used(root, case, warm, caplog):
    before = used(root)
    if not warm:
        (root / "cache" / "index.bin").unlink()
    sql(root, EDITS[case])
    caplog.clear()
    try:
        after = used(root)
    except GenloraError:
        pass
    else:
        told = "damaged" in caplog.text
        assert told or after == before, "used in silence"
    assert not verify_bank(root).ok


def crafted_meta(root, key, value):
    """Metadata whose digest fits, as nobody but genlora would write it."""
    with Bank.open(root) as bank, bank.database.writing():
        write_meta(bank.database, key, value)


@pytest.mark.parametrize("key", ["state", "bank", "layout", "fingerprint", "user:norms", "user:embedder"])
@pytest.mark.parametrize("value", [None, [], {}, 7, "text", {"rank": "8"}, {"generation": "x", "revision": 1}])
def test_metadata_of_another_form_is_an_error_in_words(root, key, value):
    crafted_meta(root, key, value)
    try:
        with Bank.open(root) as bank:
            assert bank.fingerprint and bank.generation >= 0
            bank.add(record(20), state(20))
    except GenloraError as err:
        assert str(err)
    verify_bank(root)


def test_a_file_longer_than_its_pages_is_not_read_to_its_end(root):
    with (root / "bank.sqlite").open("r+b") as f:
        f.truncate(1 << 40)  # sparse: a terabyte that takes no room
    for readonly in (True, False):
        with pytest.raises(BankDamagedError, match="of which its header knows"):
            Bank.open(root, readonly=readonly)
    assert not verify_bank(root).ok


def test_a_sparse_blob_is_not_read_into_memory(root):
    path = next((root / "blobs").iterdir())
    os.truncate(path, 1 << 40)
    with Bank.open(root, readonly=True) as bank, pytest.raises(BankDamagedError, match="expected at most"):
        for name in bank.names():
            bank.state(name)
    assert not verify_bank(root).ok


@pytest.mark.parametrize("name", ["bank.sqlite", "bank.sum", "cache/index.bin", "a blob"])
@pytest.mark.parametrize("kind", ["pipe", "endless", "folder", "nowhere"])
def test_what_is_no_file_is_never_waited_for(root, name, kind):
    path = root / name if name != "a blob" else next((root / "blobs").iterdir())
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "endless":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "nowhere":
            path.symlink_to("/nowhere/at/all")
    try:
        used(root)
        assert name in ("bank.sum", "cache/index.bin")
    except BankError as err:
        assert "internal" not in str(err)
    if name != "bank.sqlite":
        assert verify_bank(root).ok == (name == "cache/index.bin" or (name == "bank.sum" and kind == "nowhere"))


def test_pages_that_lead_to_the_same_page_over_and_over_come_to_an_end(tmp_path):
    """Twenty levels of a tree, each of whose pages lists the next one a few hundred times: no scan would end."""
    with new_bank(tmp_path / "bank") as bank:
        with bank.atomic() as tx:
            for i in range(400):
                tx.add(record(i), state(i % 3))
    path = tmp_path / "bank" / "bank.sqlite"
    with sqlite3.connect(path) as db:
        root_page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'vector'").fetchone()[0]
    db.close()
    data, page = bytearray(path.read_bytes()), 4096
    at = (root_page - 1) * page
    assert data[at] == 5, "an interior page of a table"
    cells = int.from_bytes(data[at + 3 : at + 5], "big")

    assert cells > 10
    inner = [int.from_bytes(data[at + 12 + 2 * i : at + 14 + 2 * i], "big") for i in range(cells)]
    for cell in inner:
        data[at + cell : at + cell + 4] = root_page.to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(BankDamagedError), Bank.open(tmp_path / "bank", readonly=True) as bank:
        bank.index()
    assert not verify_bank(tmp_path / "bank").ok
