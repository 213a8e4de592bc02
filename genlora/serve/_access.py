"""What every request passes before its route: the key, the host, the number of requests, and whether we are leaving.

Plain ASGI, so that nothing stands between a streamed answer and its client.
"""

import asyncio
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genlora.hosts import is_loopback

from ._errors import SERVER, ApiError, from_error
from ._metrics import Metrics
from ._settings import HttpSettings

log = logging.getLogger(__name__)

WATCHING = ("/healthz", "/metrics")
"""Routes that are answered while the server drains, and do not count as work."""
_PORT = re.compile(r":\d+$")
_DISCARD = 32 << 20
"""Bytes of a refused request that are read and thrown away: a client that is still sending could not hear us."""
_DISCARD_S = 10
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


@dataclass
class AccessState:
    """What access control and server know of each other."""

    active: int = 0
    """Requests being answered, those that only watch left out."""
    draining: bool = False


class AccessControl:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, settings: HttpSettings, state: AccessState, metrics: Metrics) -> None:
        self._app, self._settings, self._state, self._metrics = app, settings, state, metrics
        # Without keys a page in a browser on this machine could reach us under a name of its own (DNS rebinding).
        self._check_host = settings.local and not settings.keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # "lifespan"; a WebSocket finds no route
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500
        started = False

        async def sending(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        watching = scope["path"] in WATCHING
        counted = False
        try:
            if (refusal := self._refusal(scope, watching)) is not None:
                await discard(scope, receive)
                await refusal.response()(scope, receive, sending)
            else:
                counted = not watching
                self._state.active += counted
                await self._app(scope, receive, sending)
        except Exception as err:
            if started:
                raise
            await from_error(err).response()(scope, receive, sending)
        finally:
            self._state.active -= counted
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.monotonic() - began)
            log.info("%s %s %d %.0f ms", scope["method"], route, status, 1e3 * (time.monotonic() - began))

    def _refusal(self, scope: Scope, watching: bool) -> ApiError | None:
        headers = dict(scope["headers"])  # of a header that comes twice, the last counts
        keys = self._settings.keys
        if keys:
            scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            if scheme.lower() != "bearer" or not keys.allow(given.strip()):
                return ApiError(
                    401,
                    "no valid API key. Send one as: Authorization: Bearer KEY",
                    code="invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        host = _PORT.sub("", headers.get(b"host", b"localhost").decode("latin-1"))
        if self._check_host and not is_loopback(host):
            return ApiError(421, "this server answers to localhost only. Use http://127.0.0.1.", code="wrong_host")
        if self._state.draining and not watching:
            return ApiError(
                503,
                "this server is shutting down. Ask another one.",
                kind=SERVER,
                code="shutting_down",
                headers={"Retry-After": "5", "Connection": "close"},
            )
        if not watching and self._state.active >= self._settings.limits.requests:
            return ApiError(
                429,
                f"this server is looking after {self._settings.limits.requests:,} requests already. Ask again soon.",
                kind="rate_limit_error",
                code="rate_limit_exceeded",
                headers={"Retry-After": "1"},
            )
        return None


async def discard(scope: Scope, receive: Receive) -> None:
    """Read a refused request's body and keep nothing of it, so that the client can hear the refusal.

    Not where the client waits for our word before it sends (Expect: 100-continue), nor beyond 32 MiB.
    """
    headers = dict(scope["headers"])
    if b"expect" in headers:
        return
    try:
        if int(headers.get(b"content-length", b"0")) > _DISCARD:
            return
    except ValueError:
        return
    read = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_S):
            while read <= _DISCARD:
                message = await receive()
                if message["type"] != "http.request":
                    return
                read += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
