"""A uvicorn server that, told to stop, takes nothing new, lets running answers end, and then goes."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from genlora.api import Library
from genlora.engine import Engine
from genlora.errors import ConfigError

from ._access import AccessState
from ._app import create_app
from ._settings import HttpSettings

log = logging.getLogger(__name__)

_CLOSING_S = 5
"""How long open connections may take to close once there is nothing more to say, in seconds."""


class HttpServer(uvicorn.Server):
    """Serves engine and library until SIGTERM or SIGINT; a second signal cuts running answers off.

    Args:
        on_ready: called with the port once requests are answered.
    """

    def __init__(
        self,
        engine: Engine,
        library: Library,
        settings: HttpSettings,
        *,
        on_ready: Callable[[int], None] = lambda port: None,
    ) -> None:
        self.state = AccessState()
        app = create_app(engine, library, settings, state=self.state)
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                timeout_graceful_shutdown=_CLOSING_S,
            )
        )
        self._engine, self._library, self._drain_s = engine, library, settings.limits.drain_s
        self._on_ready = on_ready
        self._until = 0.0
        self._forced = False
        self.cut_off = 0
        """Requests that were ended because they took too long while draining."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop. Raises `ConfigError` where it cannot listen."""
        super().run(sockets=sockets or [listen(self.config.host, self.config.port)])

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
        if self.state.draining:
            late = self._forced or time.monotonic() > self._until
            if late and self.state.active:
                self.cut_off = self.state.active
                log.warning("%d requests are cut off", self.cut_off)
                await asyncio.to_thread(self._engine.close, drain=False)
            if late or not self.state.active:
                return True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ConfigError` for an address that is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=2048)
    except OSError as err:
        raise ConfigError(
            f"cannot listen on {host[:80]} port {port} ({err.strerror or err}). Choose another --port, or --host."
        ) from err
