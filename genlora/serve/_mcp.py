"""The same for agents, by the Model Context Protocol: streamable HTTP without sessions; answers are structured JSON."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from genlora.versions import versions

from ._adapters import AdapterHandlers
from ._cards import kept_card
from ._errors import from_error, from_validation
from ._handlers import Handlers
from .entrance._caller import Caller, caller_of
from .protocol._messages import Message
from .protocol._schema import AdapterRequest, ChatRequest, ExampleItem
from .protocol._strict import Strict

log = logging.getLogger(__name__)

PATH = "/mcp"
_TOLD = ("id", "description", "expected_accuracy", "advice", "generator", "neighbours", "warnings")
"""What an agent is told of an adapter: a receipt would fill its context."""
_SAID = (
    "Makes LoRA adapters for a small language model from a sentence or a few examples, and asks the model with them. "
    "Call generate first, then ask with the id it gives."
)


class GenerateArguments(Strict):
    """Make an adapter for a task, from a description or from worked examples. Equal requests give the same adapter."""

    description: str | None = Field(None, description="What the model should do, in one to three English sentences.")
    examples: list[ExampleItem] | None = Field(
        None, description="Worked examples of it; fitted to four or more in half a minute."
    )
    min_accuracy: float | None = Field(
        None, ge=0, le=1, description="Refuse an adapter that is expected to be right less often than this share."
    )
    seed: int = Field(0, ge=0, description="For generators that draw at random.")


class AskArguments(Strict):
    """Ask the model for the answer to one input, with an adapter or without."""

    model: str = Field(description="An adapter's id or name, an expert of the bank, or base.")
    input: str = Field(description="One input of the task, e.g. wolf.")
    max_tokens: int = Field(256, ge=1, description="Longest answer.")


class ListArguments(Strict):
    """List the models that ask may name."""


class ForgetArguments(Strict):
    """Forget an adapter for good."""

    adapter: str = Field(description="Its id or name.")


@dataclass(frozen=True)
class _Tool:
    name: str
    arguments: type[BaseModel]
    run: Callable[[Caller, Any], Awaitable[dict[str, Any]]]
    gives: dict[str, Any]
    """JSON schema of the structured answer."""
    changes: bool = False

    def told(self) -> types.Tool:
        schema = self.arguments.model_json_schema()
        return types.Tool(
            name=self.name,
            description=schema.pop("description"),
            inputSchema=schema,
            outputSchema={"type": "object", "properties": self.gives, "required": sorted(self.gives)},
            annotations=types.ToolAnnotations(readOnlyHint=not self.changes, openWorldHint=False),
        )


def add_mcp(app: FastAPI, handlers: Handlers, adapters: AdapterHandlers) -> None:
    """Put the route on an application, whose lifespan then has to be run."""
    tools = {tool.name: tool for tool in _tools(handlers, adapters)}
    server: Server[Any, Any] = Server("genlora", version=versions()["genlora"], instructions=_SAID)

    @server.list_tools()
    async def listed() -> list[types.Tool]:
        return [tool.told() for tool in tools.values()]

    @server.call_tool(validate_input=False)  # ours say better what is wrong
    async def called(name: str, arguments: dict[str, Any]) -> dict[str, Any] | types.CallToolResult:
        request = server.request_context.request
        assert isinstance(request, Request)
        try:
            if name not in tools:
                raise ValueError(f"there is no tool called {name[:60]!r}.")
            tool = tools[name]
            return await tool.run(caller_of(request), tool.arguments.model_validate(arguments))
        except ValidationError as err:
            return _failed(from_validation(err, arguments).message)
        except Exception as err:
            return _failed(from_error(err).message)

    manager = StreamableHTTPSessionManager(
        server,
        json_response=True,
        stateless=True,
        max_request_body_size=handlers.settings.limits.body_bytes,
    )
    app.router.lifespan_context = lambda _: manager.run()

    class Handled(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await manager.handle_request(scope, receive, send)

    @app.post(PATH, include_in_schema=False)  # a stream of the server's own words (GET) is nothing we have
    async def mcp() -> Response:
        return Handled()


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=message)], isError=True)


def _tools(handlers: Handlers, adapters: AdapterHandlers) -> list[_Tool]:
    async def generate(caller: Caller, asked: GenerateArguments) -> dict[str, Any]:
        made, _ = await adapters.made(caller, AdapterRequest(**dict(asked)))
        card = kept_card(made)
        return {name: card[name] for name in _TOLD}

    async def ask(caller: Caller, asked: AskArguments) -> dict[str, Any]:
        messages = [Message(role="user", content=asked.input)]
        chat = {"model": asked.model, "messages": messages, "max_tokens": asked.max_tokens}
        found = await handlers.answer(caller, ChatRequest.model_validate(chat))
        return {"text": found.text, "finish_reason": found.finish_reason, "tokens": len(found.tokens)}

    async def listed(caller: Caller, _: ListArguments) -> dict[str, Any]:
        found = await handlers.aside(handlers.library.models, caller.owner)
        return {"models": [{k: v for k, v in vars(m).items() if v} for m in found]}

    async def forget(caller: Caller, asked: ForgetArguments) -> dict[str, Any]:
        id = await handlers.aside(handlers.library.delete, asked.adapter, caller.owner)
        caller.noted.update(adapter=id, action="deleted")
        return {"deleted": id}

    text, number = {"type": "string"}, {"type": "integer"}
    optional = {"type": ["object", "null"]}
    return [
        _Tool("generate", GenerateArguments, generate, {"id": text, "expected_accuracy": optional}, changes=True),
        _Tool("ask", AskArguments, ask, {"text": text, "finish_reason": text, "tokens": number}),
        _Tool("list_models", ListArguments, listed, {"models": {"type": "array"}}),
        _Tool("forget", ForgetArguments, forget, {"deleted": text}, changes=True),
    ]
