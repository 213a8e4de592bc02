"""The routes. None takes a path or URL, none writes anything, and no page is served that loads from elsewhere."""

import logging
from typing import Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from genlora.api import Library
from genlora.engine import Engine
from genlora.errors import GenloraError

from ._access import AccessControl, AccessState
from ._errors import ApiError, bad, from_error, json_response
from ._handlers import Gone, Handlers, made_card, read_body
from ._metrics import CONTENT_TYPE
from ._schema import AdapterRequest, ChatRequest, CompletionRequest, parse
from ._settings import HttpSettings

log = logging.getLogger(__name__)

_LEFT = 499
"""What nginx calls it when the client has closed the connection. Nobody receives it; the log and the metrics do."""


def create_app(
    engine: Engine, library: Library, settings: HttpSettings | None = None, *, state: AccessState | None = None
) -> FastAPI:
    """An ASGI application that answers OpenAI's clients. Closing engine and library is the caller's part."""
    settings, state = settings or HttpSettings(), state or AccessState()
    handlers = Handlers(engine, library, settings)
    # No documentation pages: they would load scripts from elsewhere. No redirects: a path is right or it is not.
    app = FastAPI(title="genlora", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(AccessControl, settings=settings, state=state, metrics=handlers.metrics)
    _add_errors(app)
    _add_routes(app, handlers, settings, state)
    return app


def _add_routes(app: FastAPI, handlers: Handlers, settings: HttpSettings, state: AccessState) -> None:
    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await handlers.chat(request, parse(await read_body(request, settings), ChatRequest))

    @app.post("/v1/completions")
    async def complete(request: Request) -> Response:
        return await handlers.complete(request, parse(await read_body(request, settings), CompletionRequest))

    @app.get("/v1/models")
    async def models() -> Response:
        return json_response({"object": "list", "data": await handlers.aside(handlers.models)})

    @app.get("/v1/models/{model:path}")  # names of bases have slashes; it is looked up, never opened
    async def model(model: str) -> Response:
        return json_response(await handlers.aside(handlers.model, model))

    @app.post("/v1/adapters")
    async def create(request: Request) -> Response:
        asked = parse(await read_body(request, settings), AdapterRequest)
        made, new = await handlers.create(request, asked)
        return json_response(made_card(made), 201 if new else 200, headers={"Location": f"/v1/adapters/{made.id}"})

    @app.get("/v1/adapters/{name}")
    async def adapter(name: str, format: Literal["json", "zip"] = "json") -> Response:
        if format == "json":
            return json_response(await handlers.aside(handlers.card, name))
        file, packed = await handlers.aside(handlers.packed, name)
        return Response(packed, 200, {"Content-Disposition": f'attachment; filename="{file}"'}, "application/zip")

    @app.get("/healthz")
    async def health() -> Response:
        if state.draining:
            return json_response({"status": "draining"}, 503)
        return json_response({"status": "ok"})

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await handlers.aside(handlers.metrics.text), 200, media_type=CONTENT_TYPE)


def _add_errors(app: FastAPI) -> None:
    async def told(_: Request, err: Exception) -> Response:
        return from_error(err).response()

    async def left(_: Request, __: Exception) -> Response:
        return Response(status_code=_LEFT)

    async def http(request: Request, err: Exception) -> Response:
        assert isinstance(err, HTTPException)
        if err.status_code == 404:
            found = ApiError(404, "there is no such route. See docs/serving.md.", code="unknown_url")
        elif err.status_code == 405:
            found = ApiError(405, f"this route does not know {request.method[:16]!r}.", code="unknown_method")
        else:
            found = ApiError(err.status_code, "the request could not be read.")
        found.headers |= dict(err.headers or {})
        return found.response()

    async def query(_: Request, err: Exception) -> Response:
        assert isinstance(err, RequestValidationError)
        fault = err.errors()[0]
        where = ".".join(str(part)[:60] for part in fault["loc"][1:])
        return bad(f"{where}: {str(fault['msg'])[:200]}.", where).response()

    app.add_exception_handler(ApiError, told)
    app.add_exception_handler(GenloraError, told)
    app.add_exception_handler(Gone, left)
    app.add_exception_handler(ClientDisconnect, left)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, query)
