"""Percentages, fractions, ratios, points; Roman and ordinal numbers, also from plain numbers."""

from math import gcd

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from .._bands import Bands, band_label
from .._work import new_of_both, of_data


def _simple(top: int, bottom: int) -> str | None:
    k = gcd(top, bottom)
    return f"{top // k}/{bottom // k}" if k > 1 else None


def _decimal(top: int, bottom: int) -> str | None:
    """None where it would need more than two decimals."""
    return f"{top / bottom:.2f}".rstrip("0").rstrip(".") if top * 100 % bottom == 0 else None


OPERATIONS = (
    Operation("percent.number", ("percent",), "number", of_data(lambda n: n)),
    Operation("percent.decimal", ("percent",), "code", of_data(lambda n: f"{n / 100:.2f}")),
    Operation(
        "percent.fraction",
        ("percent",),
        "code",
        of_data(lambda n: f"{n // gcd(n, 100)}/{100 // gcd(n, 100)}" if n % 5 == 0 and n < 100 else None),
    ),
    Operation("percent.rest", ("percent",), "code", of_data(lambda n: f"{100 - n}%")),
    Operation("percent.sign", ("percent",), "code", of_data(lambda n: f"{n}%")),
    Operation("percent.words", ("percent",), "code", of_data(lambda n: f"{n} percent")),
    Operation(
        "percent.of",
        ("percent",),
        "number",
        lambda v, p: str(v.data * p["n"] // 100) if v.data * p["n"] % 100 == 0 else None,
        params=picked(n=(100, 200, 300, 500, 1000, 2000)),
    ),
    Operation(
        "percent.plus",
        ("percent",),
        "code",
        lambda v, p: f"{v.data + p['n']}%" if v.data + p["n"] <= 100 else None,
        params=picked(n=(2, 5, 10)),
    ),
    Operation("fraction.simplify", ("fraction",), "code", new_of_both(_simple)),
    Operation("fraction.decimal", ("fraction",), "code", new_of_both(_decimal)),
    Operation("fraction.top", ("fraction",), "number", new_of_both(lambda top, bottom: top)),
    Operation("fraction.bottom", ("fraction",), "number", new_of_both(lambda top, bottom: bottom)),
    Operation("fraction.reciprocal", ("fraction",), "code", new_of_both(lambda top, bottom: f"{bottom}/{top}")),
    Operation("fraction.rest", ("fraction",), "code", new_of_both(lambda top, bottom: f"{bottom - top}/{bottom}")),
    Operation("ratio.simplify", ("ratio",), "code", new_of_both(lambda a, b: f"{a // gcd(a, b)}:{b // gcd(a, b)}")),
    Operation("ratio.swap", ("ratio",), "code", new_of_both(lambda a, b: f"{b}:{a}" if a != b else None)),
    Operation("ratio.parts", ("ratio",), "number", new_of_both(lambda a, b: a + b)),
    Operation("ratio.left", ("ratio",), "number", new_of_both(lambda a, b: a)),
    Operation("ratio.right", ("ratio",), "number", new_of_both(lambda a, b: b)),
)


_limit = picked(n=(20, 25, 40, 50, 60, 75, 80))


CONDITIONS = (
    Condition(
        "percent above",
        ("percent",),
        lambda v, p: v.data > p["n"],
        ("{the} is more than {n}%", "{the} is above {n}%"),
        ("{the} is {n}% or less", "{the} is at most {n}%"),
        params=_limit,
    ),
    Condition(
        "percent below",
        ("percent",),
        lambda v, p: v.data < p["n"],
        ("{the} is under {n}%", "{the} is less than {n}%"),
        ("{the} is {n}% or more", "{the} is at least {n}%"),
        params=_limit,
    ),
    Condition(
        "fraction above half",
        ("fraction",),
        lambda v, _: 2 * v.data[0] > v.data[1] if 2 * v.data[0] != v.data[1] else None,
        ("{the} is more than a half", "{the} is greater than 0.5"),
        ("{the} is less than a half", "{the} is below 0.5"),
    ),
    Condition(
        "fraction lowest terms",
        ("fraction",),
        lambda v, _: gcd(*v.data) == 1,
        ("{the} is in lowest terms", "{the} cannot be simplified"),
        ("{the} can be reduced", "{the} can be simplified"),
    ),
    Condition(
        "ratio left larger",
        ("ratio",),
        lambda v, _: v.data[0] > v.data[1] if v.data[0] != v.data[1] else None,
        ("the left side of {the} is larger", "the first number is greater than the second"),
        ("the right side of {the} is larger", "the second number is greater than the first"),
    ),
)


def _level(value: Value, p: Params) -> str:
    return "low" if value.data < p["low"] else "middle" if value.data <= p["high"] else "high"


def _levels(draw: Draw) -> Params:
    low, high = draw.pick(((20, 80), (25, 75), (10, 50), (30, 60), (40, 90), (15, 60)))
    return {"low": low, "high": high}


_BANDS = (
    Bands(
        "percent level",
        ("percent",),
        _level,
        {
            "low": "it is below {low}%",
            "middle": "it is {low}% to {high}%",
            "high": "it is above {high}%",
        },
        "the level",
        _levels,
        (
            {"low": "low", "middle": "medium", "high": "high"},
            {"low": "red", "middle": "yellow", "high": "green"},
            {"low": "critical", "middle": "warning", "high": "ok"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
