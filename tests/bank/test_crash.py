"""Promises C2, D1, D2, D4 and D5 of a bank, each harness run against a naive writer that must fail it."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from genlora.bank import export_bank, verify_bank
from genlora.bank._factors import encode_raw

from .contenders import NaiveBank, RealBank
from .world import new_bank, record, state

HARNESS = Path(__file__).with_name("harness.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the harness forks and kills")


def run(what, kind, folder, count, seed=0):
    done = subprocess.run(
        [sys.executable, HARNESS, what, kind, folder / kind, str(count), str(seed)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def faults(found):
    return {k: v for k, v in found.items() if k in ("lost", "broken", "leftovers", "unreadable") and v}


@pytest.mark.parametrize("count", [15, pytest.param(200, marks=pytest.mark.slow)])
def test_d1_random_kills_lose_nothing(tmp_path, count):
    found = run("kills", "bank", tmp_path, count)
    assert found["kills"] == count and found["acknowledged"] > count / 4
    assert not faults(found), found


def test_d1_a_naive_writer_does_not_survive_kills(tmp_path):
    found = run("kills", "naive", tmp_path, 15)
    assert faults(found), found


def test_d1_a_kill_at_every_step_loses_nothing(tmp_path):
    found = run("steps", "bank", tmp_path, 1)
    assert found["kills"] > 20 and found["acknowledged"] == 1 and found["status"] == 0
    assert not faults(found), found
    assert faults(run("steps", "naive", tmp_path, 1))


def test_d4_a_full_disk_is_a_clear_error_and_nothing_else(tmp_path):
    found = run("full-disk", "bank", tmp_path, 20)
    assert found["refused"] >= 18 and found["refused"] + found["passed"] == 20, found
    assert not found["unclear"] and not found["retry_failed"] and not faults(found), found
    naive = run("full-disk", "naive", tmp_path, 20)
    assert naive["unclear"] and faults(naive), naive


@pytest.mark.parametrize("count", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_d5_eight_writers_and_eight_readers(tmp_path, count):
    found = run("crowd", "bank", tmp_path, count)
    assert found["experts"] == found["blobs"] == 8 * count + 1, found
    assert not found["failed_writers"] and not found["reader_errors"] and found["reads"] > 8, found
    assert not faults(found), found
    if found["others"] is None or found["others"] < 0.2:  # the promise is for a machine that does nothing else
        assert found["seconds"] <= 60, found
    (tmp_path / "done").unlink()
    naive = run("crowd", "naive", tmp_path, count)
    assert faults(naive) or naive["reader_errors"], naive


@pytest.mark.parametrize("count", [15, pytest.param(100, marks=pytest.mark.slow)])
def test_c2_a_kill_before_the_index_is_published(tmp_path, count):
    assert run("publish", "bank", tmp_path, count) == {"kills": count, "stale": 0}
    assert run("publish", "naive", tmp_path, 5)["stale"]


# ---- D2: power loss, on a model of a disk


class Disk:
    """Records what reaches the disk in which order, and says what a power cut leaves.

    Written bytes survive once their file was fsynced; a name survives once its folder was fsynced after the rename.
    """

    def __init__(self, monkeypatch):
        self.events = []
        self.paths = {}
        for name in ("write", "fsync", "replace", "rename"):
            self._wrap(monkeypatch, os, name)
        real_replace = Path.replace
        monkeypatch.setattr(Path, "replace", lambda p, target: self._rename(real_replace, p, target))

    def _wrap(self, monkeypatch, module, name):
        real = getattr(module, name)

        def call(first, *rest):
            if name == "replace" or name == "rename":
                self.events.append(("rename", str(first), str(rest[0])))
            elif first > 2:
                where = str(Path(f"/proc/self/fd/{first}").readlink())
                self.events.append((name, where, bytes(rest[0]) if rest else b""))
            return real(first, *rest)

        monkeypatch.setattr(module, name, call)

    def _rename(self, real, path, target):
        self.events.append(("rename", str(path), str(target)))
        os_replace, os.replace = os.replace, lambda *_: None  # not recorded twice where Path.replace calls it
        try:
            os.replace = os_replace
            count = len(self.events)
            out = real(path, target)
            del self.events[count:]
            return out
        finally:
            os.replace = os_replace

    def commit(self, blob):
        self.events.append(("commit", blob, b""))

    @staticmethod
    def after_cut(events):
        """(names that survive with their durable bytes, committed blobs) when the power fails after `events`."""
        content, synced, names = {}, {}, {}
        pending, committed = [], []
        for kind, a, b in events:
            if kind == "write":
                content[a] = content.get(a, b"") + b
            elif kind == "fsync" and a in content:
                synced[a] = content[a]
            elif kind == "fsync":  # a folder: renames in it are now durable
                for source, target in [p for p in pending if str(Path(p[1]).parent) == a]:
                    names[target] = synced.get(source, b"")
                    pending.remove((source, target))
            elif kind == "rename":
                pending.append((a, b))
            elif kind == "commit":
                committed.append(a)
        return names, committed


def listed_but_broken(events, expected):
    """Cuts after which the database names a blob that is not whole on disk."""
    bad = 0
    for cut in range(len(events) + 1):
        names, committed = Disk.after_cut(events[:cut])
        bad += any(names.get(blob) != expected[blob] for blob in committed)
    return bad


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_d2_everything_is_on_disk_before_the_commit(tmp_path, monkeypatch):
    bank = new_bank(tmp_path / "bank")
    expected = {}
    with monkeypatch.context() as patch:
        disk = Disk(patch)

        def trace(statement):
            if statement == "COMMIT":
                rows = bank.database.connection.execute("SELECT blob FROM expert ORDER BY id DESC LIMIT 1").fetchall()
                if rows and str(bank.blobs.path(rows[0][0])) not in {e[1] for e in disk.events if e[0] == "commit"}:
                    disk.commit(str(bank.blobs.path(rows[0][0])))

        for i in range(50):
            start = len(disk.events)
            bank.database.connection.set_trace_callback(trace)
            stored = bank.add(record(i), state(i))
            bank.database.connection.set_trace_callback(None)
            path = bank.blobs.path(stored.blob)
            expected[str(path)] = path.read_bytes()
            order = [e[0] for e in disk.events[start:] if "bank.sum" not in str(e[2])]
            assert order[:5] == ["write", "fsync", "rename", "fsync", "commit"], order
    bank.close()
    assert len(expected) == 50 and listed_but_broken(disk.events, expected) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_d2_a_writer_without_fsync_fails_on_the_model_disk(tmp_path, monkeypatch):
    naive, data = NaiveBank(tmp_path / "naive"), encode_raw(state(0))
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        naive.add(record(0), state(0))
        disk.commit(str(tmp_path / "naive" / "expert-0.safetensors"))
    assert listed_but_broken(disk.events, {str(tmp_path / "naive" / "expert-0.safetensors"): data})


def test_f6_an_interrupted_transaction_or_export_leaves_nothing(tmp_path, monkeypatch):
    root = tmp_path / "bank"
    with new_bank(root) as bank:
        for i in range(4):
            bank.add(record(i), state(i))
        names = bank.names()
        for stop in range(1, 30, 3):
            calls = iter(range(stop, -1, -1))

            def tick(real, *args, calls=calls):
                if next(calls, -1) == 0:
                    raise KeyboardInterrupt
                return real(*args)

            with monkeypatch.context() as patch:
                for name in ("write", "fsync"):
                    patch.setattr(os, name, partial(tick, getattr(os, name)))
                try:
                    with bank.atomic() as tx:
                        for i in range(5):
                            tx.add(record(100 + i), state(100 + i))
                    export_bank(bank, tmp_path / "out", codec="int4")
                except KeyboardInterrupt:
                    pass
            assert not list(tmp_path.glob(".genlora-tmp-*"))
            added = [n for n in bank.names() if n not in names]
            assert len(added) in (0, 5)
            if (tmp_path / "out").exists():
                assert verify_bank(tmp_path / "out").ok
                break
            with bank.atomic() as tx:
                for name in added:
                    tx.remove(name)
        assert verify_bank(bank.place).ok
    assert isinstance(RealBank(root).leftovers(), list) and not RealBank(root).leftovers()
