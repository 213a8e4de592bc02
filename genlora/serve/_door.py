"""The door to the HTTP side: what the extra `serve` brings is imported only here, and its absence said clearly."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from genlora.api import Library
from genlora.engine import Engine
from genlora.errors import MissingExtraError

from ._settings import HttpSettings

if TYPE_CHECKING:
    from ._server import HttpServer

_NEEDED = ("fastapi", "uvicorn", "prometheus_client")


def check_http() -> None:
    """Raise `MissingExtraError` if a package that serving needs is not installed."""
    from importlib.util import find_spec

    missing = [name.replace("_", "-") for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"serving over HTTP needs {' and '.join(missing)}. Install what it needs with: pip install 'genlora[serve]'"
        )


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
