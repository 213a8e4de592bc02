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

SPACE = Path(__file__).parents[2] / "app"


def test_an_open_door_needs_a_lock():
    from genlora_app import DemoOptions

    with pytest.raises(ConfigError, match="GENLORA_DEMO_PASSWORD"):
        DemoOptions(host="0.0.0.0")
    assert DemoOptions(host="0.0.0.0", password="x").host == "0.0.0.0"
    assert DemoOptions(host="0.0.0.0", public=True).password is None
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


def test_without_its_package_it_says_how_to_get_it(monkeypatch):
    from genlora.cli._demo import demo

    monkeypatch.setitem(sys.modules, "genlora_app", None)
    found = CliRunner().invoke(demo, [])
    assert isinstance(found.exception, MissingExtraError)
    assert "genlora_app" in str(found.exception) and "genlora[demo]" in str(found.exception)


def test_the_card_names_what_is_there():
    card = (SPACE / "README.md").read_text(encoding="utf-8").split("---")[1]
    told = dict(line.split(": ", 1) for line in card.splitlines() if ": " in line)
    assert told["sdk"] == "gradio" and (SPACE / told["app_file"]).is_file()
    assert (SPACE / "requirements.txt").read_text().split() == ["genlora[demo]"]


SMALL = """
import dataclasses, runpy, sys
import genlora_app

real, (space, bank, base, embedder) = genlora_app.serve_demo, sys.argv[1:]
def small(options, **rest):
    assert options.public
    return real(dataclasses.replace(options, bank=bank, base=base, embedder=embedder), **rest)

genlora_app.serve_demo = small
runpy.run_path(space, run_name="__main__")
"""


@pytest.mark.usefixtures("allow_sockets")
def test_the_space_answers_whoever_asks(app_bank, tiny_base, embedder_path, tmp_path):
    """`app.py` as the hub starts it, on the tiny world."""
    script = [SMALL, str(SPACE / "app.py"), str(app_bank), str(tiny_base("llama")), str(embedder_path)]
    env = {**os.environ, "TMPDIR": str(tmp_path), "GENLORA_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    env |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-c", *script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True
    )
    try:
        assert process.stdout is not None
        said = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
        assert said, process.communicate()[1]
        asked = urllib.request.Request(said, headers={"Host": "someone-genlora.hf.space"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert b"genlora" in answer.read()
            assert answer.headers["content-security-policy"].endswith("frame-ancestors https://huggingface.co")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert not list(tmp_path.glob("genlora-demo-*"))


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


def test_a_taken_port_is_told_before_anything_is_loaded(tmp_path):
    import socket

    from genlora_app import DemoOptions, serve_demo

    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = DemoOptions(port=taken.getsockname()[1], bank=tmp_path / "no bank", base="no base")
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1 port .*--port"), serve_demo(options):
            pass
