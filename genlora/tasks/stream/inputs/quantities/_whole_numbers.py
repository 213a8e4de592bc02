"""Whole numbers, lists of them, and sums to work out."""

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value, picked

_RANGES = ((0, 20), (1, 99), (10, 99), (100, 999), (1, 500), (1000, 9999))


def _range(draw: Draw) -> dict[str, object]:
    low, high = draw.pick(_RANGES)
    return {"low": low, "high": high}


def _number(draw: Draw, layout: Params) -> Value:
    n = draw.between(layout["low"], layout["high"])
    return Value(n, str(n))


def _list_layout(draw: Draw) -> dict[str, object]:
    n = draw.between(3, 5)
    return {**_range(draw), "n": n, "more": draw.between(0, 2), "sep": draw.pick((", ", ", ", " ", "; ", " | ", "\n"))}


def _numbers(draw: Draw, layout: Params) -> Value:
    n = layout["n"] + draw.between(0, layout["more"])
    numbers = tuple(draw.between(layout["low"], layout["high"]) for _ in range(n))
    return Value(numbers, layout["sep"].join(map(str, numbers)))


_two_layout = picked(high=(9, 20, 50, 99), sep=(" and ", ", ", " ", " & ", " | ", "; "))


def _two(draw: Draw, layout: Params) -> Value:
    two = (draw.between(0, layout["high"]), draw.between(0, layout["high"]))
    return Value(two, layout["sep"].join(map(str, two)))


INPUTS = (
    InputType("number", "number", "a number", "the number", _number, _range),
    InputType("number list", "numbers", "a list of numbers", "the list", _numbers, _list_layout),
    InputType("two numbers", "two numbers", "two numbers", "the two numbers", _two, _two_layout),
)
