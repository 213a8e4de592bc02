"""Measures: number and unit, respelled, worked on; pairs and lists of measures."""

from collections.abc import Callable, Sequence
from typing import Any

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.quantities._measures import spelled
from ...inputs.quantities._shapes import KINDS, Measure, decimal
from .._bands import Bands, band_label
from .._filters import Filter, filter_operations

ANY = (*KINDS, "measure")
_NOT_TEMPERATURE = tuple(kind for kind in KINDS if kind != "temperature")
_Pair = tuple[tuple[Measure, str], tuple[Measure, str]]


def _on(work: Callable[[Measure], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _with_unit(tenths: int, m: Measure) -> str:
    return f"{decimal(tenths)} {m.unit.sign}"


def _n(*choices: int) -> Callable[[Draw], Params]:
    return lambda draw: {"n": draw.pick(choices)}


def _bound(draw: Draw) -> Params:
    return {"n": draw.pick((10, 15, 20, 25, 30, 40))}


def _pair(work: Callable[[_Pair], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _list(work: Callable[[Sequence[tuple[Measure, str]]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _size(item: tuple[Measure, Any]) -> int:
    return item[0].size


_FILTERS = (
    Filter(
        "measures above",
        ("measures",),
        lambda m, p: m.tenths > 10 * p["n"],
        "values",
        "value",
        ("above {n}", "that are greater than {n}"),
        ("above {n}", "that is greater than {n}"),
        _bound,
    ),
    Filter(
        "measures below",
        ("measures",),
        lambda m, p: m.tenths < 10 * p["n"],
        "values",
        "value",
        ("below {n}", "that are smaller than {n}"),
        ("below {n}", "that is smaller than {n}"),
        _bound,
    ),
)

OPERATIONS = (
    *(o for f in _FILTERS for o in filter_operations(f)),
    Operation(
        "measure.number",
        ANY,
        "code",
        _on(lambda m: m.number),
        (
            "give only the number, without the unit",
            "strip the unit off {the}",
            "write the figure in front of the unit",
        ),
        ("the number without its unit", "only the figure of {the}"),
    ),
    Operation(
        "measure.unit",
        ("measure", "length", "weight", "volume", "data size", "area"),
        "code",
        _on(lambda m: m.unit.sign),
        (
            "give only the unit, as a symbol (kg, cm, MB ...)",
            "name the unit by its usual abbreviation, without the number",
            "fill the unit column with the short sign of the unit",
        ),
        ("the unit symbol without the number", "the abbreviation of the unit"),
        ("what is the unit, abbreviated?",),
    ),
    Operation(
        "measure.unit name",
        ("measure", "length", "weight", "volume", "data size", "area"),
        "text",
        _on(lambda m: m.unit.name),
        (
            "spell out the unit in the singular, without the number (like kilogram)",
            "give the full British name of the unit, singular, no number",
        ),
        ("the full name of the unit in the singular (British spelling)",),
        ("what is the unit called in full (singular, British spelling)?",),
    ),
    Operation(
        "measure.spaced",
        ANY,
        "code",
        _on(lambda m: _with_unit(m.tenths, m)),
        (
            "write {the} as number, one space and the unit symbol (5 kg)",
            "normalise {the} to the style 12 cm: abbreviated unit, one space",
        ),
        ("{the} with one space before the abbreviated unit", "{the} in the style 5 kg"),
    ),
    Operation(
        "measure.tight",
        ANY,
        "code",
        _on(lambda m: f"{m.number}{m.unit.sign}"),
        (
            "write {the} without a space between number and unit symbol (5kg)",
            "squeeze {the} into the style 12cm, unit abbreviated",
        ),
        ("{the} with the unit symbol glued to the number", "{the} in the style 5kg"),
    ),
    Operation(
        "measure.spelled",
        ANY,
        "text",
        _on(spelled),
        (
            "write the unit of {the} out in full (like 5 kilograms)",
            "replace the abbreviation by the full British name of the unit, keeping the number",
        ),
        ("{the} with its unit written out, as in 12 metres", "{the} without abbreviations (British spelling)"),
    ),
    Operation(
        "measure.brackets",
        ANY,
        "code",
        _on(lambda m: f"[{m.unit.sign}] {m.number}"),
        ("put the unit symbol first, in square brackets, then the number: [kg] 5", "write {the} in the style [cm] 12"),
        ("{the} as unit symbol in brackets and number, like [kg] 5",),
    ),
    Operation(
        "measure.double",
        _NOT_TEMPERATURE,
        "code",
        _on(lambda m: _with_unit(2 * m.tenths, m)),
        ("double {the}, same unit (like 24 cm)", "give twice as much, number and abbreviated unit with a space"),
        ("twice {the}, in the same unit, like 24 cm",),
    ),
    Operation(
        "measure.half",
        _NOT_TEMPERATURE,
        "code",
        _on(lambda m: _with_unit(m.tenths // 2, m) if m.tenths % 2 == 0 else None),
        ("halve {the}, same unit (like 12 cm)", "give half as much, number and abbreviated unit with a space"),
        ("half of {the}, in the same unit, like 12 cm",),
    ),
    Operation(
        "measure.plus",
        KINDS,
        "code",
        lambda v, p: _with_unit(v.data.tenths + 10 * p["n"], v.data),
        (
            "raise {the} by {n} of its unit (like 12 cm)",
            "add {n} to the number (number, space, unit symbol)",
        ),
        ("{the} plus {n} of the same unit, like 12 cm",),
        params=_n(1, 2, 3, 5, 10),
    ),
    Operation(
        "measure.minus",
        KINDS,
        "code",
        lambda v, p: _with_unit(v.data.tenths - 10 * p["n"], v.data) if v.data.tenths > 10 * p["n"] else None,
        (
            "lower {the} by {n} of its unit (like 12 cm)",
            "take {n} off the number (number, space, unit symbol)",
        ),
        ("{the} less {n} of the same unit, like 12 cm",),
        params=_n(1, 2, 3, 5),
    ),
    Operation(
        "measure.several",
        _NOT_TEMPERATURE,
        "code",
        lambda v, p: _with_unit(p["n"] * v.data.tenths, v.data),
        (
            "multiply {the} by {n}, same unit (like 36 cm)",
            "give the total of {n} such pieces, like 36 cm",
        ),
        ("{n} times {the}, in the same unit, like 36 cm",),
        params=_n(3, 4, 5, 10),
    ),
    Operation(
        "measure.larger",
        ("two measures",),
        "code",
        _pair(lambda x: max(x, key=_size)[1]),
        ("give the larger of the two, as written", "pick whichever is more; mind the units", "copy the bigger measure"),
        ("the larger of {the}, as written", "the bigger one, units taken into account"),
        ("which of the two is more?",),
    ),
    Operation(
        "measure.smaller",
        ("two measures",),
        "code",
        _pair(lambda x: min(x, key=_size)[1]),
        (
            "give the smaller of the two, as written",
            "pick whichever is less; mind units",
            "copy the lesser measure",
        ),
        ("the smaller of {the}, as written", "the lesser one, units taken into account"),
        ("which of the two is less?",),
    ),
    Operation(
        "measure.first of two",
        ("two measures",),
        "code",
        _pair(lambda x: x[0][1]),
        ("copy the first of the two", "give the measure on the left"),
        ("the first measure, as written",),
    ),
    Operation(
        "measure.second of two",
        ("two measures",),
        "code",
        _pair(lambda x: x[1][1]),
        ("copy the second of the two", "give the measure on the right"),
        ("the second measure, as written",),
    ),
    Operation(
        "measure.sign between",
        ("two measures",),
        "code",
        _pair(lambda x: "<" if _size(x[0]) < _size(x[1]) else ">"),
        (
            "put < or > between the two: write only that sign",
            "compare first and second, units considered: < or >",
        ),
        ("the sign, < or >, that belongs between {the}",),
    ),
    Operation(
        "measures.largest",
        ("measures",),
        "code",
        _list(lambda x: max(x, key=_size)[1]),
        ("give the largest value of {the}, with its unit", "find the maximum, as written"),
        ("the largest value, as written", "the maximum with its unit"),
        ("which value is the largest?",),
    ),
    Operation(
        "measures.smallest",
        ("measures",),
        "code",
        _list(lambda x: min(x, key=_size)[1]),
        ("give the smallest value of {the}, with its unit", "find the minimum, as written"),
        ("the smallest value, as written", "the minimum with its unit"),
        ("which value is the smallest?",),
    ),
    Operation(
        "measures.ascending",
        ("measures",),
        "list",
        _list(lambda x: ", ".join(text for _, text in sorted(x, key=_size))),
        ("sort the values from small to large, with commas", "put {the} in ascending order, comma-separated"),
        ("the values in ascending order, comma-separated",),
        ask=("what are the values in ascending order, comma-separated?",),
    ),
    Operation(
        "measures.numbers",
        ("measures",),
        "list",
        _list(lambda x: ", ".join(m.number for m, _ in x)),
        ("list only the numbers, in the given order, with commas", "strip all units: numbers separated by commas"),
        ("the numbers without units, in the given order, comma-separated",),
        ask=("which numbers stand there, without units, comma-separated?",),
    ),
    Operation(
        "measures.sum",
        ("measures",),
        "code",
        _list(lambda x: _with_unit(sum(m.tenths for m, _ in x), x[0][0]) if len(x) <= 4 else None),
        ("add up all values (number, space, unit)", "work out the total of {the}, as in 75 cm"),
        ("the sum of all values with the unit, like 75 cm",),
    ),
)

CONDITIONS = (
    Condition(
        "two measures first larger",
        ("two measures",),
        lambda v, _: _size(v.data[0]) > _size(v.data[1]),
        ("the first measure is more than the second", "the second measure is the smaller one"),
        ("the second measure is more than the first", "the first measure is the smaller one"),
    ),
    Condition(
        "two measures same unit",
        ("two measures",),
        lambda v, _: v.data[0][0].unit == v.data[1][0].unit,
        ("both measures have the same unit", "no conversion is needed to compare them"),
        ("the two measures have different units", "one has to be converted to compare them"),
    ),
    Condition(
        "measure decimal",
        ("length", "weight", "volume", "data size", "area", "measure"),
        lambda v, _: v.data.tenths % 10 != 0,
        ("the number has a decimal part", "{the} is given with a decimal point"),
        ("the number is whole", "{the} is given without a decimal point"),
    ),
    Condition(
        "measure above",
        (*KINDS, "measure"),
        lambda v, p: v.data.tenths > 10 * p["n"],
        ("the number is greater than {n}, whatever the unit", "the figure before the unit is above {n}"),
        ("the number is {n} or less, whatever the unit", "the figure before the unit is at most {n}"),
        params=_bound,
    ),
)
_BANDS = (
    Bands(
        "measure kind",
        ("measure",),
        lambda v, _: v.data.unit.kind,
        {
            "length": "it is a length",
            "weight": "it is a weight",
            "volume": "it is a volume of liquid",
            "temperature": "it is a temperature",
            "data size": "it is an amount of data",
            "speed": "it is a speed",
            "area": "it is an area",
        },
        "the kind of quantity",
        names=({kind: kind for kind in KINDS},),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
