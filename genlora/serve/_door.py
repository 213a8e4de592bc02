"""The door to the HTTP side: what the extra `serve` brings is imported only here, and its absence said clearly."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from genlora.api import Library
from genlora.engine import Engine
from genlora.extras import require_extra

from ._settings import HttpSettings

if TYPE_CHECKING:
    from ._server import HttpServer


def check_http() -> None:
    """Raise `MissingExtraError` if a package that serving needs is not installed."""
    require_extra("serve", "fastapi", "uvicorn", "prometheus_client", what="serving over HTTP")


def http_server(
    engine: Engine,
    library: Library,
    settings: HttpSettings | None = None,
    *,
    on_ready: Callable[[int], None] = lambda port: None,
) -> "HttpServer":
    """A server that `run` starts and SIGTERM ends; `on_ready` is called with its port once it answers.

    Raises `MissingExtraError` without the extra `serve`.
    """
    check_http()
    from ._server import HttpServer

    return HttpServer(engine, library, settings or HttpSettings(), on_ready=on_ready)
