"""Turns of a conversation as clients send them, those that a server had sent them first included.

A client appends the message object that it was given and sends it back, with every field that the server or the
client's library put there. What such a field holds does not change what the model reads, so it is no error.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_MESSAGES = 256
"""Most turns of a conversation, and most parts of a turn."""

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
"""The last is what `tool` was called first."""
_MAY_SAY_NOTHING = frozenset({"assistant", "tool", "function"})


class _Open(BaseModel):
    """Strict about what it knows; what it does not know is left aside."""

    model_config = ConfigDict(extra="ignore", strict=True)


class TextPart(_Open):
    """A part of a message; text is all this server reads."""

    type: Literal["text", "input_text", "output_text"]
    """The last two are the names of the Responses interface."""
    text: str


class RefusalPart(_Open):
    """A part of an assistant's message that says no."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        return self.refusal


Part = TextPart | RefusalPart


class CalledFunction(_Open):
    """What an assistant's turn called."""

    name: str
    arguments: str | None = None

    @property
    def text(self) -> str:
        """As the model wrote it."""
        return f'{{"name": {json.dumps(self.name)}, "arguments": {self.arguments or "{}"}}}'


class ToolCall(_Open):
    """One call of an assistant's turn."""

    function: CalledFunction


class Message(_Open):
    """One turn of a conversation."""

    role: Role
    content: str | Annotated[list[Part], Field(fail_fast=True, max_length=MAX_MESSAGES)] | None = None
    """None is right for an assistant that said nothing, and for a function that gave nothing back."""
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCall], Field(fail_fast=True, max_length=MAX_MESSAGES)] | None = None
    function_call: CalledFunction | None = None
    """What `tool_calls` was first."""

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("content") is None and value.get("role") not in _MAY_SAY_NOTHING:
            raise ValueError("content is missing, which only a turn of the assistant or of a tool may lack")
        return value

    @property
    def text(self) -> str:
        if self.content is None:
            called = [call.function for call in self.tool_calls or ()] or [self.function_call]
            return self.refusal or "\n".join(call.text for call in called if call is not None)
        return self.content if isinstance(self.content, str) else "".join(p.text for p in self.content)


_ECHOED = frozenset(
    "role content refusal name annotations audio function_call tool_calls tool_call_id id type status reasoning "
    "reasoning_content provider_specific_fields".split()
)
"""Fields of messages that servers give out and clients send back."""


def unknown_fields(messages: Any) -> tuple[str, ...]:
    """Where messages, as JSON, have fields that nobody here knows: `messages.1.colour`."""
    if not isinstance(messages, list):
        return ()
    found = [
        f"messages.{number}.{name}"
        for number, message in enumerate(messages[:MAX_MESSAGES])
        if isinstance(message, dict)
        for name in message
        if name not in _ECHOED
    ]
    return tuple(found[:MAX_MESSAGES])
