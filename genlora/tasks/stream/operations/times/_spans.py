"""Lists of dates, and spans of days."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import MONTHS, SHAPES, Dated, iso, month_name, month_short
from .._bands import Bands, band_label
from .._filters import Filter, filter_operations


def _dates(work: Callable[[Sequence[Dated]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _span(work: Callable[[date, date], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data[0].date, value.data[1].date)
        return None if found is None else str(found)

    return answer


def _join(found: Sequence[str]) -> str:
    return ", ".join(found)


def _bound(draw: Draw) -> Params:
    d = date(2023, 9, 1) + timedelta(days=draw.between(0, 500))
    return {"bound": d, "shown": SHAPES[draw.pick(("iso", "long"))].write(d)}


def _year(draw: Draw) -> Params:
    return {"year": draw.between(2023, 2025)}


def _months(draw: Draw) -> Params:
    m = draw.between(1, 12)
    return {"month": m, "name": MONTHS[m - 1]}


def _half(draw: Draw) -> Params:
    m = draw.between(4, 9)
    return {"month": m, "name": MONTHS[m - 1]}


def _more_days(draw: Draw) -> Params:
    return {"n": draw.between(2, 5)}


_FILTERS = (
    Filter(
        "dates after",
        ("dates",),
        lambda d, p: d > p["bound"],
        "dates",
        "date",
        ("after {shown}", "later than {shown}"),
        ("after {shown}", "later than {shown}"),
        _bound,
    ),
    Filter(
        "dates before",
        ("dates",),
        lambda d, p: d < p["bound"],
        "dates",
        "date",
        ("before {shown}", "earlier than {shown}"),
        ("before {shown}", "earlier than {shown}"),
        _bound,
    ),
    Filter(
        "dates in year",
        ("dates",),
        lambda d, p: d.year == p["year"],
        "dates",
        "date",
        ("in {year}", "with the year {year}"),
        ("in {year}", "with the year {year}"),
        _year,
    ),
    Filter(
        "dates past month",
        ("dates",),
        lambda d, p: d.month >= p["month"],
        "dates",
        "date",
        ("in {name} or a later month of the year",),
        ("in {name} or a later month of the year",),
        _half,
    ),
    Filter(
        "dates late in month",
        ("dates",),
        lambda d, _: d.day > 15,
        "dates",
        "date",
        ("in the second half of a month (day 16 or later)", "with a day above 15"),
        ("in the second half of a month (day 16 or later)", "with a day above 15"),
    ),
)

OPERATIONS = (
    *(o for f in _FILTERS for o in filter_operations(f)),
    Operation(
        "dates.earliest",
        ("dates",),
        "code",
        _dates(lambda x: min(x).text),
        ("give the earliest date of {the}", "find the date that comes first in time", "pick the oldest date"),
        ("the earliest of the dates", "the oldest date of {the}"),
        ("which of the dates is the earliest?",),
    ),
    Operation(
        "dates.latest",
        ("dates",),
        "code",
        _dates(lambda x: max(x).text),
        ("give the latest date of {the}", "find the date that comes last in time", "pick the most recent date"),
        ("the latest of the dates", "the most recent date of {the}"),
        ("which of the dates is the latest?",),
    ),
    Operation(
        "dates.ascending",
        ("dates",),
        "list",
        _dates(lambda x: _join([d.text for d in sorted(x)])),
        (
            "sort the dates from old to new, separated by commas",
            "put {the} in chronological order, with commas",
            "order the dates, earliest first, on one line with commas",
        ),
        ("the dates in chronological order, comma-separated", "{the} sorted from oldest to newest, with commas"),
        ask=("what are the dates in chronological order, comma-separated?",),
    ),
    Operation(
        "dates.descending",
        ("dates",),
        "list",
        _dates(lambda x: _join([d.text for d in sorted(x, reverse=True)])),
        (
            "sort the dates from new to old, separated by commas",
            "put the most recent date first and the oldest last, with commas",
            "order the dates, latest first, on one line with commas",
        ),
        ("the dates from newest to oldest, comma-separated",),
        ask=("what are the dates from new to old, comma-separated?",),
    ),
    Operation(
        "dates.years",
        ("dates",),
        "list",
        _dates(lambda x: _join([str(d.date.year) for d in x])),
        ("list only the years, in the given order, with commas", "reduce each date to its year, comma-separated"),
        ("the years of the dates, in the given order, with commas",),
        ask=("which years are they, in the given order, with commas?",),
    ),
    Operation(
        "dates.months",
        ("dates",),
        "list",
        _dates(lambda x: _join([month_short(d.date) for d in x])),
        (
            "list only the months as three-letter names, in the given order, with commas",
            "reduce each date to its month (Jan, Feb, ...), comma-separated",
        ),
        ("the three-letter months of the dates, in the given order, with commas",),
        ask=("which months are they (Jan, Feb, ...), in the given order, with commas?",),
    ),
    Operation(
        "dates.days",
        ("dates",),
        "list",
        _dates(lambda x: _join([str(d.date.day) for d in x])),
        (
            "list only the days of the month without leading zeros, with commas",
            "reduce each date to its day number (no zero in front), comma-separated",
        ),
        ("the day numbers of the dates, in the given order, with commas",),
        ask=("which days of the month are they (no leading zero), in the given order, with commas?",),
    ),
    Operation(
        "span.start",
        ("date span",),
        "code",
        lambda v, _: v.data[0].text,
        ("give the date on which {the} begins", "copy the start date", "tell the first day of {the}"),
        ("the start date of {the}", "the date on which {the} begins"),
        ("when does {the} begin?",),
    ),
    Operation(
        "span.end",
        ("date span",),
        "code",
        lambda v, _: v.data[1].text,
        ("give the date on which {the} ends", "copy the end date", "tell the last day of {the}"),
        ("the end date of {the}", "the date on which {the} ends"),
        ("when does {the} end?",),
    ),
    Operation(
        "span.start iso",
        ("date span",),
        "code",
        _span(lambda a, b: iso(a)),
        ("write the first day of {the} as YYYY-MM-DD", "fill the field start_date (YYYY-MM-DD) from {the}"),
        ("the start of {the} as YYYY-MM-DD", "the first of the two dates as YYYY-MM-DD"),
    ),
    Operation(
        "span.end iso",
        ("date span",),
        "code",
        _span(lambda a, b: iso(b)),
        ("write the last day of {the} as YYYY-MM-DD", "fill the field end_date (YYYY-MM-DD) from {the}"),
        ("the end of {the} as YYYY-MM-DD", "the second of the two dates as YYYY-MM-DD"),
    ),
    Operation(
        "span.nights",
        ("date span",),
        "number",
        _span(lambda a, b: (b - a).days),
        (
            "count the nights between both dates",
            "work out how many days lie from the first date to the second (end minus start)",
            "give the number of nights to bill",
        ),
        ("the number of nights", "the number of days from start to end (end minus start)"),
        ("how many nights is it?",),
    ),
    Operation(
        "span.days",
        ("date span",),
        "number",
        _span(lambda a, b: (b - a).days + 1),
        (
            "count the days of {the}, both ends included",
            "work out how many calendar days {the} covers, first and last day included",
        ),
        ("the number of days, counting the first and the last one", "the length in days, both ends included"),
        ("how many days is that, counting both the first and the last?",),
    ),
    Operation(
        "span.after",
        ("date span",),
        "code",
        _span(lambda a, b: iso(b + timedelta(days=1))),
        (
            "give the first free day after {the} as YYYY-MM-DD",
            "write the day after the end of {the}, in the form YYYY-MM-DD",
        ),
        ("the day after {the} ends, as YYYY-MM-DD",),
    ),
    Operation(
        "span.before",
        ("date span",),
        "code",
        _span(lambda a, b: iso(a - timedelta(days=1))),
        (
            "give the last free day before {the} as YYYY-MM-DD",
            "write the day before the start of {the}, in the form YYYY-MM-DD",
        ),
        ("the day before {the} begins, as YYYY-MM-DD",),
    ),
    Operation(
        "span.extended",
        ("date span",),
        "code",
        lambda v, p: iso(v.data[1].date + timedelta(days=p["n"])),
        (
            "extend {the} by {n} days: new end date as YYYY-MM-DD",
            "work out the end date (YYYY-MM-DD) if {the} lasts {n} days longer",
        ),
        ("the end date {n} days later, as YYYY-MM-DD",),
        params=_more_days,
    ),
    Operation(
        "span.interval",
        ("date span",),
        "code",
        _span(lambda a, b: f"{iso(a)}/{iso(b)}"),
        (
            "write {the} as an ISO interval, YYYY-MM-DD/YYYY-MM-DD",
            "normalise {the} to two ISO dates with a slash between them",
        ),
        ("{the} as YYYY-MM-DD/YYYY-MM-DD",),
    ),
    Operation(
        "span.short",
        ("date span",),
        "code",
        _span(lambda a, b: f"{a.day} {month_short(a)} - {b.day} {month_short(b)}"),
        (
            "shorten {the} to day and short month on both sides, like 3 Jan - 9 Feb",
            "write {the} without the year, in the form 3 Jan - 9 Feb",
        ),
        ("{the} in the short form 3 Jan - 9 Feb",),
    ),
    Operation(
        "span.month",
        ("date span",),
        "word",
        _span(lambda a, b: month_name(a)),
        ("name the month in which {the} begins", "give the month of the first day, in full"),
        ("the name of the month in which {the} begins",),
        ("in which month does {the} start?",),
    ),
)


def _long(draw: Draw) -> Params:
    return {"n": draw.pick((3, 4, 5, 7))}


def _covers(draw: Draw) -> Params:
    return {"day": draw.pick((1, 5, 10, 15, 20, 25))}


def _days_of(value: Value) -> list[date]:
    start, end = value.data[0].date, value.data[1].date
    return [start + timedelta(days=i) for i in range((end - start).days + 1)]


CONDITIONS = (
    Condition(
        "span longer",
        ("date span",),
        lambda v, p: (v.data[1].date - v.data[0].date).days > p["n"],
        ("there are more than {n} nights between both dates", "the end is more than {n} days after the start"),
        ("there are {n} nights or fewer between both dates", "the end is {n} days or less after the start"),
        params=_long,
    ),
    Condition(
        "span crosses month",
        ("date span",),
        lambda v, _: v.data[0].date.month != v.data[1].date.month,
        ("{the} ends in another month than it begins", "the two dates are in different months"),
        ("{the} begins and ends in the same month", "both dates are in one month"),
    ),
    Condition(
        "span covers day",
        ("date span",),
        lambda v, p: any(d.day == p["day"] for d in _days_of(v)),
        ("{the} includes day {day} of a month", "day {day} of a month falls into {the}"),
        ("{the} leaves out day {day}", "day {day} of no month falls into {the}"),
        params=_covers,
    ),
)


def _stay(value: Value, p: Params) -> str:
    n = (value.data[1].date - value.data[0].date).days
    return "short" if n <= p["low"] else "medium" if n <= p["high"] else "long"


def _stay_limits(draw: Draw) -> Params:
    low, high = draw.pick(((2, 4), (2, 5), (3, 6), (4, 7), (3, 5)))
    return {"low": low, "high": high, "low1": low + 1}


_BANDS = (
    Bands(
        "span length",
        ("date span",),
        _stay,
        {
            "short": "it has {low} nights or fewer",
            "medium": "it has {low1} to {high} nights",
            "long": "it has more than {high} nights",
        },
        "the length",
        _stay_limits,
        (
            {"short": "short", "medium": "medium", "long": "long"},
            {"short": "full price", "medium": "10% off", "long": "20% off"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
