"""Two client processes and a server on loopback, through Flower itself: the adapter is the one of the same rounds here.

Needs an environment that has flwr beside genlora: GENLORA_TEST_FLOWER names its folder of programs (docs/federated.md).
"""

import importlib.util
import json
import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from genlora import api
from genlora.errors import MissingExtraError

ROOT = Path(__file__).parents[3]
APP = ROOT / "plugins" / "genlora-flower"
PROGRAMS = os.environ.get("GENLORA_TEST_FLOWER", "")
MINUTES = 20


@contextmanager
def started(argv, log, env):
    """A program in the background, its output in a file; told to stop and waited for."""
    with log.open("w") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, env=env)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def free_ports(n):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(log, text, process):
    for _ in range(120):
        if text in log.read_text():
            return
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(1)
    pytest.fail(f"no {text!r} in {log.read_text()[-3000:]}")


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES)
@pytest.mark.skipif(not PROGRAMS, reason="GENLORA_TEST_FLOWER names no environment with flwr")
def test_two_client_processes_train_what_one_process_trains(tmp_path, tiny_base, allow_sockets):
    from genlora.adapter import read_adapter
    from genlora.api import Kept, federate, read_receipt
    from genlora.base import load_base
    from genlora.train.federated import ClientConfig, FederatedConfig

    base = tiny_base("llama")
    clients = tmp_path / "clients"
    for name, word, answer in (("north", "one", "the"), ("south", "two", "in")):
        (clients / name).mkdir(parents=True)
        (clients / name / "rows.txt").write_text("".join(f"{word} {i} the => {answer}\n" for i in range(12)))
    (clients / "south" / "client.json").write_text('{"rank": 4}')
    home = tmp_path / "flwr"
    home.mkdir()
    link, *ports = free_ports(3)
    home.joinpath("config.toml").write_text(
        f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{link}"\ninsecure = true\n'
    )
    env = {**os.environ, "FLWR_HOME": str(home), "FLWR_TELEMETRY_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    env["PATH"] = f"{PROGRAMS}{os.pathsep}{env['PATH']}"
    settings = {"output": str(tmp_path / "net"), "base": str(base), "description": "say a word"}
    line = " ".join(f"{k}={json.dumps(v)}" for k, v in {**settings, "rounds": 1, "lr": 0.02, "steps": 3}.items())
    with ExitStack() as stack:
        log = tmp_path / "link.log"
        argv = [f"{PROGRAMS}/flower-superlink", "--insecure", "--disable-runtime-dependency-installation"]
        server = stack.enter_context(started([*argv, "--port", str(link)], log, env))
        wait_for(log, "Uvicorn running", server)
        for name, port in zip(("north", "south"), ports, strict=True):
            config = f'folder="{clients / name}" base="{base}"'
            node = [
                f"{PROGRAMS}/flower-supernode",
                "--insecure",
                "--superlink",
                f"127.0.0.1:{link}",
                "--port",
                str(port),
            ]
            stack.enter_context(started([*node, "--node-config", config], tmp_path / f"{name}.log", env))
        argv = [f"{PROGRAMS}/flwr", "run", str(APP), "here", "--stream", "--run-config", line]
        ran = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60 * (MINUTES - 1))
    assert (tmp_path / "net" / "receipt.json").is_file(), ran.stdout[-3000:] + log.read_text()[-3000:]
    training = ClientConfig(lr=0.02, steps=3, description="say a word")
    federate(clients, Kept(tmp_path / "here"), FederatedConfig(rounds=1, client=training), base=str(base))
    layout = load_base(str(base)).layout
    far, near = read_adapter(tmp_path / "net", layout), read_adapter(tmp_path / "here", layout)
    for path, pair in near.items():
        assert float((pair.delta() - far[path].delta()).abs().max()) < 1e-5
    cards = [read_receipt(tmp_path / n / "receipt.json")["made_by"]["federate"] for n in ("net", "here")]
    assert cards[0]["clients"] == cards[1]["clients"]


@pytest.mark.skipif(importlib.util.find_spec("flwr") is not None, reason="flwr is installed")
@pytest.mark.parametrize("name", ["flower_client", "flower_server"])
def test_without_flower_it_says_how_to_get_it(name):
    with pytest.raises(MissingExtraError, match=r"needs flwr\. Install it with: pip install 'genlora\[federate\]'"):
        getattr(api, name)()
