"""Every input type and operation of the stream, by name."""

from collections.abc import Iterable
from functools import cache
from typing import TypeVar

from genlora.errors import TaskError

from ._labels import classifier_label, condition_label, condition_lists
from ._parts import InputType, Operation
from .inputs import ALL_INPUTS
from .operations import ALL_CLASSIFIERS, ALL_CONDITIONS, ALL_OPERATIONS

_Named = TypeVar("_Named", InputType, Operation)


@cache
def input_types() -> dict[str, InputType]:
    """All input types by name."""
    return _by_name(ALL_INPUTS, "input type")


@cache
def operations() -> dict[str, Operation]:
    """All operations by name, those that conditions and classifiers make included, in a stable order."""
    made: list[Operation] = list(ALL_OPERATIONS)
    for condition in ALL_CONDITIONS:
        made += [condition_label(condition), *condition_lists(condition)]
    made += map(classifier_label, ALL_CLASSIFIERS)
    return _by_name([o for o in made if o.on], "operation")


@cache
def types_of(kinds: tuple[str, ...]) -> tuple[InputType, ...]:
    """The input types of any of `kinds`, in a stable order."""
    return tuple(t for t in input_types().values() if t.kind in kinds)


def _by_name(things: Iterable[_Named], what: str) -> dict[str, _Named]:
    out: dict[str, _Named] = {}
    for thing in things:
        if thing.name in out:
            raise TaskError(f"the stream has two {what}s called {thing.name!r}; expected one. Rename the second.")
        out[thing.name] = thing
    return out
