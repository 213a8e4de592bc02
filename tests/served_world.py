"""A small world for servers: the tiny base with a bank of random experts, in this process or in one of its own."""

import copy
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from .small_world import fill


@pytest.fixture(scope="session")
def served_base(tiny_base):
    """The tiny base, loaded as `genlora serve` does; nothing it writes ends by itself, so every answer is as long as it
    was asked to be.
    """
    from genlora.base import load_base

    return dataclasses.replace(load_base(str(tiny_base("llama")), lean=True), eos_ids=())


@pytest.fixture(scope="session")
def served_bank(tmp_path_factory, served_base, embedder) -> Path:
    """Eight experts for the tiny base, large enough to change what it says."""
    from genlora.api import store_calibration
    from genlora.bank import Bank

    path = fill(
        tmp_path_factory.mktemp("served") / "bank", served_base.layout, served_base.fingerprint, embedder, size=0.4
    )
    with Bank.open(path) as bank:
        store_calibration(bank)
    return path


@contextmanager
def running(server, ready: threading.Event) -> Iterator[None]:
    """A server in a thread; it is told to stop and waited for at the end."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        server.drain()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving(served_base, served_bank, embedder) -> Callable[..., object]:
    """`with serving(settings..., engine={...}, library={...}) as s`: a real uvicorn server on loopback.

    `s` has url, engine, library, lora, server and settings.
    """
    from genlora import GenLora
    from genlora.api import Library
    from genlora.engine import Engine
    from genlora.serve import HttpSettings, http_server

    @contextmanager
    def start(*, engine=None, library=None, lora_class=GenLora, **settings):
        ready = threading.Event()
        options = HttpSettings(**{"port": 0, **settings})
        # A model has one engine at a time, and a file's server may still be up.
        base = dataclasses.replace(served_base, model=copy.deepcopy(served_base.model))
        with (
            lora_class(served_bank, embedder=embedder, generator="aggregate") as lora,
            Engine(base, **{"max_length": 512, **(engine or {})}) as running_engine,
            Library(lora, base=base, **(library or {})) as shelf,
        ):
            server = http_server(running_engine, shelf, options, on_ready=lambda port: ready.set())
            with running(server, ready):
                yield SimpleNamespace(
                    url=f"http://127.0.0.1:{server.port}",
                    port=server.port,
                    engine=running_engine,
                    library=shelf,
                    lora=lora,
                    server=server,
                    settings=options,
                )

    return start


@pytest.fixture(scope="module")
def served(serving):
    """One server with the usual limits for a whole file."""
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def server_process(tiny_base, served_bank, embedder_path) -> Callable[..., object]:
    """`with server_process(*options, env={}) as p`: `genlora serve` as a process; p has url, process and stop."""

    @contextmanager
    def start(*options: str, env: dict[str, str] | None = None):
        command = [
            *(sys.executable, "-m", "genlora", "serve", "--port", "0", "--json", "--generator", "aggregate"),
            *("--bank", str(served_bank), "--base", str(tiny_base("llama")), "--embedder", str(embedder_path)),
            *("--max-length", "512", *options),
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )
        try:
            text = ""
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                assert line, process.stderr.read()
                text += line

            def stop(how: int = signal.SIGTERM) -> tuple[int, str]:
                if process.poll() is None:
                    process.send_signal(how)
                _, said = process.communicate(timeout=90)
                return process.returncode, said

            yield SimpleNamespace(url=json.loads(text)["url"], process=process, stop=stop)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    return start
