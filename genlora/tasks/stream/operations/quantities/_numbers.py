"""Percentages, fractions, ratios, points; Roman and ordinal numbers, also from plain numbers."""

from collections.abc import Callable
from math import gcd

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from .._bands import Bands, band_label


def _on(work: Callable[[int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None else str(found)

    return answer


def _two(work: Callable[[int, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(*value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _n(*choices: int) -> Callable[[Draw], Params]:
    return lambda draw: {"n": draw.pick(choices)}


def _simple(top: int, bottom: int) -> str | None:
    k = gcd(top, bottom)
    return f"{top // k}/{bottom // k}" if k > 1 else None


def _decimal(top: int, bottom: int) -> str | None:
    """None where it would need more than two decimals."""
    return f"{top / bottom:.2f}".rstrip("0").rstrip(".") if top * 100 % bottom == 0 else None


OPERATIONS = (
    Operation(
        "percent.number",
        ("percent",),
        "number",
        _on(lambda n: n),
        ("give only the number, without the percent sign", "strip the word or sign for percent off {the}"),
        ("the bare number of {the}",),
    ),
    Operation(
        "percent.decimal",
        ("percent",),
        "code",
        _on(lambda n: f"{n / 100:.2f}"),
        (
            "write {the} as a decimal with two places (15% is 0.15)",
            "divide {the} by 100, two decimals",
            "turn {the} into a factor between 0 and 1 for our formula, two decimals",
        ),
        ("{the} as a decimal number with two places, like 0.15",),
    ),
    Operation(
        "percent.fraction",
        ("percent",),
        "code",
        _on(lambda n: f"{n // gcd(n, 100)}/{100 // gcd(n, 100)}" if n % 5 == 0 and n < 100 else None),
        ("write {the} as a fraction in lowest terms, like 3/20", "turn {the} into a simplified fraction (50% is 1/2)"),
        ("{the} as a simplified fraction, like 3/4",),
    ),
    Operation(
        "percent.rest",
        ("percent",),
        "code",
        _on(lambda n: f"{100 - n}%"),
        (
            "say what is missing to 100%, with the sign",
            "give the remaining share, like 35%",
            "subtract {the} from 100%",
        ),
        ("what is left of 100%, with the sign", "the rest to 100%, like 35%"),
        ("how much is missing to 100%? Like 35%",),
    ),
    Operation(
        "percent.sign",
        ("percent",),
        "code",
        _on(lambda n: f"{n}%"),
        ("write {the} with the % sign right after the number", "normalise {the} to the style 15%, no space"),
        ("{the} in the style 15%",),
    ),
    Operation(
        "percent.words",
        ("percent",),
        "code",
        _on(lambda n: f"{n} percent"),
        ("write {the} with the word percent after the number", "replace the sign: number, space and the word percent"),
        ("{the} in the style 15 percent",),
    ),
    Operation(
        "percent.of",
        ("percent",),
        "number",
        lambda v, p: str(v.data * p["n"] // 100) if v.data * p["n"] % 100 == 0 else None,
        ("work out {the} of {n}", "apply {the} to {n}: number only"),
        ("{the} of {n}", "the part of {n} that {the} makes"),
        params=_n(100, 200, 300, 500, 1000, 2000),
    ),
    Operation(
        "percent.plus",
        ("percent",),
        "code",
        lambda v, p: f"{v.data + p['n']}%" if v.data + p["n"] <= 100 else None,
        ("raise {the} by {n} percentage points, with the sign", "add {n} points to {the}, like 35%"),
        ("{the} plus {n} percentage points, like 35%",),
        params=_n(2, 5, 10),
    ),
    Operation(
        "fraction.simplify",
        ("fraction",),
        "code",
        _two(_simple),
        ("reduce {the} to lowest terms", "simplify {the}", "cancel {the} down as far as possible"),
        ("{the} in lowest terms", "the simplified fraction"),
    ),
    Operation(
        "fraction.decimal",
        ("fraction",),
        "code",
        _two(_decimal),
        ("write {the} as a decimal number", "divide the top by the bottom (decimal number)"),
        ("{the} as a decimal, like 0.75", "the decimal value of {the}"),
    ),
    Operation(
        "fraction.top",
        ("fraction",),
        "number",
        _two(lambda top, bottom: top),
        ("give the numerator", "copy the number above the fraction bar"),
        ("the numerator of {the}", "the number before the slash"),
        ("what is the numerator?",),
    ),
    Operation(
        "fraction.bottom",
        ("fraction",),
        "number",
        _two(lambda top, bottom: bottom),
        ("give the denominator", "copy the number below the fraction bar"),
        ("the denominator of {the}", "the number after the slash"),
        ("what is the denominator?",),
    ),
    Operation(
        "fraction.reciprocal",
        ("fraction",),
        "code",
        _two(lambda top, bottom: f"{bottom}/{top}"),
        ("turn {the} upside down", "give the reciprocal, without reducing it"),
        ("the reciprocal of {the}, not reduced", "{the} with top and bottom swapped"),
    ),
    Operation(
        "fraction.rest",
        ("fraction",),
        "code",
        _two(lambda top, bottom: f"{bottom - top}/{bottom}"),
        (
            "say what is missing to a whole (same denominator)",
            "subtract {the} from 1, not reduced",
        ),
        ("what is left of the whole, same denominator", "one minus {the}, not reduced"),
        ask=("how much is missing to a whole, with the same denominator?",),
    ),
    Operation(
        "ratio.simplify",
        ("ratio",),
        "code",
        _two(lambda a, b: f"{a // gcd(a, b)}:{b // gcd(a, b)}"),
        (
            "reduce {the} to the smallest whole numbers (like 2:3)",
            "simplify {the}, with a colon",
        ),
        ("{the} in lowest terms, with a colon",),
    ),
    Operation(
        "ratio.swap",
        ("ratio",),
        "code",
        _two(lambda a, b: f"{b}:{a}" if a != b else None),
        ("turn {the} round, with a colon", "exchange the two sides of {the} (like 2:3)"),
        ("{the} the other way round, with a colon",),
    ),
    Operation(
        "ratio.parts",
        ("ratio",),
        "number",
        _two(lambda a, b: a + b),
        ("count the parts in total", "add both sides of {the} up"),
        ("the total number of parts",),
        ("how many parts are there in total?",),
    ),
    Operation(
        "ratio.left",
        ("ratio",),
        "number",
        _two(lambda a, b: a),
        ("give the first side of {the}", "copy the number on the left"),
        ("the left side of {the}",),
    ),
    Operation(
        "ratio.right",
        ("ratio",),
        "number",
        _two(lambda a, b: b),
        ("give the second side of {the}", "copy the number on the right"),
        ("the right side of {the}",),
    ),
)


def _limit(draw: Draw) -> Params:
    return {"n": draw.pick((20, 25, 40, 50, 60, 75, 80))}


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
