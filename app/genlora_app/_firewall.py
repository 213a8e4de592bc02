"""What may reach the demo's server: known routes, known hosts, small bodies, no files and no addresses to fetch.

Gradio's server can do more than this app needs: it fetches public web addresses that a request names (`/file=http...`,
or a file object as an argument of any endpoint), stores uploads, and edits its own app in development. None of it is
used here, so none of it is reachable.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1 << 20
"""Bytes of a request: examples are at most 200,000 characters."""
BODY_S = 30.0
"""Longest time a body may take to arrive, in seconds: slow ones would hold connections for nothing."""
_MAX_DEPTH = 32

ROUTES = (
    ("GET", r"/"),
    ("HEAD", r"/"),
    ("GET", r"/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json)"),
    ("GET", r"/(assets|static|svelte)/[^?]*"),
    ("GET", r"/gradio_api/(info|startup-events|app_id|queue/data|queue/status|openapi\.json)"),
    ("GET", r"/gradio_api/heartbeat/[a-z0-9]{1,64}"),
    ("GET", r"/gradio_api/(call|call/v2)/[a-z_]{1,40}/[a-z0-9]{1,64}"),
    ("POST", r"/gradio_api/(queue/join|cancel|reset)"),
    ("POST", r"/gradio_api/(call|call/v2|run|api)/[a-z_]{1,40}"),
)
"""Every route the page, the API and its documentation use: method and path."""
MCP_ROUTES = (("GET", r"/gradio_api/mcp(/[a-z_]{0,20})?"), ("POST", r"/gradio_api/mcp(/[a-z_]{0,20})?/?"))
LOGIN_ROUTES = (("POST", r"/login"), ("GET", r"/(logout|gradio_api/(user|login_check))"))

POLICY = "content-security-policy"
HEADERS = {
    POLICY: (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""The second wall, in the browser: even a page that was tricked may load nothing from elsewhere. Who may show it in a
frame ends the policy."""


class Firewall:
    """ASGI middleware around Gradio's server.

    Args:
        app: what is behind it.
        files: the folder whose files may be downloaded, by full path.
        hosts: names in the Host header that are answered; None answers all (behind a login).
        mcp: whether the MCP routes are open.
        login: whether the login routes are open.
        framed_by: the site that may show the page in a frame; nobody by default.
        body_s: longest time a body may take to arrive, in seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        files: Path,
        hosts: Iterable[str] | None,
        mcp: bool = False,
        login: bool = False,
        framed_by: str = "",
        body_s: float = BODY_S,
    ) -> None:
        self._app = app
        self._files, self._body_s = files.resolve(), body_s
        self._hosts = None if hosts is None else {h.lower() for h in hosts}
        routes = [*ROUTES, *(MCP_ROUTES if mcp else ()), *(LOGIN_ROUTES if login else ())]
        frames = framed_by or "'none'"
        self._headers = {**HEADERS, POLICY: f"{HEADERS[POLICY]} {frames}"}
        self._routes = [(method, re.compile(path)) for method, path in routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        body: bytes | None = None
        if refusal is None and scope["method"] == "POST":
            body, refusal = await self._read(receive, form=scope["path"] == "/login")
        if refusal is not None:
            await PlainTextResponse(refusal[1] + "\n", refusal[0], self._headers)(scope, receive, send)
            return
        await self._app(scope, receive if body is None else _replay(body, receive), _with_headers(send, self._headers))

    async def _read(self, receive: Receive, *, form: bool) -> tuple[bytes, tuple[int, str] | None]:
        try:
            async with asyncio.timeout(self._body_s):
                return await _read(receive, form=form)
        except TimeoutError:
            return b"", (408, f"The request did not arrive within {self._body_s:g} s. Send it at once.")

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, or None for a request that may pass."""
        if scope["type"] != "http":
            return 404, "Only HTTP is served here."
        host = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"host"), "")
        if self._hosts is not None and _without_port(host).lower() not in self._hosts:
            # A web page elsewhere may point its own name at this machine; the browser then sends that name.
            return 421, "This demo answers only under its own address."
        path, method = scope["path"], scope["method"]
        if ".." in path or "\\" in path or "\0" in path:
            return 404, "There is no such page."
        if method in ("GET", "HEAD") and path.startswith("/gradio_api/file="):
            return None if self._ours(path.removeprefix("/gradio_api/file=")) else (403, "There is no such file.")
        if any(method == m and p.fullmatch(path) for m, p in self._routes):
            return None
        return 404, "There is no such page."

    def _ours(self, path: str) -> bool:
        if "://" in path or "\0" in path or unquote(path) != path:
            return False
        try:
            found = Path(path).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return False
        return found.is_file() and found.is_relative_to(self._files) and str(found) == path


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


async def _read(receive: Receive, *, form: bool) -> tuple[bytes, tuple[int, str] | None]:
    """A request's whole body, and why it is refused."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"", (400, "The request ended early.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return b"", (413, f"The request is over {MAX_BODY:,} bytes. Send less at a time.")
        if not message.get("more_body"):
            break
    body = b"".join(parts)
    return body, None if form else _body_refusal(body)


def _body_refusal(body: bytes) -> tuple[int, str] | None:
    if not body:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return 400, "The request is not JSON. Send JSON, as the API page shows."
    return (400, "Files and addresses are not accepted here. Send text.") if _names_a_file(value) else None


def _names_a_file(value: Any, depth: int = 0) -> bool:
    """Whether a value holds what Gradio would take for a file to fetch, or is nested too deep to tell."""
    if depth > _MAX_DEPTH:
        return True
    if isinstance(value, dict):
        if "meta" in value and ("path" in value or "url" in value):
            return True
        return any(_names_a_file(v, depth + 1) for v in value.values())
    return isinstance(value, list) and any(_names_a_file(v, depth + 1) for v in value)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()  # the client's disconnect, which streaming answers wait for
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message.get("headers", []) if k.decode("latin-1").lower() not in headers]
            extra = [(k.encode(), v.encode()) for k, v in headers.items()]
            message = {**message, "headers": [*kept, *extra]}
        await send(message)

    return wrapped
