"""A store, a base's folder, and a genlora service on loopback."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]

from plugin_world import Service, base_folder  # noqa: E402 - found by the line above


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def service():
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.heard.append((self.command, self.path, self.headers.get("Authorization")))
            if told.gate is not None:
                told.gate.wait(20)
            status, data = 404, b"{}"
            if told.status is not None:
                status, data = told.status, b'{"error": "secret of the service"}'
            elif self.command == "POST" and self.path == "/v1/adapters":
                known = told.ids.get(json.loads(body)["description"])
                status, data = (200, json.dumps({"id": known}).encode()) if known else (422, b"{}")
            elif self.path.startswith("/v1/adapters/genlora%3A") and self.path.endswith("?format=zip"):
                data = told.zips.get(self.path.split("%3A")[1].split("?")[0], b"")
                status = 200 if data else 404
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    if told.gate is not None:
        told.gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def base(tmp_path: Path) -> str:
    return base_folder(tmp_path / "tiny")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder
