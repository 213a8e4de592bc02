"""Dates: taken apart, moved by days, months and years."""

import calendar
from collections.abc import Callable
from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import iso, month_name, month_short, ordinal, weekday_name, weekday_short
from .._work import of_data

DATE = ("date", "date in text", "weekday date")


def _days(draw: Draw) -> Params:
    n = draw.pick((2, 3, 4, 5, 7, 10))
    return {"n": n}


def _years_on(draw: Draw) -> Params:
    n = draw.pick((1, 2, 5, 10))
    return {"n": n, "span": f"{n} years" if n > 1 else "one year"}


def _moved(sign: int) -> Callable[[Value, Params], str | None]:
    return lambda value, p: iso(value.data + sign * timedelta(days=p["n"]))


def _last_day(d: date) -> int:
    return calendar.monthrange(d.year, d.month)[1]


def _same_day_later(d: date, months: int) -> date | None:
    month = d.month - 1 + months
    year, month = d.year + month // 12, month % 12 + 1
    return date(year, month, d.day) if d.day <= 28 else None


def _later(months: int) -> Callable[[Value, Params], str | None]:
    return of_data(lambda d: iso(new) if (new := _same_day_later(d, months)) else None)


OPERATIONS = (
    Operation("date.year", DATE, "number", of_data(lambda d: d.year)),
    Operation("date.year two digits", DATE, "code", of_data(lambda d: f"{d.year % 100:02}")),
    Operation("date.month name", DATE, "word", of_data(month_name)),
    Operation("date.month number", DATE, "number", of_data(lambda d: d.month)),
    Operation("date.month digits", DATE, "code", of_data(lambda d: f"{d.month:02}")),
    Operation("date.day", DATE, "number", of_data(lambda d: d.day)),
    Operation("date.day ordinal", DATE, "code", of_data(lambda d: ordinal(d.day))),
    Operation("date.month short", DATE, "word", of_data(month_short)),
    Operation("date.first of month", DATE, "code", of_data(lambda d: iso(d.replace(day=1)) if d.day > 1 else None)),
    Operation(
        "date.last of month",
        DATE,
        "code",
        of_data(lambda d: iso(d.replace(day=_last_day(d))) if d.day < _last_day(d) else None),
    ),
    Operation("date.next day", DATE, "code", of_data(lambda d: iso(d + timedelta(days=1)))),
    Operation("date.previous day", DATE, "code", of_data(lambda d: iso(d - timedelta(days=1)))),
    Operation("date.add days", DATE, "code", _moved(1), params=_days),
    Operation("date.take days", DATE, "code", _moved(-1), params=_days),
    Operation("date.next month", DATE, "code", _later(1)),
    Operation("date.last month", DATE, "code", _later(-1)),
    Operation(
        "date.years later",
        DATE,
        "code",
        lambda v, p: iso(v.data.replace(year=v.data.year + p["n"])) if v.data.day <= 28 else None,
        params=_years_on,
    ),
    Operation("date.weekday", ("weekday date",), "word", of_data(weekday_name)),
    Operation("date.weekday short", ("weekday date",), "word", of_data(weekday_short)),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
