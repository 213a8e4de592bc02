"""G3: nothing is downloaded unasked, and no remote code is trusted. The wall itself is tested, too."""

import ast
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from genlora.base import load_base, resolve_base

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "genlora").rglob("*.py"), *(ROOT / "app").rglob("*.py")])


def trusts_remote_code(source: str) -> list[int]:
    """Lines where a call is given `trust_remote_code` with anything but a literal False."""
    calls = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.keyword) and n.arg == "trust_remote_code")
    return [n.value.lineno for n in calls if not (isinstance(n.value, ast.Constant) and n.value.value is False)]


def test_the_scan_finds_what_it_looks_for():
    assert trusts_remote_code("f(x,\n  trust_remote_code=True)") == [2]
    assert trusts_remote_code("f(trust_remote_code=flag)") == [1]
    assert trusts_remote_code("f(trust_remote_code=False)") == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_no_remote_code_is_trusted(path):
    assert trusts_remote_code(path.read_text(encoding="utf-8")) == []


def test_the_wall_stops_this_process_and_its_pip():
    with pytest.raises(AssertionError, match="tried to reach the network"):
        socket.create_connection(("127.0.0.1", 9))
    with pytest.raises(AssertionError, match="tried to reach the network"):
        urllib.request.urlopen("http://127.0.0.1:9")
    with socket.socket() as s, pytest.raises(AssertionError, match="tried to reach the network"):
        s.connect(("127.0.0.1", 9))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "-vv", "download", "--no-deps", "nothing-at-all"], capture_output=True, text=True
    )
    assert done.returncode and "Fetching project page" not in done.stdout


def test_a_local_base_is_loaded_without_a_socket(tiny_base, monkeypatch):
    opened = []
    monkeypatch.setattr(socket, "socket", lambda *a, **_: opened.append(a))
    path = str(tiny_base("llama"))
    assert resolve_base(path) == load_base(path).path
    assert opened == []
