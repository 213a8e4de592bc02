"""Making and opening a bank: what is refused, what is never written, how SQLite is set (D3)."""

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from genlora.bank import Bank, export_bank, verify_bank
from genlora.bank.folder import _db as db_module
from genlora.bank.folder import _folder, _sqlite
from genlora.errors import BankDamagedError, BankError, StorageError

from .world import fingerprint, layout, new_bank, record, sql, state, tree, unit


@pytest.fixture
def bank(tmp_path):
    with new_bank(tmp_path / "bank") as made:
        yield made


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


def test_a_newer_schema_is_refused_politely(tmp_path):
    new_bank(tmp_path / "bank").close()
    sql(tmp_path / "bank", "PRAGMA user_version = 99")
    with pytest.raises(BankError, match="made by a newer genlora"):
        Bank.open(tmp_path / "bank")


# ---- D3: how SQLite is set, on every connection


class Watched(db_module.Connection):
    """Notes its journal and `synchronous` whenever a transaction begins, and when it is closed."""

    seen: list[tuple[str, int]] = []  # noqa: RUF012 - one list for all connections of a test

    def note(self):
        pragmas = ("journal_mode", "synchronous")
        Watched.seen.append(tuple(super(Watched, self).execute(f"PRAGMA {p}").fetchone()[0] for p in pragmas))

    def execute(self, statement, *args):
        if statement.startswith("BEGIN"):
            self.note()
        return super().execute(statement, *args)

    def close(self):
        with suppress(sqlite3.ProgrammingError):  # closed already
            self.note()
        super().close()


def settings(folder, monkeypatch):
    """(journal, synchronous) of every connection that a bank's life opens."""
    opened, real = [], sqlite3.connect
    Watched.seen = []
    with monkeypatch.context() as patch:
        db_module._schema(len(db_module.MIGRATIONS))  # in memory, once a process
        watched = {"factory": Watched}
        patch.setattr(sqlite3, "connect", lambda *a, **k: opened.append(1) or real(*a, **{**k, **watched}))
        with new_bank(folder / "bank") as bank:
            bank.add(record(1), state(1))
            verify_bank(bank.place)
            export_bank(bank, folder / "copy")
        Bank.open(folder / "copy", readonly=True).close()
    assert len(opened) >= 5 and len(Watched.seen) >= len(opened)
    return set(Watched.seen)


def write_ahead(folder):
    """A bank whose database somebody switched to a write-ahead log."""
    new_bank(folder / "wal").close()
    sql(folder / "wal", "PRAGMA journal_mode = WAL")
    return folder / "wal"


def test_d3_every_connection_is_safe_and_wal_is_refused(tmp_path, monkeypatch):
    assert settings(tmp_path, monkeypatch) == {("delete", 2)}
    root = write_ahead(tmp_path)
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.40.1")
    with pytest.raises(BankError, match=r"in WAL mode, which SQLite before 3.51.3 can corrupt"):
        Bank.open(root)


def test_d3_a_connection_as_tutorials_have_it_fails(tmp_path, monkeypatch):
    def connect(path, *, readonly=False, create=False):
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db_module.migrate(db, path, readonly=readonly)
        return db

    root = write_ahead(tmp_path)
    for module in (_folder, _sqlite):
        monkeypatch.setattr(module, "connect", connect)
    assert settings(tmp_path, monkeypatch) == {("wal", 1)}
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.40.1")
    Bank.open(root).close()  # not refused


def test_read_only_never_writes(tmp_path):
    root = tmp_path / "bank"
    with new_bank(root) as bank:
        bank.add(record(1), state(1))
    (root / "blobs" / ".genlora-tmp-left").write_bytes(b"x")
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
        export_bank(bank, shipped, codec="int8")
    for path in (*shipped.rglob("*"), shipped):
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = subprocess.run([sys.executable, "-c", UNPRIVILEGED, shipped], capture_output=True, text=True)
    assert done.stdout.split() == ["expert-1", "4", "False"], done.stderr


def test_blobs_and_sums_can_be_read_by_other_users(bank):
    bank.add(record(1), state(1))
    modes = {f.stat().st_mode & 0o444 for f in bank.files.root.rglob("*") if f.is_file()}
    assert modes == {0o444}
