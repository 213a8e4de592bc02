"""The door to the HTTP side: what the extra `serve` brings is imported only here, and its absence said clearly."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from genlora.api import Library
from genlora.engine import Engine
from genlora.extras import require_extra

from ._settings import HttpSettings

if TYPE_CHECKING:
    from ._server import HttpServer


def check_http(settings: HttpSettings | None = None) -> None:
    """Raise `MissingExtraError` if a package that serving, with these settings, needs is not installed."""
    require_extra("serve", "fastapi", "uvicorn", "prometheus_client", what="serving over HTTP")
    if settings is not None and settings.mcp:
        require_extra("mcp", "mcp", what="the Model Context Protocol")
    if settings is not None and settings.otel:
        require_extra("otel", "opentelemetry.sdk", "opentelemetry.exporter.otlp", what="sending traces")


def http_server(
    engine: Engine,
    library: Library,
    settings: HttpSettings | None = None,
    *,
    bound: socket.socket | None = None,
    on_ready: Callable[[int], None] = lambda port: None,
) -> "HttpServer":
    """A server that `run` starts and SIGTERM ends; `on_ready` is called with its port once it answers.

    `bound` is a socket of `reserve`, if the port was taken before all else was loaded. Raises `MissingExtraError`
    where a package is missing that the settings need.
    """
    check_http(settings)
    from ._server import HttpServer

    return HttpServer(engine, library, settings or HttpSettings(), bound=bound, on_ready=on_ready)
