"""Months, alone and with a year; weekdays."""

import calendar
from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import MONTHS, WEEKDAYS
from .._bands import Bands, band_label

WEEKDAY = ("weekday", "weekday in text")


def _shifted(month: tuple[int, int], by: int) -> str:
    year, index = month[0], month[1] - 1 + by
    return f"{year + index // 12}-{index % 12 + 1:02}"


_year = picked(year=range(2023, 2026))


_some_months = picked(n=range(2, 5))


_some_days = picked(n=range(2, 6))


def _bound(draw: Draw) -> Params:
    m = draw.between(4, 9)
    return {"month": m, "name": MONTHS[m - 1]}


def _month(work: Callable[[int], str | int]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(work(value.data))


def _name(m: int) -> str:
    """The month `m` counted on past December."""
    return MONTHS[(m - 1) % 12]


def _day(by: int) -> Callable[[Value, Params], str | None]:
    return lambda value, _: WEEKDAYS[(value.data + by) % 7]


OPERATIONS = (
    Operation("month.next as key", ("month year",), "code", lambda v, _: _shifted(v.data, 1)),
    Operation("month.previous as key", ("month year",), "code", lambda v, _: _shifted(v.data, -1)),
    Operation("month.first day", ("month year",), "code", lambda v, _: f"{v.data[0]}-{v.data[1]:02}-01"),
    Operation(
        "month.last day",
        ("month year",),
        "code",
        lambda v, _: f"{v.data[0]}-{v.data[1]:02}-{calendar.monthrange(*v.data)[1]}",
    ),
    Operation(
        "month.short with year",
        ("month year",),
        "code",
        lambda v, _: f"{MONTHS[v.data[1] - 1][:3]} '{v.data[0] % 100:02}",
    ),
    Operation("month.slash", ("month year",), "code", lambda v, _: f"{v.data[1]:02}/{v.data[0] % 100:02}"),
    Operation("month.year only", ("month year",), "number", lambda v, _: str(v.data[0])),
    Operation("month.name only", ("month year",), "word", lambda v, _: MONTHS[v.data[1] - 1]),
    Operation("month.number", ("month",), "number", _month(lambda m: m)),
    Operation("month.two digits", ("month",), "code", _month(lambda m: f"{m:02}")),
    Operation("month.full name", ("month",), "word", _month(_name)),
    Operation("month.three letters", ("month",), "word", _month(lambda m: _name(m)[:3])),
    Operation("month.next", ("month",), "word", _month(lambda m: _name(m + 1))),
    Operation("month.previous", ("month",), "word", _month(lambda m: _name(m - 1))),
    Operation("month.later", ("month",), "word", lambda v, p: _name(v.data + p["n"]), params=_some_months),
    Operation("month.days", ("month",), "number", _month(lambda m: calendar.monthrange(2023, m)[1]), knowledge=True),
    Operation("weekday.full name", WEEKDAY, "word", _day(0)),
    Operation("weekday.three letters", WEEKDAY, "word", lambda v, _: WEEKDAYS[v.data][:3]),
    Operation("weekday.two capitals", WEEKDAY, "code", lambda v, _: WEEKDAYS[v.data][:2].upper()),
    Operation("weekday.number", WEEKDAY, "number", lambda v, _: str(v.data + 1)),
    Operation("weekday.from Sunday", WEEKDAY, "number", lambda v, _: str((v.data + 1) % 7)),
    Operation("weekday.previous", WEEKDAY, "word", _day(-1)),
    Operation("weekday.days later", WEEKDAY, "word", lambda v, p: WEEKDAYS[(v.data + p["n"]) % 7], params=_some_days),
    Operation("weekday.days earlier", WEEKDAY, "word", lambda v, p: WEEKDAYS[(v.data - p["n"]) % 7], params=_some_days),
    Operation(
        "weekday.working day after", ("weekday",), "word", lambda v, _: WEEKDAYS[v.data + 1 if v.data < 4 else 0]
    ),
    Operation("weekday.days to Sunday", WEEKDAY, "number", lambda v, _: str(6 - v.data)),
)

CONDITIONS = (
    Condition(
        "month since",
        ("month year",),
        lambda v, p: v.data[0] >= p["year"],
        ("{the} is in {year} or later", "the year is {year} or a later one"),
        ("{the} is in a year before {year}", "the year is earlier than {year}"),
        params=_year,
    ),
    Condition(
        "month first half",
        ("month year",),
        lambda v, _: v.data[1] <= 6,
        ("{the} belongs to the first half of the year", "it is January to June"),
        ("{the} belongs to the second half of the year", "it is July to December"),
    ),
    Condition(
        "month alone first half",
        ("month",),
        lambda v, _: v.data <= 6,
        ("{the} is in the first half of the year", "{the} is one of January to June"),
        ("{the} is in the second half of the year", "{the} is one of July to December"),
    ),
    Condition(
        "month alone before",
        ("month",),
        lambda v, p: v.data < p["month"],
        ("{the} comes before {name} in the year", "{the} is earlier in the calendar than {name}"),
        ("{the} is {name} or comes after it", "{the} is not earlier in the calendar than {name}"),
        params=_bound,
    ),
    Condition(
        "month alone 31 days",
        ("month",),
        lambda v, _: v.data in (1, 3, 5, 7, 8, 10, 12),
        ("{the} has 31 days", "there are 31 days in {the}"),
        ("{the} has fewer than 31 days", "{the} has 30 days or less"),
        knowledge=True,
    ),
    Condition(
        "weekday weekend",
        WEEKDAY,
        lambda v, _: v.data >= 5,
        ("{the} is Saturday or Sunday", "{the} belongs to the weekend"),
        ("{the} is one of Monday to Friday", "{the} is a working day"),
    ),
    Condition(
        "weekday early",
        WEEKDAY,
        lambda v, _: v.data <= 2,
        ("{the} is Monday, Tuesday or Wednesday", "{the} comes before Thursday in a week that begins on Monday"),
        ("{the} is Thursday or later in the week", "{the} is one of Thursday to Sunday"),
    ),
)

_FARM = {1: "rest", 2: "rest", 3: "sow", 4: "sow", 5: "sow", 12: "rest"} | dict.fromkeys((6, 7, 8), "grow")
_FARM |= dict.fromkeys((9, 10, 11), "reap")
_BANDS = (
    Bands(
        "month season",
        ("month",),
        lambda v, _: _FARM[v.data],
        {
            "rest": "it is December, January or February",
            "sow": "it is March, April or May",
            "grow": "it is June, July or August",
            "reap": "it is September, October or November",
        },
        "the season",
        names=(
            {"rest": "winter", "sow": "spring", "grow": "summer", "reap": "autumn"},
            {"rest": "winter", "sow": "spring", "grow": "summer", "reap": "fall"},
        ),
    ),
    Bands(
        "weekday rota",
        WEEKDAY,
        lambda v, _: "one" if v.data < 3 else "two" if v.data < 5 else "three",
        {
            "one": "it is Monday, Tuesday or Wednesday",
            "two": "it is Thursday or Friday",
            "three": "it is Saturday or Sunday",
        },
        "the shift on duty",
        names=(
            {"one": "early", "two": "late", "three": "free"},
            {"one": "A", "two": "B", "three": "C"},
            {"one": "Anna", "two": "Ben", "three": "nobody"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
