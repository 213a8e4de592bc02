"""Functions that a model may call: told to it before the conversation, calls held to their schemas, answers read.

A call is JSON in the answer. Where the client says that there has to be one, the answer is held to the functions'
schemas, so that its arguments are always valid; where that is left to the model, an answer that is a call becomes one.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genlora.base import Constraint
from genlora.errors import ConfigError, GenloraError
from genlora.files import parse_json

from .._errors import bad

MAX_TOOLS = 64
_NAME = r"^[A-Za-z0-9_-]{1,64}$"
_WRAPPED = re.compile(r"\s*<tool_call>\s*(.*?)\s*(?:</tool_call>)?\s*", re.DOTALL)
"""As many small models are taught to write a call."""
_SHARED = ("$defs", "definitions")
"""Parts of a schema that others of its parts name from the root."""
_HOW = 'answer with JSON and nothing else: {"name": NAME, "arguments": {...}}'


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class Function(_Open):
    """A function, as OpenAI's clients describe it."""

    name: str = Field(pattern=_NAME)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    """A JSON schema; None for a function without arguments."""

    @property
    def schema_of_arguments(self) -> dict[str, Any]:
        return {"type": "object", "properties": {}, "additionalProperties": False, **(self.parameters or {})}


class Tool(_Open):
    """Something the model may use; functions are all there are."""

    type: Literal["function"]
    function: Function


class _Named(_Open):
    name: str = Field(max_length=64)


class ToolChoice(_Open):
    """The one function that is to be called."""

    type: Literal["function"]
    function: _Named


Tools = Annotated[list[Tool], Field(fail_fast=True, max_length=MAX_TOOLS)]


@dataclass(frozen=True)
class Call:
    """One call, as an answer holds it."""

    name: str
    arguments: str
    """A JSON object, as text."""

    def to_json(self) -> dict[str, Any]:
        """As OpenAI's clients expect it."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}


@dataclass(frozen=True)
class Calls:
    """The functions of one request."""

    functions: tuple[Function, ...]
    must: bool
    """Whether the answer has to be a call."""

    @classmethod
    def of(cls, tools: Sequence[Tool] | None, choice: str | ToolChoice | None) -> "Calls | None":
        """What a request's `tools` and `tool_choice` say; None where nothing may be called. Raises `ApiError`."""
        functions = tuple(tool.function for tool in tools or ())
        names = [f.name for f in functions]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise bad(f"tools: two functions are called {twice!r}.", "tools")
        if isinstance(choice, ToolChoice):
            functions = tuple(f for f in functions if f.name == choice.function.name)
            if not functions:
                raise bad(f"tool_choice: {choice.function.name!r} is none of the tools.", "tool_choice")
            return cls(functions, must=True)
        if choice == "required" and not functions:
            raise bad("tool_choice is required, and there are no tools.", "tool_choice")
        return cls(functions, must=choice == "required") if functions and choice != "none" else None

    @property
    def _only(self) -> Function | None:
        """The function whose arguments are the whole answer."""
        return self.functions[0] if self.must and len(self.functions) == 1 else None

    def told(self) -> str:
        """What the model is told of them."""
        if self._only is not None:
            how = "Answer with the arguments of this function as JSON:"
        elif self.must:
            how = f"Call one of these functions; {_HOW}. The functions:"
        else:
            how = f"You may call these functions; to call one, {_HOW}. The functions:"
        return "\n".join(
            [how, *(json.dumps(f.model_dump(exclude_none=True), ensure_ascii=False) for f in self.functions)]
        )

    def constraint(self) -> Constraint | None:
        """What the answer is held to. Raises `ApiError` for a schema that cannot be used."""
        if not self.must:
            return None
        try:
            only = self._only
            return Constraint.json_schema(self._any() if only is None else only.schema_of_arguments)
        except ConfigError as err:
            raise bad(f"tools: {err}", "tools") from err

    def _any(self) -> dict[str, Any]:
        shared: dict[str, dict[str, Any]] = {}
        options = []
        for function in self.functions:
            schema = function.schema_of_arguments
            for key in _SHARED:
                for name, part in (schema.pop(key, None) or {}).items():
                    if shared.setdefault(key, {}).setdefault(name, part) != part:
                        raise bad(f"tools: two functions mean different things by {key}/{name}.", "tools")
            properties = {"name": {"const": function.name}, "arguments": schema}
            option = {"type": "object", "properties": properties, "required": ["name", "arguments"]}
            options.append({**option, "additionalProperties": False})
        return {"anyOf": options, **shared}

    def may_begin(self, text: str) -> bool:
        """Whether an answer that begins so may be a call."""
        return self.must or text.lstrip()[:1] in ("", "{", "[", "<")

    def read(self, text: str) -> tuple[Call, ...]:
        """The calls that a whole answer is; none where it is anything else."""
        only = self._only
        wrapped = None if only is not None else _WRAPPED.fullmatch(text)
        try:
            found = parse_json((text if wrapped is None else wrapped[1]).encode(), where="a call")
        except (GenloraError, UnicodeEncodeError):
            return ()
        if only is not None:
            return (Call(only.name, _text(found)),) if isinstance(found, dict) else ()
        calls = [self._call(item) for item in (found if isinstance(found, list) else [found])]
        return tuple(call for call in calls if call is not None) if all(calls) else ()

    def _call(self, found: Any) -> Call | None:
        if not isinstance(found, dict) or not isinstance(found.get("arguments", {}), dict):
            return None
        name = found.get("name")
        return Call(name, _text(found.get("arguments", {}))) if name in [f.name for f in self.functions] else None


def _text(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
