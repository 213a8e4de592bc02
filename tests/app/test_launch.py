"""`genlora demo` as its user runs it, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from genlora.errors import ConfigError, MissingExtraError


def test_an_open_door_needs_a_lock():
    from genlora_app import DemoOptions

    with pytest.raises(ConfigError, match="GENLORA_DEMO_PASSWORD"):
        DemoOptions(host="0.0.0.0")
    assert DemoOptions(host="0.0.0.0", password="x").host == "0.0.0.0"
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        assert DemoOptions(host=host)
    with pytest.raises(ConfigError, match="port"):
        DemoOptions(port=70_000)


def test_without_gradio_it_says_how_to_get_it(monkeypatch):
    from genlora.cli._demo import demo

    for name in [n for n in sys.modules if n.startswith("genlora_app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    found = CliRunner().invoke(demo, [])
    assert isinstance(found.exception, MissingExtraError)
    assert "genlora[demo]" in str(found.exception)


def test_it_talks_to_public_names_only():
    import ast

    import genlora_app

    for path in Path(genlora_app.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("genlora"):
                assert "._" not in node.module, f"{path.name}: {node.module}"


@pytest.mark.usefixtures("allow_sockets")
def test_the_command_answers_and_cleans_up(app_bank, tiny_base, embedder_path, tmp_path):
    env = {**os.environ, "TMPDIR": str(tmp_path), "GENLORA_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "genlora", "demo", "--port", "0", "--json", "--bank", str(app_bank)]
    command += ["--base", str(tiny_base("llama")), "--embedder", str(embedder_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)
    try:
        assert process.stdout is not None
        text = "".join(process.stdout.readline() for _ in range(4))
        found = json.loads(text)
        assert found["mcp"] is None
        with urllib.request.urlopen(found["url"], timeout=30) as answer:
            assert b"genlora" in answer.read()
        assert list(tmp_path.glob("genlora-demo-*"))
    finally:
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert process.returncode == 130, talk
    assert "Traceback" not in talk
    assert not list(tmp_path.glob("genlora-demo-*"))


def test_the_temporary_folder_is_private():
    from genlora_app._launch import _private_folder

    folder = _private_folder()
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.is_relative_to(Path(tempfile.gettempdir()).resolve())
    folder.rmdir()
