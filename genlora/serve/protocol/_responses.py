"""OpenAI's Responses interface, as far as it asks for text: what a request says in the words of a chat, and answers.

Nothing is kept between requests: a conversation is sent whole, as with the chat interface.
"""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from genlora.engine import Completion, Stream

from .._errors import ApiError, bad, from_error
from ._answers import event, token_logprobs
from ._messages import MAX_MESSAGES
from ._strict import Strict

_ROLES = ("user", "assistant", "system", "developer")


class TextSettings(Strict):
    """What the answer's text is to be."""

    format: dict[str, Any] | None = None
    """`{"type": "text"}`, `json_object`, or `json_schema` with its name and schema beside the type."""
    verbosity: Literal["low", "medium", "high"] | None = None
    """Accepted and not used."""


class ResponseRequest(Strict):
    """The body of POST /v1/responses."""

    model: str = Field(max_length=256)
    input: str | Annotated[list[dict[str, Any]], Field(fail_fast=True, min_length=1, max_length=MAX_MESSAGES)]
    """A text, or the conversation so far."""
    instructions: str | None = None
    """Goes before the conversation, as the system's turn."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    text: TextSettings | None = None
    stream: bool | None = False

    def as_chat(self) -> dict[str, Any]:
        """The body of the chat request that asks the same. Raises `ApiError`."""
        turns = [{"role": "system", "content": self.instructions}] if self.instructions else []
        if isinstance(self.input, str):
            turns.append({"role": "user", "content": self.input})
        else:
            turns += [turn for i, item in enumerate(self.input) for turn in _turns(item, f"input.{i}")]
        body = {
            "model": self.model,
            "messages": turns,
            "max_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "logprobs": self.top_logprobs is not None,
            "top_logprobs": self.top_logprobs,
            "add_generation_prompt": True,  # a conversation's last turn is never a beginning here
        }
        told = self.text.format if self.text is not None else None
        if told is not None:
            kind = told.get("type")
            schema = {k: v for k, v in told.items() if k != "type"}
            body["response_format"] = {"type": kind, **({"json_schema": schema} if kind == "json_schema" else {})}
        return body


def _turns(item: dict[str, Any], where: str) -> list[dict[str, Any]]:
    kind = item.get("type", "message")
    if kind == "message":
        if item.get("role") not in _ROLES:
            raise bad(f"{where}.role: expected one of {', '.join(_ROLES)}.", f"{where}.role")
        return [{"role": item["role"], "content": item.get("content")}]
    if kind == "reasoning":  # a model's notes to itself, sent back as they came
        return []
    raise bad(
        f"{where}.type: {str(kind)[:40]!r} is not read by this server. Send messages of text.",
        f"{where}.type",
        code="unsupported_parameter",
    )


def renamed(err: ApiError) -> ApiError:
    """An error about the chat request, in the words of the request that it was made of."""
    words = {"messages": "input", "max_tokens": "max_output_tokens", "response_format": "text.format"}
    for ours, theirs in words.items():
        if err.param is not None and err.param.partition(".")[0] == ours:
            err.message = err.message.replace(ours, theirs, 1)
            err.param = theirs + err.param[len(ours) :]
            break
    return err


@dataclass(frozen=True)
class ResponseForm:
    """The shape of one answer."""

    model: str
    request: ResponseRequest
    id: str
    item: str
    created: int
    """Seconds since 1970."""

    @classmethod
    def of(cls, request: ResponseRequest) -> "ResponseForm":
        """For a request that came in now."""
        return cls(request.model, request, f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}", int(time.time()))

    def whole(self, answer: Completion) -> dict[str, Any]:
        """The body of an answer that is not streamed."""
        return self._response(answer)

    async def events(self, stream: Stream, on_end: Callable[[Completion], None]) -> AsyncIterator[str]:
        """Server-sent events of an answer as it comes; an error in the middle is the last event."""
        number = 0

        def told(kind: str, **fields: Any) -> str:
            nonlocal number
            number += 1
            return event({"type": kind, "sequence_number": number - 1, **fields}, name=kind)

        at = {"item_id": self.item, "output_index": 0, "content_index": 0}
        yield told("response.created", response=self._response(None))
        yield told("response.in_progress", response=self._response(None))
        yield told("response.output_item.added", output_index=0, item=self._message([], "in_progress"))
        yield told("response.content_part.added", **at, part=self._part("", None))
        try:
            async for piece in stream:
                if piece.text:
                    yield told("response.output_text.delta", **at, delta=piece.text, logprobs=[])
            answer = await stream.aresult()
            on_end(answer)
        except Exception as err:
            found = from_error(err).body()["error"]
            yield told("error", code=found["code"], message=found["message"], param=found["param"])
            return
        part = self._part(answer.text, answer)
        yield told("response.output_text.done", **at, text=answer.text, logprobs=part["logprobs"])
        yield told("response.content_part.done", **at, part=part)
        status = _status(answer)
        yield told("response.output_item.done", output_index=0, item=self._message([part], status))
        yield told(f"response.{status}", response=self._response(answer))

    def _part(self, text: str, answer: Completion | None) -> dict[str, Any]:
        wanted = answer is not None and self.request.top_logprobs is not None
        logprobs = [token_logprobs(t) for t in answer.tokens] if wanted and answer is not None else []
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}

    def _message(self, parts: list[dict[str, Any]], status: str) -> dict[str, Any]:
        return {"id": self.item, "type": "message", "role": "assistant", "status": status, "content": parts}

    def _response(self, answer: Completion | None) -> dict[str, Any]:
        asked = self.request
        status = "in_progress" if answer is None else _status(answer)
        output = [] if answer is None else [self._message([self._part(answer.text, answer)], status)]
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "temperature": asked.temperature,
            "text": {"format": (asked.text and asked.text.format) or {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": asked.top_p,
            "truncation": "disabled",
            "usage": None if answer is None else _usage(answer),
            "metadata": {},
        }


def _status(answer: Completion) -> str:
    return "incomplete" if answer.finish_reason == "length" else "completed"


def _usage(answer: Completion) -> dict[str, Any]:
    said = len(answer.tokens)
    return {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.prompt_tokens + said,
    }
