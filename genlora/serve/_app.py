"""The application: layers, errors and routes. None takes a path or URL, and no page loads from elsewhere."""

import logging
from typing import Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response

from genlora.api import Library, Ticket
from genlora.engine import Engine
from genlora.errors import GenloraError

from ._adapters import AdapterHandlers
from ._cards import job_card, kept_card, label_card
from ._docs import PAGE_HEADERS, openapi, page, takes
from ._errors import ApiError, bad, from_error, json_response
from ._handlers import Handlers
from ._metrics import CONTENT_TYPE
from ._settings import HttpSettings
from ._tracing import Tracing
from .entrance._access import AccessControl, AccessState
from .entrance._audit import Audit
from .entrance._bodies import Gone, body_type, read_body
from .entrance._caller import caller_of
from .protocol._other import OtherHandlers
from .protocol._responses import ResponseRequest
from .protocol._schema import (
    AdapterChange,
    AdapterRequest,
    ChatRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingRequest,
    TokenizeRequest,
    parse,
)

log = logging.getLogger(__name__)

_LEFT = 499
"""What nginx calls it when the client has closed the connection. Nobody receives it; the log and the metrics do."""
ZIP = "application/zip"


def create_app(
    engine: Engine,
    library: Library,
    settings: HttpSettings | None = None,
    *,
    state: AccessState | None = None,
    audit: Audit | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """An ASGI application that answers OpenAI's clients. Closing what it is given is the caller's part."""
    settings, state = settings or HttpSettings(), state or AccessState()
    handlers = Handlers(engine, library, settings)
    adapters = AdapterHandlers(handlers)
    # No pages of FastAPI's: they would load scripts from elsewhere. No redirects: a path is right or it is not.
    app = FastAPI(title="genlora", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(
        AccessControl,
        settings=settings,
        state=state,
        metrics=handlers.metrics,
        quotas=handlers.quotas,
        audit=audit,
        tracing=tracing,
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID", "X-Genlora-Warning", "Location", "Retry-After"],
        )
    _add_errors(app)
    _add_answers(app, handlers, settings)
    _add_adapters(app, handlers, adapters, settings)
    _add_jobs(app, library)
    _add_others(app, handlers, settings)
    _add_watching(app, handlers, state)
    if settings.mcp:
        from ._mcp import add_mcp

        add_mcp(app, handlers, adapters)
    return app


def _add_answers(app: FastAPI, handlers: Handlers, settings: HttpSettings) -> None:
    limits = settings.limits

    @app.post("/v1/chat/completions", openapi_extra=takes(ChatRequest))
    async def chat(request: Request) -> Response:
        """Answer a conversation."""
        return await handlers.chat(request, parse(await read_body(request, limits), ChatRequest, caller_of(request)))

    @app.post("/v1/completions", openapi_extra=takes(CompletionRequest))
    async def complete(request: Request) -> Response:
        """Go on with a text, or with several."""
        body = await read_body(request, limits)
        return await handlers.complete(request, parse(body, CompletionRequest, caller_of(request)))

    @app.post("/v1/responses", openapi_extra=takes(ResponseRequest))
    async def respond(request: Request) -> Response:
        """Answer a text or a conversation in the form of the Responses interface; nothing is kept."""
        body = await read_body(request, limits)
        return await handlers.respond(request, parse(body, ResponseRequest, caller_of(request)))

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        """Every model that may be asked for."""
        found = await handlers.aside(handlers.models, caller_of(request).owner)
        return json_response({"object": "list", "data": found})

    @app.get("/v1/models/{model:path}")  # names of bases have slashes; it is looked up, never opened
    async def model(model: str, request: Request) -> Response:
        """One model."""
        return json_response(await handlers.aside(handlers.model, model, caller_of(request).owner))


def _add_adapters(app: FastAPI, handlers: Handlers, adapters: AdapterHandlers, settings: HttpSettings) -> None:
    limits = settings.limits

    @app.post("/v1/adapters", openapi_extra=takes(AdapterRequest))
    async def create(
        request: Request,
        name: str | None = Query(None, max_length=256),
        description: str | None = Query(None, max_length=4000),
        expires_in: int | None = Query(None, ge=1),
    ) -> Response:
        """Make an adapter from a description or examples; or bring one: a ZIP archive of a PEFT folder, with `name`,
        `description` and `expires_in` in the query.
        """
        if body_type(request) == ZIP:
            packed = await read_body(request, limits, kind=ZIP, most=limits.upload_bytes)
            kept = await adapters.bring(request, packed, name=name, description=description, expires_in=expires_in)
            return json_response(kept_card(kept), 201, headers={"Location": f"/v1/adapters/{kept.id}"})
        asked = parse(await read_body(request, limits), AdapterRequest, caller_of(request))
        found = await adapters.create(request, asked)
        if isinstance(found, Ticket):
            return json_response(job_card(found), 202, headers={"Location": f"/v1/jobs/{found.id}"})
        made, new = found
        return json_response(kept_card(made), 201 if new else 200, headers={"Location": f"/v1/adapters/{made.id}"})

    @app.get("/v1/adapters")
    async def listed(request: Request) -> Response:
        """The adapters that this key made or brought."""
        found = await handlers.aside(adapters.all, caller_of(request).owner)
        return json_response({"object": "list", "data": found})

    @app.get("/v1/adapters/{name}")
    async def adapter(name: str, request: Request, format: Literal["json", "zip", "receipt"] = "json") -> Response:
        """An adapter's card, its whole receipt, or its PEFT folder as a ZIP archive."""
        owner = caller_of(request).owner
        if format == "receipt":
            return json_response(await handlers.aside(adapters.receipt, name, owner))
        if format == "json":
            card = adapters.mixture(name) or await handlers.aside(adapters.card, name, owner)
            return json_response(card)
        file, packed = await handlers.aside(adapters.packed, name, owner)
        return Response(packed, 200, {"Content-Disposition": f'attachment; filename="{file}"'}, ZIP)

    @app.patch("/v1/adapters/{name}", openapi_extra=takes(AdapterChange))
    async def change(name: str, request: Request) -> Response:
        """Call an adapter otherwise, or keep it longer or shorter."""
        asked = parse(await read_body(request, limits), AdapterChange, caller_of(request))
        return json_response(label_card(await adapters.change(request, name, asked)))

    @app.delete("/v1/adapters/{name}")
    async def delete(name: str, request: Request) -> Response:
        """Forget an adapter, on the disk too. Answers under way end as they are."""
        id = await adapters.delete(request, name)
        return json_response({"id": id, "object": "genlora.adapter", "deleted": True})


def _add_jobs(app: FastAPI, library: Library) -> None:
    @app.get("/v1/jobs")
    async def jobs(request: Request) -> Response:
        """Generations in the background of the key that asks, those done within the hour included."""
        found = [job_card(t) for t in library.tickets.all(caller_of(request).owner)]
        return json_response({"object": "list", "data": found})

    @app.get("/v1/jobs/{id}")
    async def job(id: str, request: Request) -> Response:
        """How far a generation in the background is."""
        return json_response(job_card(library.tickets.get(id, caller_of(request).owner)))

    @app.delete("/v1/jobs/{id}")
    async def cancel(id: str, request: Request) -> Response:
        """Cancel a generation in the background."""
        return json_response(job_card(library.tickets.cancel(id, caller_of(request).owner)))


def _add_others(app: FastAPI, handlers: Handlers, settings: HttpSettings) -> None:
    others, limits = OtherHandlers(handlers), settings.limits

    @app.post("/v1/embeddings", openapi_extra=takes(EmbeddingRequest))
    async def embed(request: Request) -> Response:
        """Vectors of texts, from the embedder that compares tasks."""
        asked = parse(await read_body(request, limits), EmbeddingRequest, caller_of(request))
        return json_response(await handlers.aside(others.embed, asked))

    @app.post("/tokenize", openapi_extra=takes(TokenizeRequest))
    async def tokenize(request: Request) -> Response:
        """The token ids of a text or a conversation."""
        asked = parse(await read_body(request, limits), TokenizeRequest, caller_of(request))
        return json_response(await handlers.aside(others.tokenize, asked))

    @app.get("/tokenizer_info")
    async def tokenizer_info() -> Response:
        """Special tokens and the chat template, for clients that lay out conversations themselves."""
        return json_response(await handlers.aside(others.tokenizer))

    @app.post("/detokenize", openapi_extra=takes(DetokenizeRequest))
    async def detokenize(request: Request) -> Response:
        """The text of token ids."""
        asked = parse(await read_body(request, limits), DetokenizeRequest, caller_of(request))
        return json_response(await handlers.aside(others.detokenize, asked))


def _add_watching(app: FastAPI, handlers: Handlers, state: AccessState) -> None:
    document: dict[str, Any] = {}

    def described() -> dict[str, Any]:
        if not document:  # the first who asks waits for it
            bodies = [ChatRequest, CompletionRequest, ResponseRequest, AdapterRequest, AdapterChange]
            document.update(openapi(app, [*bodies, EmbeddingRequest, TokenizeRequest, DetokenizeRequest]))
        return document

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi_json() -> Response:
        return json_response(await handlers.aside(described))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page(await handlers.aside(described)), headers=PAGE_HEADERS)

    @app.get("/healthz", include_in_schema=False)
    @app.get("/health")
    async def health() -> Response:
        """Whether this server answers: 200, or 503 while it is going down."""
        if state.draining:
            return json_response({"status": "draining"}, 503)
        return json_response({"status": "ok"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(await handlers.aside(handlers.metrics.text), 200, media_type=CONTENT_TYPE)


def _add_errors(app: FastAPI) -> None:
    async def told(_: Request, err: Exception) -> Response:
        return from_error(err).response()

    async def left(_: Request, __: Exception) -> Response:
        return Response(status_code=_LEFT)

    async def http(request: Request, err: Exception) -> Response:
        assert isinstance(err, HTTPException)
        if err.status_code == 404:
            found = ApiError(404, "there is no such route. GET /docs lists them.", code="unknown_url")
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
