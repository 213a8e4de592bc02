"""Measures: number and unit, respelled, worked on; pairs and lists of measures."""

from collections.abc import Callable, Sequence
from typing import Any

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
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


_bound = picked(n=(10, 15, 20, 25, 30, 40))


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
    Operation("measure.number", ANY, "code", _on(lambda m: m.number)),
    Operation(
        "measure.unit",
        ("measure", "length", "weight", "volume", "data size", "area"),
        "code",
        _on(lambda m: m.unit.sign),
    ),
    Operation(
        "measure.unit name",
        ("measure", "length", "weight", "volume", "data size", "area"),
        "text",
        _on(lambda m: m.unit.name),
    ),
    Operation("measure.spaced", ANY, "code", _on(lambda m: _with_unit(m.tenths, m))),
    Operation("measure.tight", ANY, "code", _on(lambda m: f"{m.number}{m.unit.sign}")),
    Operation("measure.spelled", ANY, "text", _on(spelled)),
    Operation("measure.brackets", ANY, "code", _on(lambda m: f"[{m.unit.sign}] {m.number}")),
    Operation("measure.double", _NOT_TEMPERATURE, "code", _on(lambda m: _with_unit(2 * m.tenths, m))),
    Operation(
        "measure.half",
        _NOT_TEMPERATURE,
        "code",
        _on(lambda m: _with_unit(m.tenths // 2, m) if m.tenths % 2 == 0 else None),
    ),
    Operation(
        "measure.plus",
        KINDS,
        "code",
        lambda v, p: _with_unit(v.data.tenths + 10 * p["n"], v.data),
        params=picked(n=(1, 2, 3, 5, 10)),
    ),
    Operation(
        "measure.minus",
        KINDS,
        "code",
        lambda v, p: _with_unit(v.data.tenths - 10 * p["n"], v.data) if v.data.tenths > 10 * p["n"] else None,
        params=picked(n=(1, 2, 3, 5)),
    ),
    Operation(
        "measure.several",
        _NOT_TEMPERATURE,
        "code",
        lambda v, p: _with_unit(p["n"] * v.data.tenths, v.data),
        params=picked(n=(3, 4, 5, 10)),
    ),
    Operation("measure.larger", ("two measures",), "code", _pair(lambda x: max(x, key=_size)[1])),
    Operation("measure.smaller", ("two measures",), "code", _pair(lambda x: min(x, key=_size)[1])),
    Operation("measure.first of two", ("two measures",), "code", _pair(lambda x: x[0][1])),
    Operation("measure.second of two", ("two measures",), "code", _pair(lambda x: x[1][1])),
    Operation(
        "measure.sign between", ("two measures",), "code", _pair(lambda x: "<" if _size(x[0]) < _size(x[1]) else ">")
    ),
    Operation("measures.largest", ("measures",), "code", _list(lambda x: max(x, key=_size)[1])),
    Operation("measures.smallest", ("measures",), "code", _list(lambda x: min(x, key=_size)[1])),
    Operation(
        "measures.ascending",
        ("measures",),
        "list",
        _list(lambda x: ", ".join(text for _, text in sorted(x, key=_size))),
    ),
    Operation("measures.numbers", ("measures",), "list", _list(lambda x: ", ".join(m.number for m, _ in x))),
    Operation(
        "measures.sum",
        ("measures",),
        "code",
        _list(lambda x: _with_unit(sum(m.tenths for m, _ in x), x[0][0]) if len(x) <= 4 else None),
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
