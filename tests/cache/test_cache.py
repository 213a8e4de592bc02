"""The cache: what is in it is known by what it holds, damage is seen and mended, and other people's files are kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from genlora.cache import cache_content, cache_dir, cache_entries, check_entry, clear_cache, staged, usable
from genlora.cache._cache import seal_json, sealed_json
from genlora.cache._entries import CHECKED, LARGE, MANIFEST, settled, tree_digest
from genlora.errors import ManifestError, StorageError
from genlora.files import sha256_bytes

BIG = os.urandom(1024) * (LARGE // 1024 + 1)
SMALL = {"config.json": b"{}", "1_Pooling/config.json": b'{"mode": "mean"}', "tokenizer.json": b"[]"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))


def make(name: str = "a" * 64, files: dict[str, bytes] | None = None) -> Path:
    folder = cache_dir() / "files" / name
    with staged(folder) as stage:
        for path, data in (files or {**SMALL, "model.safetensors": BIG}).items():
            (stage / path).parent.mkdir(exist_ok=True)
            (stage / path).write_bytes(data)
    return folder


def flip(path: Path, at: int = 1) -> None:
    with path.open("r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 16]))


def test_a_whole_folder_is_found_without_reading_it(monkeypatch):
    folder = make()
    assert set(p.name for p in folder.iterdir()) >= {MANIFEST, CHECKED}

    def read(path):
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr("genlora.cache._entries.sha256_file", read)
    assert usable(folder) is not None
    with pytest.raises(AssertionError, match="was read"):
        check_entry(folder, deep=True)
    (folder / "config.json").touch()
    with pytest.raises(AssertionError, match=r"config\.json was read"):
        usable(folder)


def test_what_was_copied_is_read_once(tmp_path, caplog):
    caplog.set_level("INFO", "genlora")
    folder = make()
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    shutil.move(tmp_path / "copy", folder)
    for _ in range(2):
        assert usable(folder) is not None
    assert caplog.text.count("which were touched since they were last seen to fit") == 1


def put_times_back(path: Path) -> None:
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    path.rename(path.with_name(".moved"))
    path.symlink_to(path.with_name(".moved"))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("damage", [flip, put_times_back, cut, Path.unlink])
def test_damage_is_seen_and_the_folder_thrown_away(name, damage, caplog):
    folder = make()
    damage(folder / name)
    assert usable(folder) is None and not folder.exists()
    assert f"is damaged ({name}): it is thrown away" in caplog.text
    assert cache_content().entries == cache_content().foreign == ()
    assert usable(make()) is not None


def test_damage_of_large_files_is_told_before_they_are_used():
    for damaged in (False, True):
        folder = make()
        (folder / "model.safetensors").touch() if not damaged else flip(folder / "model.safetensors")
        assert usable(folder, later=True) is not None
        assert settled(folder) is not damaged and folder.exists() is not damaged
    assert settled(folder), "what nobody looks at is not judged"


def test_bytes_that_rot_without_a_trace_are_found_by_a_deep_look(monkeypatch):
    folder = make()
    stamps = (folder / CHECKED).read_bytes()
    flip(folder / "model.safetensors")
    monkeypatch.setattr("genlora.cache._entries._stamp", lambda path: [0])
    (folder / CHECKED).write_bytes(stamps)
    assert check_entry(folder, deep=True).faults == ["model.safetensors"]
    assert usable(folder) is None


def test_a_list_that_is_damaged_or_missing(caplog):
    pinned = tree_digest({name: sha256_bytes(data) for name, data in SMALL.items()})
    for data in (None, b"", b"{}", b"[1]", b'{"format": "genlora-files-1", "files": {}, "sha256": "0"}'):
        folder = make(files=SMALL)
        (folder / MANIFEST).unlink() if data is None else (folder / MANIFEST).write_bytes(data)
        assert usable(folder, pinned=pinned) is not None, "the pin proves it whole, and the list is made anew"
        (folder / MANIFEST).unlink() if data is None else (folder / MANIFEST).write_bytes(data)
        assert usable(folder) is None
    assert "has no list of files that genlora wrote: it is now" in caplog.text
    assert len(list((cache_dir() / "files").glob("*.unknown-*"))) == 5, "nothing unknown is deleted"
    folder = make(files=SMALL)
    assert usable(folder, pinned="0" * 64) is None, "a list of other files than the pinned ones"


def test_a_file_that_a_loader_would_read_is_named():
    folder = make()
    (folder / ".DS_Store").write_bytes(b"of a file manager")
    assert usable(folder) is not None
    (folder / "added_tokens.json").write_text("{}")
    with pytest.raises(StorageError, match=r"added_tokens\.json: genlora did not write this file.*Move it away"):
        usable(folder)
    flip(folder / "config.json")
    with pytest.raises(StorageError, match=r"added_tokens\.json"):
        usable(folder)
    (folder / "added_tokens.json").unlink()
    with pytest.raises(StorageError, match=r"holds '\.DS_Store', which genlora did not write"):
        usable(folder)
    assert (folder / ".DS_Store").read_bytes() == b"of a file manager"
    link(folder / "tokenizer.json")
    with pytest.raises(StorageError):
        usable(folder)


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_folder_of_other_things_is_not_cleared(tmp_path, monkeypatch):
    """GENLORA_CACHE on a folder of photos."""
    home = tmp_path / "home"
    monkeypatch.setenv("GENLORA_CACHE", str(home))
    photos = {
        "photos/2019/beach.jpg": b"jpg",
        "files/thesis.tex": b"years",
        "files/" + "b" * 64 + "/photo.jpg": b"jpg",
        "models/my-model/config.json": b"{}",
        "fingerprints/" + "c" * 64 + ".json": b'{"mine": 1}',
        "fingerprints/notes.json": b"{}",
        "calibrations/" + "d" * 64 + ".json": b"not even JSON",
        "blobs/" + "e" * 64: b"a blob of mine",
        "files/.tmp-123-draft/chapter.tex": b"years",
        "files/.genlora-tmp-99999999-draft/chapter.tex": b"years",
        "served/adapters/mine/config.json": b"{}",
        "letter.txt": b"dear",
    }
    for name, data in photos.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    (home / "files" / "link").symlink_to(home / "photos", target_is_directory=True)
    (home / "archives").symlink_to(home / "photos", target_is_directory=True)
    before = contents(home)
    make()
    folder = make("f" * 64)
    (folder / "holiday.jpg").write_bytes(b"jpg")
    (home / "fingerprints" / ("1" * 64 + ".json")).write_bytes(seal_json({"a": 1}, "genlora-fingerprint-1"))
    done = clear_cache()
    after = contents(home)
    assert before.items() <= after.items() and after["files/" + "f" * 64 + "/holiday.jpg"] == b"jpg"
    assert {k for k in after if k not in before} == {
        f"files/{'f' * 64}/{n}" for n in (*SMALL, "model.safetensors", "holiday.jpg", MANIFEST, CHECKED)
    }
    told = "\n".join(done.kept)
    for name in (
        "photos",
        "thesis.tex",
        "b" * 64,
        "my-model",
        "letter.txt",
        "notes.json",
        "'holiday.jpg'",
        "files/link",
    ):
        assert name in told, name
    assert done.freed > LARGE
    assert clear_cache("files").freed == 0


def test_leftovers_of_killed_runs_are_cleared_and_those_at_work_kept():
    code = (
        "import sys, time\nfrom genlora.cache import cache_dir, staged\n"
        "with staged(cache_dir() / 'files' / ('a' * 64)) as stage:\n"
        "    (stage / 'half').write_bytes(b'x' * 1000); print('ready', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    assert [e.kind for e in cache_entries()] == ["leftover"]
    assert clear_cache().freed == 0 and "another process is at work in it" in clear_cache().kept[0]
    child.kill()
    child.communicate()
    assert clear_cache().freed >= 1000 and cache_entries() == []


def test_sealed_json_is_read_as_it_was_written_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(seal_json({"x": 0.1, "y": ["é"]}, "form-1"))
    assert sealed_json(path, "form-1") == {"x": 0.1, "y": ["é"]}
    with pytest.raises(ManifestError):
        sealed_json(path, "form-2")
    for at in range(0, path.stat().st_size, 3):
        whole = path.read_bytes()
        flip(path, at)
        with pytest.raises(ManifestError):
            sealed_json(path, "form-1")
        path.write_bytes(whole)
