"""Hostile folders: links, special files, and files that change while they are read (A9, B2).

Each harness also runs on a naive reader, which must fail it.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from genlora.adapter import AdapterState, import_peft, load_adapter
from genlora.errors import GenloraError, UnsafeFormatError

from .conftest import build_state, make_layout, peft_tensors

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


# B2: links and special files

OUTSIDE = "outside"


def link_layouts() -> dict[str, Callable[[Path, Path], None]]:
    """Twenty ways in which a folder can point elsewhere: (folder, outside) -> None."""

    def moved(name: str, link: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def build(folder: Path, outside: Path) -> None:
            (folder / name).unlink()
            link(folder / name, outside / name)

        return build

    def extra(name: str, target: str) -> Callable[[Path, Path], None]:
        return lambda folder, outside: (folder / name).symlink_to(target.format(outside=outside))

    def whole(folder: Path, outside: Path) -> None:
        shutil.rmtree(folder)
        folder.symlink_to(outside)

    def unix_socket(folder: Path, outside: Path) -> None:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.relpath(folder / "control"))

    def chained(folder: Path, outside: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / "middle").symlink_to(outside / WEIGHTS)
        (folder / WEIGHTS).symlink_to("middle")

    def fifo(folder: Path, outside: Path) -> None:
        (folder / WEIGHTS).unlink()
        os.mkfifo(folder / WEIGHTS)

    def directory(folder: Path, outside: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / WEIGHTS).mkdir()

    def inside(folder: Path, outside: Path) -> None:
        (folder / WEIGHTS).rename(folder / "real.safetensors")
        (folder / WEIGHTS).symlink_to("real.safetensors")

    symlink = moved(WEIGHTS, lambda a, b: a.symlink_to(b))
    return {
        "weights are a link": symlink,
        "config is a link": moved(CONFIG, lambda a, b: a.symlink_to(b)),
        "weights are a hard link": moved(WEIGHTS, lambda a, b: a.hardlink_to(b)),
        "config is a hard link": moved(CONFIG, lambda a, b: a.hardlink_to(b)),
        "weights are a relative link": moved(WEIGHTS, lambda a, b: a.symlink_to(os.path.relpath(b, a.parent))),
        "weights are a chain of links": chained,
        "weights link within the folder": inside,
        "weights dangle": moved(WEIGHTS, lambda a, b: a.symlink_to(b.with_name("nothing"))),
        "weights link to themselves": moved(WEIGHTS, lambda a, b: a.symlink_to(a)),
        "weights are /dev/zero": moved(WEIGHTS, lambda a, b: a.symlink_to("/dev/zero")),
        "config is /dev/stdin": moved(CONFIG, lambda a, b: a.symlink_to("/dev/stdin")),
        "weights are a pipe": fifo,
        "weights are a folder": directory,
        "the folder is a link": whole,
        "a model card is a link": extra("README.md", "{outside}/README.md"),
        "a receipt is a link": extra("receipt.json", "{outside}/README.md"),
        "an unknown file is a link": extra("notes", "/etc/passwd"),
        "a folder is a link": extra("sub", "{outside}"),
        "a folder is a link to the root": extra("sub", "/"),
        "a socket": unix_socket,
    }


@pytest.fixture
def linked(foreign: Callable[..., Path], tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """A folder of the named layout beside an outside one with a perfectly good adapter."""

    def build(case: str) -> tuple[Path, Path]:
        outside = foreign(name=OUTSIDE)
        (outside / "README.md").write_text("---\nlicense: stolen\n---\n")
        folder = foreign(name="inside")
        link_layouts()[case](folder, outside)
        return folder, outside

    return build


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


BESIDE = ("an unknown file is a link", "a folder is a link", "a folder is a link to the root", "a socket")
"""What no adapter is made of, and so is left alone."""


@pytest.mark.parametrize("case", link_layouts())
def test_b2_links_are_not_followed(case, linked, layout, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder, outside = linked(case)
    before = snapshot(outside)
    for read in (lambda: import_peft(folder, layout), lambda: load_adapter(folder, layout)):
        if case in BESIDE:
            read()
            continue
        with pytest.raises(GenloraError) as caught:
            read()
        assert "inside" in str(caught.value)
        assert "stolen" not in str(caught.value)
    assert snapshot(outside) == before


def test_b2_the_naive_reader_follows_them(linked):
    folder, outside = linked("weights are a link")
    assert load_file(folder / WEIGHTS).keys() == load_file(outside / WEIGHTS).keys()


def test_b2_a_file_swapped_for_a_link_between_audit_and_open(linked, foreign, layout, monkeypatch):
    from genlora.adapter import _import

    folder, outside = linked("weights are a link")
    (folder / WEIGHTS).unlink()
    save_file(load_file(outside / WEIGHTS), folder / WEIGHTS)
    audit = _import.audit_folder

    def swap(path: Path) -> list[str]:
        names = audit(path)
        (path / WEIGHTS).unlink()
        (path / WEIGHTS).symlink_to(outside / WEIGHTS)
        return names

    monkeypatch.setattr(_import, "audit_folder", swap)
    with pytest.raises(UnsafeFormatError, match="cannot be opened as a plain file"):
        import_peft(folder, layout)


# A9: files that change while they are read


def test_a9_readers_see_whole_adapters_or_clean_errors(foreign, layout):
    folder = foreign()
    versions = [save(peft_tensors(build_state(make_layout(), seed=s)), {"format": "pt"}) for s in range(4)]
    allowed = [
        import_peft(foreign(tensors=peft_tensors(build_state(make_layout(), seed=s)), name="v"), layout)
        for s in range(4)
    ]
    known = {a.sha256: a.state for a in allowed}
    stop, wrong, reads = threading.Event(), [], []

    def reader() -> None:
        while not stop.is_set():
            try:
                found = import_peft(folder, layout)
            except GenloraError:
                continue
            except Exception as err:
                wrong.append(repr(err))
                return
            reads.append(found.sha256)
            if found.sha256 not in known or not same(found.state, known[found.sha256]):
                wrong.append(found.sha256)

    threads = [threading.Thread(target=reader) for _ in range(8)]
    for t in threads:
        t.start()
    target = folder / WEIGHTS
    for i in range(100):
        if i % 3 == 2:
            with target.open("r+b") as f:
                f.truncate(len(versions[0]) * (i % 7) // 7)
        else:
            (folder / "next").write_bytes(versions[i % 4])
            (folder / "next").replace(target)
        time.sleep(0.002)
    target.write_bytes(versions[0])
    deadline = time.monotonic() + 30
    while not reads and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    for t in threads:
        t.join()
    assert wrong == []
    assert reads


def same(one: AdapterState, two: AdapterState) -> bool:
    return all(torch.equal(one[p].a, two[p].a) and torch.equal(one[p].b, two[p].b) for p in two)


def test_a9_the_naive_reader_dies_of_a_signal(tmp_path):
    path = tmp_path / "big.safetensors"
    path.write_bytes(bytes(1 << 20))
    code = (
        "import mmap, os, sys\n"
        "with open(sys.argv[1], 'rb') as f: view = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "os.truncate(sys.argv[1], 4096)\n"
        "bytes(view[:])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False, timeout=60)
    assert done.returncode < 0
