"""Dates against bounds: yes-or-no conditions, and bands whose limits the description gives."""

from datetime import date

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import MONTHS, SHAPES
from .._bands import Bands, band_label

DATE = ("date", "date in text", "weekday date")
_BOUND_SHAPES = ("iso", "long", "dotted", "american long")


def _bound(draw: Draw) -> Params:
    d = date(draw.between(2023, 2024), draw.between(1, 12), draw.between(1, 28))
    return {"bound": d, "shown": SHAPES[draw.pick(_BOUND_SHAPES)].write(d)}


def _month_start(draw: Draw) -> Params:
    d = date(draw.between(2022, 2025), draw.between(1, 12), 1)
    return {"bound": d, "shown": f"1 {MONTHS[d.month - 1]} {d.year}"}


_year = picked(year=range(2020, 2027))


def _year_bound(draw: Draw) -> Params:
    year = draw.between(2022, 2025)
    return {"year": year, "last": year - 1}


def _month(draw: Draw) -> Params:
    m = draw.between(1, 12)
    return {"month": m, "name": MONTHS[m - 1]}


def _month_bound(draw: Draw) -> Params:
    m = draw.between(4, 9)
    return {"month": m, "name": MONTHS[m - 1]}


def _day(draw: Draw) -> Params:
    n = draw.pick((5, 10, 12, 15, 18, 20, 25))
    return {"n": n, "next": n + 1}


CONDITIONS = (
    Condition(
        "date before",
        DATE,
        lambda v, p: v.data < p["bound"],
        ("{the} is before {shown}", "{the} is earlier than {shown}"),
        ("{the} is {shown} or later", "{the} is not before {shown}"),
        params=_bound,
    ),
    Condition(
        "date after",
        DATE,
        lambda v, p: v.data > p["bound"],
        ("{the} is after {shown}", "{the} is later than {shown}"),
        ("{the} is {shown} or earlier", "{the} is not after {shown}"),
        params=_bound,
    ),
    Condition(
        "date still open",
        DATE,
        lambda v, p: v.data >= p["bound"],
        ("{the}, read as a deadline, has not passed on {shown}", "a deadline on {the} can still be met on {shown}"),
        ("{the}, read as a deadline, has passed by {shown}", "{the} lies before {shown}"),
        params=_month_start,
    ),
    Condition(
        "date in year",
        DATE,
        lambda v, p: v.data.year == p["year"],
        ("{the} is in {year}", "the year of {the} is {year}"),
        ("{the} is not in {year}", "{the} is in any other year"),
        params=_year,
    ),
    Condition(
        "date since year",
        DATE,
        lambda v, p: v.data.year >= p["year"],
        ("{the} is in {year} or later", "the year is at least {year}"),
        ("{the} is in {last} or earlier", "the year is below {year}"),
        params=_year_bound,
    ),
    Condition(
        "date in month",
        DATE,
        lambda v, p: v.data.month == p["month"],
        ("{the} is in {name}", "the month is {name}"),
        ("{the} is in another month than {name}", "the month is not {name}"),
        params=_month,
    ),
    Condition(
        "date before month",
        DATE,
        lambda v, p: v.data.month < p["month"],
        ("{the} comes before {name}, whatever the year", "its month is earlier in the year than {name}"),
        ("{the} is in {name} or a later month", "its month is {name} or comes after it in the year"),
        params=_month_bound,
    ),
    Condition(
        "date day above",
        DATE,
        lambda v, p: v.data.day > p["n"],
        ("the day of the month is greater than {n}", "{the} falls after day {n} of its month"),
        ("the day of the month is {n} or less", "{the} falls on day {n} or before"),
        params=_day,
    ),
    Condition(
        "date day below",
        DATE,
        lambda v, p: v.data.day <= p["n"],
        ("{the} lies within the first {n} days of its month", "the day of the month is at most {n}"),
        ("the day of the month is {next} or higher", "{the} lies after the first {n} days of its month"),
        params=_day,
    ),
    Condition(
        "date even day",
        DATE,
        lambda v, _: v.data.day % 2 == 0,
        ("the day of the month is even", "{the} falls on an even day"),
        ("the day of the month is odd", "{the} falls on an odd day"),
    ),
    Condition(
        "date first half of year",
        DATE,
        lambda v, _: v.data.month <= 6,
        ("{the} is in the first half of the year (January to June)", "the month is June or earlier"),
        ("{the} is in the second half of the year (July to December)", "the month is July or later"),
    ),
    Condition(
        "date leap year",
        DATE,
        lambda v, _: v.data.year % 4 == 0,
        ("the year of {the} is a leap year", "the year of {the} can be divided by four"),
        ("the year of {the} is not a leap year", "the year of {the} cannot be divided by four"),
    ),
    Condition(
        "date long month",
        DATE,
        lambda v, _: v.data.month in (1, 3, 5, 7, 8, 10, 12),
        ("the month of {the} has 31 days", "{the} is in a month of 31 days"),
        ("the month of {the} has fewer than 31 days", "{the} is in a month of 30 days or less"),
        knowledge=True,
    ),
    Condition(
        "date weekend",
        ("weekday date",),
        lambda v, _: v.data.weekday() >= 5,
        ("{the} is a Saturday or a Sunday", "{the} falls on a weekend"),
        ("{the} is a working day, Monday to Friday", "{the} falls on a weekday"),
    ),
    Condition(
        "date working day",
        ("weekday date",),
        lambda v, _: v.data.weekday() < 5,
        ("{the} falls between Monday and Friday", "{the} is a working day"),
        ("{the} falls on a Saturday or Sunday", "{the} is on the weekend"),
    ),
)


def _third(value: Value, p: Params) -> str:
    return "one" if value.data.day <= p["low"] else "two" if value.data.day <= p["high"] else "three"


def _thirds(draw: Draw) -> Params:
    low, high = draw.pick(((10, 20), (9, 19), (7, 21), (5, 25), (12, 24)))
    return {"low": low, "high": high, "low1": low + 1, "high1": high + 1}


def _years(value: Value, p: Params) -> str:
    return "old" if value.data.year < p["low"] else "middle" if value.data.year <= p["high"] else "new"


def _year_limits(draw: Draw) -> Params:
    low = draw.between(2022, 2023)
    return {"low": low, "high": low + draw.between(0, 1)}


def _against(value: Value, p: Params) -> str:
    here = (value.data.year, value.data.month)
    there = (p["bound"].year, p["bound"].month)
    return "before" if here < there else "same" if here == there else "after"


def _the_month(draw: Draw) -> Params:
    d = date(draw.between(2022, 2024), draw.between(1, 12), 1)
    return {"bound": d, "name": f"{MONTHS[d.month - 1]} {d.year}"}


_SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring", 6: "summer", 7: "summer"}
_SEASONS |= {8: "summer", 9: "autumn", 10: "autumn", 11: "autumn"}


def _team(value: Value, p: Params) -> str:
    return ("sat", "sun")[value.data.weekday() - 5] if value.data.weekday() > 4 else "work"


_BANDS = (
    Bands(
        "date part of month",
        DATE,
        _third,
        {
            "one": "the day is {low} or less",
            "two": "the day is {low1} to {high}",
            "three": "the day is {high1} or more",
        },
        "the part of the month",
        _thirds,
        ({"one": "early", "two": "mid", "three": "late"}, {"one": "start", "two": "middle", "three": "end"}),
    ),
    Bands(
        "date archive",
        DATE,
        _years,
        {
            "old": "the year is before {low}",
            "middle": "the year is from {low} to {high}",
            "new": "the year is after {high}",
        },
        "the place where the document goes by its year",
        _year_limits,
        ({"old": "archive", "middle": "shelf", "new": "desk"}, {"old": "delete", "middle": "archive", "new": "keep"}),
    ),
    Bands(
        "date against month",
        DATE,
        _against,
        {
            "before": "it is before {name}",
            "same": "it is in {name}",
            "after": "it is after {name}",
        },
        "the state of the deadline",
        _the_month,
        (
            {"before": "overdue", "same": "due", "after": "upcoming"},
            {"before": "past", "same": "current", "after": "future"},
        ),
    ),
    Bands(
        "date season",
        DATE,
        lambda v, _: _SEASONS[v.data.month],
        {
            "winter": "the month is December, January or February",
            "spring": "it is March to May",
            "summer": "it is June to August",
            "autumn": "it is September to November",
        },
        "the season",
        names=({"winter": "winter", "spring": "spring", "summer": "summer", "autumn": "autumn"},),
    ),
    Bands(
        "date shift",
        ("weekday date",),
        _team,
        {
            "work": "it is Monday to Friday",
            "sat": "it is a Saturday",
            "sun": "it is a Sunday",
        },
        "the opening hours that apply",
        names=({"work": "9-18", "sat": "10-14", "sun": "closed"}, {"work": "A", "sat": "B", "sun": "C"}),
    ),
)

OPERATIONS: tuple[Operation, ...] = tuple(map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
