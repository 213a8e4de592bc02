"""The store: immutable, whole or absent, and never emptied under a server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genlora.errors import DigestError, StorageError
from genlora.files import canonical_json
from genlora.push import AdapterStore, content_digest
from genlora.push._store import check_free, process_mark

FILES = {"adapter_config.json": b"{}\n", "adapter_model.safetensors": b"\0" * 64, "receipt.json": b"{}"}
LOADED = {k: FILES[k] for k in ("adapter_config.json", "adapter_model.safetensors")}
URL = "http://127.0.0.1:8000"


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "store")


def old(folder: Path) -> None:
    os.utime(folder, (0, 0))


def test_a_folder_is_named_by_its_content_and_never_rewritten(store):
    folder = store.publish(FILES, named_by=LOADED)
    assert folder == store.place(content_digest(LOADED))
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert store.publish({**FILES, "receipt.json": b"{1}"}, named_by=LOADED) == folder
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    (folder / "adapter_model.safetensors").write_bytes(b"\1" * 64)
    with pytest.raises(DigestError, match="is not the file that the folder's name stands for"):
        store.publish(FILES, named_by=LOADED)


def naive_collect(store: AdapterStore) -> None:
    for digest in store.digests():
        shutil.rmtree(store.place(digest))


def test_a_leased_folder_outlives_collection(store):
    folder = store.publish(FILES, named_by=LOADED)
    old(folder)
    store.lease(folder.name, URL)
    copy = AdapterStore(store.root.with_name("naive"))
    shutil.copytree(store.root, copy.root)
    naive_collect(copy)
    assert copy.digests() == []  # what a collector that does not look at leases does to a live server
    assert store.collect(grace_s=0) == [] and folder.is_dir()
    assert store.release(folder.name, URL)
    assert store.collect(grace_s=3600) == [] and folder.is_dir()
    assert store.collect(grace_s=0) == [folder]
    assert not folder.exists() and not (store.root / "leases" / folder.name).exists()
    assert not store.release(folder.name, URL)


def test_one_open_lease_of_two_is_enough_and_a_damaged_one_counts_as_open(store):
    folder = store.publish(FILES, named_by=LOADED)
    old(folder)
    for url in (URL, URL + "1"):
        store.lease(folder.name, url)
    store.release(folder.name, URL)
    assert sorted(x.open for x in store.leases(folder.name)) == [False, True]
    assert store.collect(grace_s=0) == []
    store.release(folder.name, URL + "1")
    next((store.root / "leases" / folder.name).iterdir()).write_bytes(b"{cut")
    assert store.collect(grace_s=0) == []


def test_a_fresh_folder_is_left_to_whoever_just_made_it(store):
    folder = store.publish(FILES, named_by=LOADED)
    assert store.collect(grace_s=60) == [] and folder.is_dir()


def test_a_lease_of_a_process_that_ended_is_over_and_one_of_another_machine_is_not(store):
    folder = store.publish(FILES, named_by=LOADED)
    old(folder)
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    place = store.root / "leases" / folder.name
    place.mkdir(parents=True)
    lease = {"digest": folder.name, "server": "x", "since": int(time.time()), **process_mark()}
    for change in (
        {"pid": os.getpid()},
        {"pid": done.pid, "host": "elsewhere"},
        {"pid": done.pid, "pid_namespace": ""},
    ):
        (place / "a.json").write_bytes(canonical_json({**lease, **change}))
        assert store.collect(grace_s=0) == [], change
    (place / "a.json").write_bytes(canonical_json({**lease, "pid": done.pid}))
    assert store.collect(grace_s=0) == [folder]


def test_a_kill_leaves_a_whole_folder_or_none(store):
    code = (
        "import sys; from pathlib import Path; from genlora.push._store import AdapterStore\n"
        "store = AdapterStore(Path(sys.argv[1])); i = 0\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    store.publish({'adapter_config.json': b'%d' % i, 'adapter_model.safetensors': bytes(200_000)}); i += 1\n"
    )
    store.root.mkdir()
    for wait in (0.05, 0.15):
        process = subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    names = store.digests()
    assert names
    for name in names:
        files = {p.name: p.read_bytes() for p in store.place(name).iterdir()}
        assert content_digest(files) == name


def test_a_full_disk_is_told_before_anything_is_written(store, monkeypatch):
    class Usage:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(StorageError, match="1,000 bytes needed, 10 bytes free"):
        check_free(store.root, 1000)
    assert not store.root.exists()


def test_leases_are_json_that_a_person_can_read(store):
    store.lease("0" * 32, URL)
    (path,) = (store.root / "leases" / ("0" * 32)).iterdir()
    assert json.loads(path.read_text()).keys() == {"digest", "server", "since"}
