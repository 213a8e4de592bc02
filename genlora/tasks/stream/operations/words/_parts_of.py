"""A named part of a structured input: the operation that most inputs of this stream have many of."""

from collections.abc import Callable

from ..._parts import AnswerKind, Operation, Params, Value


def at(key: str) -> Callable[[Value, Params], str | None]:
    """The part `key` of the input; None where it has none."""
    return lambda value, _: str(value.data[key]) if value.data.get(key) not in (None, "") else None


def part(
    name: str,
    on: tuple[str, ...],
    get: str | Callable[[Value, Params], str | None],
    answer: AnswerKind = "code",
) -> Operation:
    """An operation without parameters; `get` is a key of the input's data or a function."""
    return Operation(name, on, answer, at(get) if isinstance(get, str) else get)
