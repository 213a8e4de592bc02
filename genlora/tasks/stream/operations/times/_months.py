"""Months, alone and with a year; weekdays."""

import calendar
from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import MONTHS, WEEKDAYS
from .._bands import Bands, band_label

WEEKDAY = ("weekday", "weekday in text")


def _shifted(month: tuple[int, int], by: int) -> str:
    year, index = month[0], month[1] - 1 + by
    return f"{year + index // 12}-{index % 12 + 1:02}"


def _year(draw: Draw) -> Params:
    return {"year": draw.between(2023, 2025)}


def _some_months(draw: Draw) -> Params:
    return {"n": draw.between(2, 4)}


def _some_days(draw: Draw) -> Params:
    return {"n": draw.between(2, 5)}


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
    Operation(
        "month.next as key",
        ("month year",),
        "code",
        lambda v, _: _shifted(v.data, 1),
        ("give the month after it as YYYY-MM", "write the following month in the form YYYY-MM"),
        ("the next month as YYYY-MM",),
    ),
    Operation(
        "month.previous as key",
        ("month year",),
        "code",
        lambda v, _: _shifted(v.data, -1),
        ("give the month before it as YYYY-MM", "write the preceding month in the form YYYY-MM"),
        ("the previous month as YYYY-MM",),
    ),
    Operation(
        "month.first day",
        ("month year",),
        "code",
        lambda v, _: f"{v.data[0]}-{v.data[1]:02}-01",
        ("give the first day of {the} as YYYY-MM-DD", "turn {the} into the date it starts on (YYYY-MM-DD)"),
        ("the first day of {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "month.last day",
        ("month year",),
        "code",
        lambda v, _: f"{v.data[0]}-{v.data[1]:02}-{calendar.monthrange(*v.data)[1]}",
        ("give the last day of {the} as YYYY-MM-DD", "turn {the} into the date it ends on (YYYY-MM-DD)"),
        ("the last day of {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "month.short with year",
        ("month year",),
        "code",
        lambda v, _: f"{MONTHS[v.data[1] - 1][:3]} '{v.data[0] % 100:02}",
        ("write {the} for the axis of a chart, like Jan '20", "shorten {the} to the style Dec '19"),
        ("{the} in the style Jan '20",),
    ),
    Operation(
        "month.slash",
        ("month year",),
        "code",
        lambda v, _: f"{v.data[1]:02}/{v.data[0] % 100:02}",
        ("write {the} as MM/YY, the way it stands on a bank card", "convert {the} to MM/YY"),
        ("{the} as MM/YY",),
    ),
    Operation(
        "month.year only",
        ("month year",),
        "number",
        lambda v, _: str(v.data[0]),
        ("give the year only", "leave the month out"),
        ("the year without the month",),
    ),
    Operation(
        "month.name only",
        ("month year",),
        "word",
        lambda v, _: MONTHS[v.data[1] - 1],
        ("name the month without the year", "give the full English name of the month only"),
        ("the name of the month, without the year",),
        ("which month of the year is it, by name?",),
    ),
    Operation(
        "month.number",
        ("month",),
        "number",
        _month(lambda m: m),
        (
            "give the number of {the}, 1 to 12",
            "turn {the} into a number (January = 1, no leading zero)",
            "say which month of the year it is, as a number",
        ),
        ("the number of {the} (1-12)", "the position of {the} in the year"),
        ("which number does {the} have, counting from January = 1?",),
    ),
    Operation(
        "month.two digits",
        ("month",),
        "code",
        _month(lambda m: f"{m:02}"),
        ("write {the} as two digits, 01 to 12", "code {the} as MM", "turn {the} into its two-digit number"),
        ("{the} as MM", "the two-digit number of {the}"),
    ),
    Operation(
        "month.full name",
        ("month",),
        "word",
        _month(_name),
        ("write the full name of {the}", "spell {the} out with a capital", "give {the} unabbreviated (capital first)"),
        ("the full name of {the}, with a capital", "{the} written out in full"),
    ),
    Operation(
        "month.three letters",
        ("month",),
        "word",
        _month(lambda m: _name(m)[:3]),
        (
            "abbreviate {the} to three letters, capital first",
            "write {the} in the style Jan, Feb, Mar",
            "shorten {the} for a table head: three letters, no dot",
        ),
        ("the three-letter name of {the}, like Jan", "{the} in three letters, the first one capital"),
    ),
    Operation(
        "month.next",
        ("month",),
        "word",
        _month(lambda m: _name(m + 1)),
        ("name the month that follows", "give the next month, in full", "move one month ahead (full name)"),
        ("the full name of the next month", "the following month, in full"),
        ("which month comes next?",),
    ),
    Operation(
        "month.previous",
        ("month",),
        "word",
        _month(lambda m: _name(m - 1)),
        ("name the month that comes before", "give the preceding month, in full", "go one month back (full name)"),
        ("the full name of the preceding month", "the month before, in full"),
        ("which month comes right before it?",),
    ),
    Operation(
        "month.later",
        ("month",),
        "word",
        lambda v, p: _name(v.data + p["n"]),
        ("name the month {n} months later", "count {n} months on from {the} (full name)"),
        ("the month {n} months later, by its full name",),
        ("which month is it {n} months later?",),
        _some_months,
    ),
    Operation(
        "month.days",
        ("month",),
        "number",
        _month(lambda m: calendar.monthrange(2023, m)[1]),
        (
            "give the number of days of {the} in a year that is no leap year",
            "say how many days {the} has (take 28 for February)",
        ),
        ("the number of days in {the} (February = 28)",),
        ("how many days does {the} have in a normal year?",),
        knowledge=True,
    ),
    Operation(
        "weekday.full name",
        WEEKDAY,
        "word",
        _day(0),
        (
            "write the full name of {the}",
            "give {the} unabbreviated, capital first",
            "extract the day of the week in full",
        ),
        ("the full name of {the}",),
        ("which day of the week is mentioned? Full name",),
    ),
    Operation(
        "weekday.three letters",
        WEEKDAY,
        "word",
        lambda v, _: WEEKDAYS[v.data][:3],
        ("give {the} in three letters, like Mon", "shorten {the} to three letters, only the first one capital"),
        ("{the} in the style Mon, Tue, Wed", "the three-letter name of {the}, capital first"),
    ),
    Operation(
        "weekday.two capitals",
        WEEKDAY,
        "code",
        lambda v, _: WEEKDAYS[v.data][:2].upper(),
        ("code {the} in two capital letters as calendars do (MO, TU, ...)", "write {the} in the style MO, WE, SU"),
        ("the two-letter code of {the}, like MO",),
    ),
    Operation(
        "weekday.number",
        WEEKDAY,
        "number",
        lambda v, _: str(v.data + 1),
        (
            "number {the}: Monday is 1, Sunday is 7",
            "give the ISO number of {the} (Monday = 1)",
            "turn {the} into a number from 1 for Monday to 7 for Sunday",
        ),
        ("the number of {the}, with Monday as 1", "the ISO weekday number, 1 to 7"),
    ),
    Operation(
        "weekday.from Sunday",
        WEEKDAY,
        "number",
        lambda v, _: str((v.data + 1) % 7),
        (
            "number {the}: Sunday is 0, Saturday is 6",
            "give the cron number of {the} (Sunday = 0)",
            "turn {the} into a number from 0 for Sunday to 6 for Saturday",
        ),
        ("the number of {the}, with Sunday as 0", "the weekday as cron counts it, from Sunday = 0"),
    ),
    Operation(
        "weekday.previous",
        WEEKDAY,
        "word",
        _day(-1),
        (
            "name the day before",
            "go one day back from {the} (full name)",
            "give the eve of {the} as a full weekday",
        ),
        ("the full name of the day before", "the preceding weekday, in full"),
        ("which weekday comes right before it?",),
    ),
    Operation(
        "weekday.days later",
        WEEKDAY,
        "word",
        lambda v, p: WEEKDAYS[(v.data + p["n"]) % 7],
        ("name the weekday {n} days later", "count {n} days on from {the} (full name)"),
        ("the weekday {n} days later, in full",),
        ("which weekday is it {n} days later?",),
        _some_days,
    ),
    Operation(
        "weekday.days earlier",
        WEEKDAY,
        "word",
        lambda v, p: WEEKDAYS[(v.data - p["n"]) % 7],
        ("name the weekday {n} days earlier", "count {n} days back from {the} (full name)"),
        ("the weekday {n} days earlier, in full",),
        ("which weekday was it {n} days before?",),
        _some_days,
    ),
    Operation(
        "weekday.working day after",
        ("weekday",),
        "word",
        lambda v, _: WEEKDAYS[v.data + 1 if v.data < 4 else 0],
        (
            "name the next working day that follows, Monday to Friday",
            "give the day on which an office closed on Saturdays and Sundays opens next",
        ),
        ("the next working day (Monday to Friday)",),
    ),
    Operation(
        "weekday.days to Sunday",
        WEEKDAY,
        "number",
        lambda v, _: str(6 - v.data),
        (
            "count the days from {the} to the Sunday of its week (0 on Sunday)",
            "say how many days are left until Sunday, 0 if it is Sunday",
        ),
        ("the number of days from {the} until Sunday (Sunday itself: 0)",),
    ),
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
