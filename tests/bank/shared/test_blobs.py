"""Blobs through fsspec: a shared folder, and a store that is no folder; checked on every read, cached, written once."""

import os

import fsspec
import pytest

from genlora.bank import Bank, verify_bank
from genlora.bank.shared._blobs import SharedBlobs, blobs_url
from genlora.bank.shared._cache import BlobCache
from genlora.errors import BankDamagedError, BankError, ConfigError, MissingExtraError, StorageError
from genlora.files import sha256_bytes

from ..world import fingerprint, layout, record, state

DATA = [bytes([i]) * 1000 for i in range(5)]


@pytest.fixture
def memory():
    """The root of fsspec's store in memory, empty."""
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    yield fs
    fs.store.clear()


@pytest.fixture(params=["memory", "folder"])
def store(request, memory, tmp_path):
    url = "memory://bank/blobs" if request.param == "memory" else blobs_url(str(tmp_path / "blobs"))
    return SharedBlobs(url, cache=BlobCache(tmp_path / "cache", limit=2500))


def test_blobs_are_written_once_and_checked_on_every_read(store):
    digests = [store.put(data)[0] for data in DATA]
    assert digests == [sha256_bytes(data) for data in DATA] == [str(store.path(d)).split("/")[-1][:64] for d in digests]
    assert store.put(DATA[0]) == (digests[0], False) and sorted(store.digests()) == sorted(digests)
    assert [store.read(d) for d in digests] == DATA == [store.stored(d) for d in digests]
    with store._fs.open(store._key(f"{digests[1]}.safetensors"), "wb") as f:
        f.write(b"half")  # what a writer that was killed may leave in a store without atomic writes
    store._fs.invalidate_cache()
    fresh = SharedBlobs(store.url, cache=BlobCache(store._cache.folder.with_name("other")) if store._cache else None)
    with pytest.raises(BankDamagedError, match="damaged, its SHA-256 is"):
        fresh.read(digests[1])
    assert store.put(DATA[1]) == (digests[1], True) and fresh.read(digests[1]) == DATA[1]
    assert store.discard([*digests[:2], "0" * 64]) == 2 and sorted(store.digests()) == sorted(digests[2:])
    with pytest.raises(BankDamagedError, match="is missing"):
        store.stored(digests[0])


def test_the_cache_is_checked_bounded_and_only_a_cache(store, tmp_path):
    if store.local:
        assert store._cache is None  # the folder itself is as near
        return
    digests = [store.put(data)[0] for data in DATA]
    for d in digests:
        store.read(d)
    kept = sorted((tmp_path / "cache").iterdir())
    assert 0 < len(kept) <= 2 and digests[-1] in {p.name for p in kept}
    kept[0].write_bytes(b"damaged")
    assert [store.read(d) for d in digests] == DATA
    (tmp_path / "cache" / digests[-1]).write_bytes(b"damaged")
    assert store.read(digests[-1]) == DATA[-1] and (tmp_path / "cache" / digests[-1]).read_bytes() == DATA[-1]
    store._fs.store.clear()
    assert store.read(digests[-1]) == DATA[-1]  # from this machine, with the store gone
    nowhere = tmp_path / "file"
    nowhere.touch()
    unkept = SharedBlobs(store.url, cache=BlobCache(nowhere / "x"))
    assert unkept.read(store.put(DATA[0])[0]) == DATA[0]  # a disk that refuses costs speed only


def test_a_place_belongs_to_one_bank(store):
    with pytest.raises(BankError, match="blobs are not there"):
        store.check_owner("one")
    store.claim("one")
    store.check_owner("one")
    with pytest.raises(BankError, match="of another bank"):
        store.check_owner("two")
    with pytest.raises(BankError, match="of another bank"):
        store.claim("two")
    store.disown()
    store.claim("two")


@pytest.mark.parametrize("fault", [OSError("no route"), PermissionError("denied"), RuntimeError("odd"), ValueError()])
def test_a_store_that_fails_is_an_error_with_advice(store, monkeypatch, fault):
    def fail(*_args, **_options):
        raise fault

    for name in ("cat_file", "pipe_file", "ls", "rm_file"):
        monkeypatch.setattr(type(store._fs), name, fail)
    acts = [lambda: store.read("0" * 64), lambda: list(store.digests()), lambda: store.discard(["0" * 64])]
    for act in [*acts, lambda: store.put(b"x")]:
        with pytest.raises(StorageError, match=r"cannot .* Check that the store is there"):
            act()


def test_a_short_write_is_noticed(memory, monkeypatch):
    store = SharedBlobs("memory://short")
    whole = type(memory).pipe_file
    monkeypatch.setattr(type(memory), "pipe_file", lambda self, path, data: whole(self, path, data[:-1]))
    with pytest.raises(StorageError, match="has 999 of 1,000 bytes after writing"):
        store.put(DATA[0])


def test_a_place_is_kept_as_a_url_without_secrets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert blobs_url("blobs") == (tmp_path / "blobs").as_uri() and blobs_url("s3://bucket/x/") == "s3://bucket/x"
    for bad in ("s3://key:secret@bucket/x", "https://host/x?token=1", "ftp://me@host/x"):
        with pytest.raises(ConfigError, match="must not hold a user, password or token") as err:
            blobs_url(bad)
        assert bad not in str(err.value)
    with pytest.raises(ConfigError, match="expected file:///FOLDER"):
        blobs_url("file://host/x")
    with pytest.raises((MissingExtraError, ConfigError), match=r"Install what fsspec needs|knows no such"):
        SharedBlobs("dropbox://x/y")


def test_a_bank_in_an_object_store(server, memory, tmp_path, monkeypatch):
    """The whole bank, with blobs that no path leads to."""
    url = server.url("objects")
    with Bank.create(url, layout(), fingerprint(), rank=4, blobs="memory://objects/bank") as bank:
        for i in range(4):
            bank.add(record(i), state(i))
        bank.remove("expert-0")
        names = {p.rsplit("/", 1)[-1] for p in memory.ls("/objects/bank", detail=False)}
        assert names == {"genlora-bank.json", *(f"{bank.get(n).blob}.safetensors" for n in bank.names())}
        assert bank.state("expert-1") and verify_bank(bank.place).ok and verify_bank(url).ok
        cache = BlobCache.default().folder
        assert bank.get("expert-1").blob in {p.name for p in cache.iterdir()} and str(cache).startswith(
            os.environ["GENLORA_CACHE"]
        )
        memory.rm_file(f"/objects/bank/{bank.get('expert-2').blob}.safetensors")
        report = verify_bank(url)  # looks past the cache
        assert {e for d in report.damage for e in d.experts} == {"expert-2"}
