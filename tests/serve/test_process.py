"""`genlora serve` as its user runs it: a process of its own, real signals, and inputs that are odd or huge."""

import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from genlora.cli import cli

from .odd_inputs import odd_inputs

pytestmark = pytest.mark.usefixtures("allow_sockets")

MIB = 1 << 20


def memory(pid: int) -> dict[str, int]:
    """VmRSS and VmHWM, the highest since it was last reset, in bytes."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            found[name] = int(value.split()[0]) * 1024
    return found


@contextmanager
def cost(pid: int):
    """Seconds and bytes above what the process had before, of what is done inside the block."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before, began = memory(pid)["VmRSS"], time.monotonic()
    found = {}
    yield found
    found["seconds"] = time.monotonic() - began
    found["bytes"] = memory(pid)["VmHWM"] - before


NAIVE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def take(request):
    body = await request.json()
    return JSONResponse({"length": len(body)})
app = Starlette(routes=[Route("/v1/adapters", take, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def test_a_server_without_caps_fails_the_harness(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", NAIVE, str(port)])
    try:
        url = f"http://127.0.0.1:{port}/v1/adapters"
        for _ in range(200):
            try:
                httpx.post(url, content=b"{}")
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        with cost(process.pid) as found:
            httpx.post(url, content=b"[" + b"[]," * 3_000_000 + b"[]]", timeout=60)
        assert found["bytes"] > 64 * MIB
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_two_hundred_odd_inputs_and_the_answers_of_a_server_that_lives(server_process):
    """F1: a second and 64 MiB each at most, a clear error, and afterwards everything is as before."""
    inputs = odd_inputs()
    assert len(inputs) == 200
    with server_process() as server, httpx.Client(base_url=server.url, timeout=30) as client:
        asked = {"model": "plural", "prompt": "a b c", "max_tokens": 8}
        client.post("/v1/adapters", json={"description": "sort the words"})
        before = client.post("/v1/completions", json=asked).json()["choices"]
        worst = {"seconds": 0.0, "bytes": 0}
        for path, body in inputs:
            with cost(server.process.pid) as found:
                answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            what = f"{path} {len(body)} bytes, {body[:60]!r}: {answer.status_code} {found}"
            if answer.status_code not in (200, 201):
                assert answer.status_code in (400, 404, 413), what
                error = answer.json()["error"]
                assert set(error) == {"message", "type", "param", "code"} and 10 < len(error["message"]) <= 600, what
                assert "Traceback" not in answer.text
            assert found["seconds"] <= 1 and found["bytes"] <= 64 * MIB, what
            worst = {k: max(v, found[k]) for k, v in worst.items()}
        assert client.post("/v1/completions", json=asked).json()["choices"] == before
        code, said = server.stop()
    assert code == 0 and "Traceback" not in said, said


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_drains_and_exits_with_0(server_process, how):
    with server_process() as server:
        said: list[list[str]] = [[] for _ in range(16)]

        def read(lines: list[str], limit: int) -> None:
            body = {
                "model": "plural",
                "prompt": "a b",
                "max_tokens": limit,
                "temperature": 1,
                "seed": 1,
                "stream": True,
            }
            with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=300) as stream:
                lines.extend(line for line in stream.iter_lines() if line)

        readers = [threading.Thread(target=read, args=(lines, 400)) for lines in said]
        for reader in readers:
            reader.start()
        # All 16 must have been taken: a server that drains takes no new request.
        while not all(said) and any(reader.is_alive() for reader in readers):
            time.sleep(0.01)
        server.process.send_signal(how)
        for reader in readers:
            reader.join(300)
        assert [lines[-1] for lines in said] == ["data: [DONE]"] * 16, said
        assert not [line for lines in said for line in lines if "error" in line]
        code, told = server.stop(0)
    assert code == 0, told
    assert told.rstrip().endswith("every answer has ended; bye") and "Traceback" not in told


@pytest.mark.slow
def test_a_second_signal_cuts_off(server_process):
    with server_process("--drain", "300", "--max-batch", "1") as server:

        def ask() -> None:
            with suppress(httpx.HTTPError):
                body = {"model": "base", "prompt": "a", "max_tokens": 500, "temperature": 2, "seed": 3}
                httpx.post(f"{server.url}/v1/completions", json=body, timeout=60)

        for _ in range(60):
            threading.Thread(target=ask, daemon=True).start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        began = time.monotonic()
        code, told = server.stop()
        assert time.monotonic() - began < 20
    assert code in (0, 143) and "Traceback" not in told
    assert code == 0 or "cut off" in told


@pytest.mark.slow
def test_a_quantised_base_serves_adapters(server_process):
    pytest.importorskip("torchao", reason="needs the extra: pip install 'genlora[quant]'")
    with server_process("--quantize", "int8") as server:
        said = {}
        for model in ("base", "plural"):
            body = {"model": model, "prompt": "a b c", "max_tokens": 12}
            answer = httpx.post(f"{server.url}/v1/completions", json=body, timeout=60)
            said[model] = answer.json()["choices"][0]["text"]
        code, told = server.stop()
    assert code == 0 and said["base"] != said["plural"], told


def test_the_start_message_helps(server_process):
    with server_process(env={"GENLORA_API_KEYS": "k" * 20}) as server:
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert httpx.get(f"{server.url}/v1/models").status_code == 401
        code, said = server.stop()
    assert code == 0
    assert f"8 experts are served on {server.url}" in said
    assert "try: curl" in said and "Authorization: Bearer $KEY" in said and "k" * 20 not in said


MANY_COPIES = """
import resource, sys, threading
from pathlib import Path
from genlora.serve import give_memory_back
if sys.argv[1] == "yes":
    give_memory_back()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20
stays = []
def work():
    for size in range(1, 14):
        copies = [b"x" * (size << 20) for _ in range(2)]
        stays.append(b"y" * 100_000)
before = resident()
for _ in range(8):
    threads = [threading.Thread(target=work) for _ in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
print(resident() - before - (sum(map(len, stays)) >> 20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's malloc")
def test_what_a_server_has_freed_goes_back_to_the_system():
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    found = subprocess.run([sys.executable, "-c", MANY_COPIES, "yes"], env=env, capture_output=True, text=True)
    assert found.returncode == 0 and int(found.stdout) < 16, found


def test_a_taken_port_is_one_line(served_bank, tiny_base, embedder_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["serve", "--port", str(port), "--bank", str(served_bank), "--base", str(tiny_base("llama"))]
        result = CliRunner().invoke(cli, [*arguments, "--embedder", str(embedder_path), "--generator", "aggregate"])
    assert result.exit_code == 2
    assert f"error: cannot listen on 127.0.0.1 port {port}" in result.output and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--keys", "/nowhere"], "/nowhere: cannot be read"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--bank", "/nowhere"], "/nowhere"),
        (["--device", "tpu"], "device 'tpu' is not known"),
    ],
)
def test_wrong_options_are_one_line(served_bank, embedder_path, tiny_base, options, says):
    usual = ["--bank", str(served_bank), "--base", str(tiny_base("llama")), "--embedder", str(embedder_path)]
    result = CliRunner().invoke(cli, ["serve", *usual, *options])
    assert result.exit_code == 2 and says in result.output and "Traceback" not in result.output


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "fastapi" else real(n, *a))
    result = CliRunner().invoke(cli, ["serve"])
    assert (
        result.exit_code == 2 and "needs fastapi" in result.output and "pip install 'genlora[serve]'" in result.output
    )


def test_another_base_than_the_bank_s_is_refused(served_bank, embedder_path, tiny_base):
    arguments = ["serve", "--bank", str(served_bank), "--base", str(tiny_base("llama", seed=5))]
    result = CliRunner().invoke(cli, [*arguments, "--embedder", str(embedder_path)])
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert "made for" in result.output and "base" in result.output
