"""What a request says of its answer's form: `response_format`, and vLLM's `guided_*`, as one constraint."""

from typing import Annotated, Any, Literal

from pydantic import Field

from genlora.base import Constraint
from genlora.errors import ConfigError

from .._errors import bad
from ._strict import Strict

_MAX_CHOICES = 256


class JsonSchema(Strict):
    """A schema with the name that OpenAI's clients give it."""

    name: str = Field(max_length=256)
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None
    """Accepted and not used: an answer always keeps to the schema."""
    description: str | None = None
    """Accepted and not used."""


class ResponseFormat(Strict):
    """OpenAI's `response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class HeldRequest(Strict):
    """The fields that hold an answer to a form; at most one of them."""

    guided_choice: Annotated[list[str], Field(fail_fast=True, min_length=1, max_length=_MAX_CHOICES)] | None = None
    guided_regex: str | None = None
    guided_json: dict[str, Any] | None = None

    def constraint(self, response_format: ResponseFormat | None = None) -> Constraint | None:
        """What the answer is held to; None where nothing was asked. Raises `ApiError`."""
        told = None if response_format is None or response_format.type == "text" else response_format
        fields = {
            "response_format": told,
            "guided_choice": self.guided_choice,
            "guided_regex": self.guided_regex,
            "guided_json": self.guided_json,
        }
        given = [name for name, value in fields.items() if value is not None]
        if len(given) > 1:
            raise bad(f"{given[0]} and {given[1]} both say what the answer is. Give one of them.", given[1])
        if not given:
            return None
        try:
            if told is not None:
                return _of_format(told)
            if self.guided_choice is not None:
                return Constraint.choice(self.guided_choice)
            if self.guided_json is not None:
                return Constraint.json_schema(self.guided_json)
            return Constraint(regex=self.guided_regex)
        except ConfigError as err:
            raise bad(f"{given[0]}: {err}", given[0]) from err


def _of_format(told: ResponseFormat) -> Constraint:
    if told.type == "json_object":
        return Constraint.json_object()
    if told.json_schema is None:
        raise bad("response_format: type json_schema needs json_schema: {name, schema}.", "response_format")
    return Constraint.json_schema(told.json_schema.schema_)
