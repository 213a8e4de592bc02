"""Work and parameters that many operations share: plain functions of an input's data as what an operation does."""

from collections.abc import Callable
from typing import Any

from .._parts import Draw, Params, Value

Work = Callable[[Value, Params], str | None]
"""What `Operation.do` is."""


def of_data(work: Callable[[Any], str | int | None]) -> Work:
    """`work` of the input's data."""

    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None else str(found)

    return answer


def new_of_data(work: Callable[[Any], str | int | None]) -> Work:
    """`of_data`, but no answer where it would only repeat the input."""

    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def new_of_both(work: Callable[[Any, Any], str | int | None]) -> Work:
    """`new_of_data` for data of two parts."""
    return new_of_data(lambda data: work(*data))


def part_named(value: Value, name: str) -> str | None:
    """The part `name` of the input's data, written; None where it has none."""
    found = value.data.get(name)
    return None if found in (None, "") else str(found)


def first_or_second(draw: Draw) -> Params:
    """{n}, 0 or 1, and {nth}, as it is said."""
    n = draw.between(0, 1)
    return {"n": n, "nth": ("first", "second")[n]}
