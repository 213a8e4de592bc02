"""A uvicorn server that, told to stop, takes nothing new, lets running answers end, and then goes."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import uvicorn

from genlora.api import Library
from genlora.engine import Engine

from ._app import create_app
from ._settings import HttpSettings
from ._tracing import Tracing
from .entrance._access import AccessState
from .entrance._audit import Audit
from .entrance._connections import Connection, Connections, Listener
from .entrance._socket import reserve

log = logging.getLogger(__name__)

_SWEEP_TICKS = 10
"""Tenths of a second between two looks at who takes too long."""
_CLOSING_S = 5
"""How long open connections may take to close once there is nothing more to say, in seconds."""


class HttpServer(uvicorn.Server):
    """Serves engine and library until SIGTERM or SIGINT; a second signal cuts running answers off.

    Args:
        bound: a socket of `reserve`, if the port was taken before all else was loaded.
        on_ready: called with the port once requests are answered.
    """

    def __init__(
        self,
        engine: Engine,
        library: Library,
        settings: HttpSettings,
        *,
        bound: socket.socket | None = None,
        on_ready: Callable[[int], None] = lambda port: None,
    ) -> None:
        self._bound = bound
        self.state = AccessState()
        self._audit = None if settings.audit is None else Audit(settings.audit)
        self._tracing = Tracing() if settings.otel else None
        self._connections = Connections(settings.limits)
        settings = _within(settings, self._connections.most)
        app = create_app(engine, library, settings, state=self.state, audit=self._audit, tracing=self._tracing)
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=Connection,
                loop="asyncio",  # other loops accept connections themselves, as many as come
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on" if settings.mcp else "off",
                ws="none",
                proxy_headers=False,
                timeout_graceful_shutdown=_CLOSING_S,
            )
        )
        self.server_state = self._connections
        self._engine, self._library, self._drain_s = engine, library, settings.limits.drain_s
        self._on_ready = on_ready
        self._until = 0.0
        self._forced = False
        self.cut_off = 0
        """Requests that were ended because they took too long while draining."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop. Raises `ConfigError` where it cannot listen."""
        sockets = sockets or [self._bound or reserve(self.config.host, self.config.port)]
        try:
            super().run(sockets=[Listener.around(s, self._connections) for s in sockets])
        finally:
            if self._audit is not None:
                self._audit.close()
            if self._tracing is not None:
                self._tracing.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT. Called in a signal handler: it only takes notes."""
        self._forced = self.state.draining
        self.drain()

    def drain(self) -> None:
        """Stop, as a signal would. May be called from any thread."""
        if not self.state.draining:
            self._until = time.monotonic() + self._drain_s
            self.state.draining = True

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.servers[0].sockets[0].getsockname()[1]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready(self.port)

    async def on_tick(self, counter: int) -> bool:
        """Called every tenth of a second; True ends the server."""
        if counter % _SWEEP_TICKS == 0:
            self._connections.sweep(time.monotonic())
        if self.state.draining:
            late = self._forced or time.monotonic() > self._until
            if late and self.state.active:
                self.cut_off = self.state.active
                log.warning("%d requests are cut off", self.cut_off)
                await asyncio.to_thread(self._engine.close, drain=False)
            if late or not self.state.active:
                return True
        return await super().on_tick(counter)


def _within(settings: HttpSettings, connections: int) -> HttpSettings:
    """`settings` under which some connections are left for those that are told to come back later."""
    most = max(1, connections * 3 // 4)
    if settings.limits.requests <= most:
        return settings
    return replace(settings, limits=replace(settings.limits, requests=most))
