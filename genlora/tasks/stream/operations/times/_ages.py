"""Years and ages."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import ordinal
from .._bands import Bands, band_label
from .._work import of_data

_this_year = picked(now=range(2020, 2031))


def _bound_year(draw: Draw) -> Params:
    year = draw.pick((1950, 1960, 1970, 1980, 1990, 1995, 2000, 2005, 2010, 2015))
    return {"year": year, "last": year - 1}


def _bound_age(draw: Draw) -> Params:
    age = draw.pick((12, 14, 16, 18, 21, 25, 30, 40, 50, 60, 65))
    return {"age": age, "last": age - 1}


OPERATIONS = (
    Operation("year.only", ("year",), "number", of_data(lambda y: y)),
    Operation("year.two digits", ("year",), "code", of_data(lambda y: f"{y % 100:02}")),
    Operation("year.apostrophe", ("year",), "code", of_data(lambda y: f"'{y % 100:02}")),
    Operation("year.decade", ("year",), "code", of_data(lambda y: f"{y // 10 * 10}s")),
    Operation("year.start of decade", ("year",), "number", of_data(lambda y: y // 10 * 10)),
    Operation("year.century", ("year",), "code", of_data(lambda y: f"{ordinal((y + 99) // 100)} century")),
    Operation("year.next", ("year",), "number", of_data(lambda y: y + 1)),
    Operation("year.previous", ("year",), "number", of_data(lambda y: y - 1)),
    Operation(
        "year.later", ("year",), "number", lambda v, p: str(v.data + p["n"]), params=picked(n=(5, 10, 20, 25, 50, 100))
    ),
    Operation(
        "year.earlier", ("year",), "number", lambda v, p: str(v.data - p["n"]), params=picked(n=(2, 5, 10, 20, 50, 100))
    ),
    Operation("year.season", ("year",), "code", of_data(lambda y: f"{y}/{(y + 1) % 100:02}")),
    Operation(
        "year.copyright",
        ("year",),
        "code",
        lambda v, p: f"{v.data}-{p['now']}" if v.data < p["now"] else None,
        params=_this_year,
    ),
    Operation("age.number", ("age",), "number", of_data(lambda a: a)),
    Operation(
        "age.in years", ("age",), "number", lambda v, p: str(v.data + p["n"]), params=picked(n=(2, 3, 5, 10, 20))
    ),
    Operation(
        "age.years ago",
        ("age",),
        "number",
        lambda v, p: str(v.data - p["n"]) if v.data > p["n"] else None,
        params=picked(n=(2, 3, 5, 10)),
    ),
    Operation("age.birth year", ("age",), "number", lambda v, p: str(p["now"] - v.data), params=_this_year),
    Operation(
        "age.until",
        ("age",),
        "number",
        lambda v, p: str(p["age"] - v.data) if v.data < p["age"] else "0",
        params=picked(age=(18, 50, 60, 65, 67, 70)),
    ),
    Operation("age.decade", ("age",), "code", of_data(lambda a: f"{a // 10 * 10}s" if a >= 20 else None)),
    Operation("age.five years", ("age",), "code", of_data(lambda a: f"{a // 5 * 5}-{a // 5 * 5 + 4}")),
    Operation("age.hyphenated", ("age",), "code", of_data(lambda a: f"{a}-year-old")),
)

CONDITIONS = (
    Condition(
        "year before",
        ("year",),
        lambda v, p: v.data < p["year"],
        ("{the} is before {year}", "{the} is earlier than {year}"),
        ("{the} is {year} or later", "{the} is not before {year}"),
        params=_bound_year,
    ),
    Condition(
        "year after",
        ("year",),
        lambda v, p: v.data > p["year"],
        ("{the} is after {year}", "{the} is later than {year}"),
        ("{the} is {year} or earlier", "{the} is not after {year}"),
        params=_bound_year,
    ),
    Condition(
        "year leap",
        ("year",),
        lambda v, _: v.data % 4 == 0 and (v.data % 100 != 0 or v.data % 400 == 0),
        ("{the} is a leap year", "February has 29 days in {the}"),
        ("{the} is not a leap year", "February has 28 days in {the}"),
    ),
    Condition(
        "year twentieth",
        ("year",),
        lambda v, _: v.data < 2000 if v.data != 2000 else None,
        ("{the} begins with 19 or less", "{the} lies before 2000"),
        ("{the} begins with 20", "{the} is greater than 2000"),
    ),
    Condition(
        "year round",
        ("year",),
        lambda v, _: v.data % 5 == 0,
        ("{the} ends in 0 or 5", "{the} is a multiple of five"),
        ("{the} ends in another digit than 0 or 5", "{the} is no multiple of five"),
    ),
    Condition(
        "age of at least",
        ("age",),
        lambda v, p: v.data >= p["age"],
        ("the person is {age} or older", "{the} is at least {age}"),
        ("the person is younger than {age}", "{the} is {last} or less"),
        params=_bound_age,
    ),
    Condition(
        "age below",
        ("age",),
        lambda v, p: v.data < p["age"],
        ("the person has not turned {age} yet", "{the} is under {age}"),
        ("the person has turned {age}", "{the} is {age} or more"),
        params=_bound_age,
    ),
    Condition(
        "age between",
        ("age",),
        lambda v, p: p["low"] <= v.data <= p["high"],
        ("{the} is from {low} to {high}", "{the} is at least {low} and at most {high}"),
        ("{the} is under {low} or over {high}", "{the} is outside {low} to {high}"),
        params=lambda d: dict(
            zip(("low", "high"), d.pick(((18, 65), (6, 17), (20, 39), (25, 60), (30, 50))), strict=True)
        ),
    ),
)


def _group(value: Value, p: Params) -> str:
    return "young" if value.data < p["low"] else "middle" if value.data < p["high"] else "old"


def _groups(draw: Draw) -> Params:
    low, high = draw.pick(((18, 65), (13, 18), (16, 60), (30, 60), (21, 40), (12, 65), (25, 50)))
    return {"low": low, "high": high, "last": high - 1}


def _ticket(value: Value, p: Params) -> str:
    a = value.data
    return "free" if a < p["free"] else "child" if a < p["child"] else "full" if a < p["senior"] else "senior"


def _tickets(draw: Draw) -> Params:
    free, child, senior = draw.pick(((6, 15, 65), (4, 12, 60), (5, 18, 67), (7, 14, 65), (3, 16, 62)))
    return {"free": free, "child": child, "senior": senior}


def _era(value: Value, p: Params) -> str:
    return "old" if value.data < p["low"] else "middle" if value.data < p["high"] else "new"


def _eras(draw: Draw) -> Params:
    low, high = draw.pick(((1950, 2000), (1900, 1950), (1970, 1990), (1980, 2010), (2000, 2015), (1990, 2005)))
    return {"low": low, "high": high, "last": high - 1}


_BANDS = (
    Bands(
        "age group",
        ("age",),
        _group,
        {
            "young": "the age is under {low}",
            "middle": "the age is {low} to {last}",
            "old": "the age is {high} or more",
        },
        "the age group",
        _groups,
        (
            {"young": "junior", "middle": "adult", "old": "senior"},
            {"young": "young", "middle": "middle", "old": "old"},
            {"young": "group 1", "middle": "group 2", "old": "group 3"},
        ),
    ),
    Bands(
        "age ticket",
        ("age",),
        _ticket,
        {
            "free": "younger than {free}",
            "child": "at least {free} but younger than {child}",
            "full": "at least {child} but younger than {senior}",
            "senior": "{senior} or older",
        },
        "the kind of ticket",
        _tickets,
        (
            {"free": "free", "child": "child", "full": "full", "senior": "senior"},
            {"free": "0", "child": "50", "full": "100", "senior": "75"},
        ),
    ),
    Bands(
        "year era",
        ("year",),
        _era,
        {
            "old": "the year is before {low}",
            "middle": "it is {low} to {last}",
            "new": "it is {high} or later",
        },
        "the period",
        _eras,
        (
            {"old": "antique", "middle": "vintage", "new": "modern"},
            {"old": "old", "middle": "middle", "new": "new"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
