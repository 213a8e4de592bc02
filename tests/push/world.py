"""Adapters to push, and servers of our own on loopback that speak a protocol, where the real server cannot be had."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from genlora.adapter import AdapterState, BaseLayout, LoraPair, write_adapter

LEAVES = ("q_proj", "k_proj", "v_proj")
Answer = tuple[int, Any]


def make_state(layout: BaseLayout, *, seed: int = 0, rank: int = 8, size: float = 0.05) -> AdapterState:
    """A random adapter on q, k and v of every layer."""
    draw = torch.Generator().manual_seed(seed)
    return AdapterState(
        {
            m.path: LoraPair(
                torch.randn(rank, m.d_in, generator=draw) * size, torch.randn(m.d_out, rank, generator=draw) * size
            )
            for m in layout.of(LEAVES)
        }
    )


def make_adapter(folder: Path, layout: BaseLayout, *, gguf: bool = False, **options: Any) -> Path:
    """A folder as genlora writes it."""
    return write_adapter(folder, make_state(layout, **options), layout, {}, gguf=gguf, durable=False)


class Talk:
    """What was said to a server of ours, and where it listens."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []

    def bodies(self, path: str) -> list[Any]:
        """JSON bodies of the requests to one path."""
        return [json.loads(body) for _, where, body in self.heard if where == path and body]


@contextmanager
def loopback(answer: Callable[[str, str, bytes], Answer]) -> Iterator[Talk]:
    """A server whose replies `answer(method, path, body)` gives: a status, and JSON or bytes."""
    talk = Talk()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            talk.heard.append((self.command, self.path, body))
            talk.headers.append(dict(self.headers))
            status, found = answer(self.command, self.path, body)
            data = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_HEAD = do_DELETE = _reply

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    talk.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield talk
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
