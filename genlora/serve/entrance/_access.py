"""What every request passes before its route: the key, the host, the number of requests, and whether we are leaving.

Plain ASGI, so that nothing stands between a streamed answer and its client.
"""

import logging
import re
import time
from contextlib import nullcontext
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genlora.hosts import is_loopback

from .._errors import SERVER, ApiError, from_error
from .._metrics import Metrics
from .._settings import HttpSettings
from .._tracing import Tracing
from ._audit import Audit
from ._bodies import discard
from ._caller import Caller, new_caller
from ._quotas import Quotas

log = logging.getLogger(__name__)

OPEN = ("/health", "/healthz", "/docs", "/openapi.json")
"""Routes that ask for no key: they tell nothing that is not the same for every server."""
WATCHING = (*OPEN, "/metrics")
"""Routes that are answered while the server drains, and do not count as work."""
_PORT = re.compile(r":\d+$")
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


@dataclass
class AccessState:
    """What access control and server know of each other."""

    active: int = 0
    """Requests being answered, those that only watch left out."""
    draining: bool = False


class AccessControl:
    """The outermost layer of the application, but for what lets other origins in."""

    def __init__(
        self,
        app: ASGIApp,
        settings: HttpSettings,
        state: AccessState,
        metrics: Metrics,
        quotas: Quotas,
        audit: Audit | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._app, self._settings, self._state, self._metrics = app, settings, state, metrics
        self._quotas, self._audit, self._tracing = quotas, audit, tracing
        # Without keys a page in a browser on this machine could reach us under a name of its own (DNS rebinding).
        self._check_host = settings.local and not settings.keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # "lifespan"; a WebSocket finds no route
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])  # of a header that comes twice, the last counts
        caller = new_caller(scope, headers.get(b"x-request-id", b"").decode("latin-1"))
        with nullcontext({}) if self._tracing is None else self._tracing.span(headers) as span:
            began = time.monotonic()
            status = await self._answer(scope, receive, send, caller, headers)
            taken = time.monotonic() - began
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"].isalpha() else "other"
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(taken)
            log.info("%s %s %s %d %.0f ms", caller.id, method, route, status, 1e3 * taken)
            span.update(method=method, route=route, status=status, **_attributes(caller))
        if self._audit is not None and scope["path"] not in WATCHING:
            told = {"id": caller.id, "key": caller.owner or None, "method": method, "route": route, "status": status}
            self._audit.write({**told, "ms": round(1e3 * taken), **caller.noted})

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, caller: Caller, headers: dict[bytes, bytes]
    ) -> int:
        """Let the application answer, or refuse; the status."""
        status = 500
        started = False

        async def sending(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message = {**message, "headers": [*message["headers"], *_HEADERS, *_told(caller)]}
            await send(message)

        watching = scope["path"] in WATCHING
        counted = False
        try:
            if (refusal := self._refusal(scope, headers, caller, watching)) is not None:
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
            if counted:
                self._state.active -= 1
                self._quotas.end(caller.owner)
        return status

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes], caller: Caller, watching: bool) -> ApiError | None:
        """Why a request is not let in; None where it is, and then it counts."""
        keys = self._settings.keys
        if keys and scope["path"] not in OPEN:
            scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            owner = keys.owner(given.strip()) if scheme.lower() == "bearer" else None
            if owner is None:
                return ApiError(
                    401,
                    "no valid API key. Send one as: Authorization: Bearer KEY",
                    code="invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            caller.owner = owner
        host = _PORT.sub("", headers.get(b"host", b"localhost").decode("latin-1"))
        if self._check_host and not is_loopback(host):
            return ApiError(421, "this server answers to localhost only. Use http://127.0.0.1.", code="wrong_host")
        if watching:
            return None
        if self._state.draining:
            return ApiError(
                503,
                "this server is shutting down. Ask another one.",
                kind=SERVER,
                code="shutting_down",
                headers={"Retry-After": "5", "Connection": "close"},
            )
        if self._state.active >= self._settings.limits.requests:
            return ApiError(
                429,
                f"this server is looking after {self._settings.limits.requests:,} requests already. Ask again soon.",
                kind="rate_limit_error",
                code="rate_limit_exceeded",
                headers={"Retry-After": "1"},
            )
        try:
            self._quotas.begin(caller.owner)
        except ApiError as err:
            return err
        return None


def _told(caller: Caller) -> list[tuple[bytes, bytes]]:
    found = [(b"x-request-id", caller.id.encode())]
    return [*found, (b"x-genlora-warning", caller.warning.encode())] if caller.warning else found


def _attributes(caller: Caller) -> dict[str, object]:
    """A span's, by the names that OpenTelemetry has for what language models do."""
    noted = caller.noted
    return {
        "gen_ai.request.model": noted.get("model"),
        "gen_ai.usage.input_tokens": noted.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": noted.get("completion_tokens"),
        "genlora.request_id": caller.id,
        "genlora.adapter": noted.get("adapter"),
    }
