"""The form of request bodies: strict about types, and closed to what asks for something that nobody here knows."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo


def says_nothing(value: Any) -> bool:
    """Whether a value asks for nothing: null, false, what is empty, and an object that holds nothing else."""
    if isinstance(value, dict):
        return all(says_nothing(v) for v in value.values())
    return value is None or value is False or value in ("", [])


class Strict(BaseModel):
    """No conversion of types, and no fields beyond those that are named.

    Clients fill objects with all that their library knows: an unknown field that asks for nothing is left aside, and
    null stands for a field's default.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_what_says_nothing(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        return {name: said for name, said in value.items() if not _idle(said, fields.get(name))}


def _idle(said: Any, field: FieldInfo | None) -> bool:
    if field is None:
        return says_nothing(said)
    return said is None and not field.is_required() and field.get_default(call_default_factory=True) is not None
