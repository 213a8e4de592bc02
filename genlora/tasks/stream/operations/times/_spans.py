"""Lists of dates, and spans of days."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
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


_year = picked(year=range(2023, 2026))


def _months(draw: Draw) -> Params:
    m = draw.between(1, 12)
    return {"month": m, "name": MONTHS[m - 1]}


def _half(draw: Draw) -> Params:
    m = draw.between(4, 9)
    return {"month": m, "name": MONTHS[m - 1]}


_more_days = picked(n=range(2, 6))


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
    Operation("dates.earliest", ("dates",), "code", _dates(lambda x: min(x).text)),
    Operation("dates.latest", ("dates",), "code", _dates(lambda x: max(x).text)),
    Operation("dates.ascending", ("dates",), "list", _dates(lambda x: _join([d.text for d in sorted(x)]))),
    Operation(
        "dates.descending", ("dates",), "list", _dates(lambda x: _join([d.text for d in sorted(x, reverse=True)]))
    ),
    Operation("dates.years", ("dates",), "list", _dates(lambda x: _join([str(d.date.year) for d in x]))),
    Operation("dates.months", ("dates",), "list", _dates(lambda x: _join([month_short(d.date) for d in x]))),
    Operation("dates.days", ("dates",), "list", _dates(lambda x: _join([str(d.date.day) for d in x]))),
    Operation("span.start", ("date span",), "code", lambda v, _: v.data[0].text),
    Operation("span.end", ("date span",), "code", lambda v, _: v.data[1].text),
    Operation("span.start iso", ("date span",), "code", _span(lambda a, b: iso(a))),
    Operation("span.end iso", ("date span",), "code", _span(lambda a, b: iso(b))),
    Operation("span.nights", ("date span",), "number", _span(lambda a, b: (b - a).days)),
    Operation("span.days", ("date span",), "number", _span(lambda a, b: (b - a).days + 1)),
    Operation("span.after", ("date span",), "code", _span(lambda a, b: iso(b + timedelta(days=1)))),
    Operation("span.before", ("date span",), "code", _span(lambda a, b: iso(a - timedelta(days=1)))),
    Operation(
        "span.extended",
        ("date span",),
        "code",
        lambda v, p: iso(v.data[1].date + timedelta(days=p["n"])),
        params=_more_days,
    ),
    Operation("span.interval", ("date span",), "code", _span(lambda a, b: f"{iso(a)}/{iso(b)}")),
    Operation(
        "span.short", ("date span",), "code", _span(lambda a, b: f"{a.day} {month_short(a)} - {b.day} {month_short(b)}")
    ),
    Operation("span.month", ("date span",), "word", _span(lambda a, b: month_name(a))),
)


_long = picked(n=(3, 4, 5, 7))


_covers = picked(day=(1, 5, 10, 15, 20, 25))


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
