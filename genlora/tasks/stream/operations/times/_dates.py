"""Dates: taken apart, moved by days, months and years."""

import calendar
from collections.abc import Callable
from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import iso, month_name, month_short, ordinal, weekday_name, weekday_short

DATE = ("date", "date in text", "weekday date")


def _on(work: Callable[[date], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None else str(found)

    return answer


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
    return _on(lambda d: iso(new) if (new := _same_day_later(d, months)) else None)


OPERATIONS = (
    Operation(
        "date.year",
        DATE,
        "number",
        _on(lambda d: d.year),
        ("give the year of {the}", "extract only the year, four digits", "cut {the} down to the year"),
        ("the year of {the}", "just the four-digit year"),
        ("which year is {the} in?",),
    ),
    Operation(
        "date.year two digits",
        DATE,
        "code",
        _on(lambda d: f"{d.year % 100:02}"),
        (
            "write only the last two digits of the year",
            "reduce {the} to its year in two digits",
            "give the year of {the} as YY",
        ),
        ("the year of {the} in two digits", "the last two digits of the year"),
        ("what are the last two digits of the year?",),
    ),
    Operation(
        "date.month name",
        DATE,
        "word",
        _on(month_name),
        ("name the month of {the}", "write out the month in full", "tell which month {the} falls in, by name"),
        ("the full name of the month", "the month of {the}, as a word"),
        ("which month is it? Give its name", "in which month is {the}?"),
    ),
    Operation(
        "date.month number",
        DATE,
        "number",
        _on(lambda d: d.month),
        (
            "give the month of {the} as a number from 1 to 12",
            "write the month number without a leading zero",
            "turn the month of {the} into its number (January = 1)",
        ),
        ("the number of the month, 1 to 12", "the month of {the} as a plain number"),
    ),
    Operation(
        "date.month digits",
        DATE,
        "code",
        _on(lambda d: f"{d.month:02}"),
        (
            "give the month of {the} as two digits (01-12)",
            "extract the month in the form MM",
            "write only the month number, padded to two digits",
        ),
        ("the month of {the} as MM", "the two-digit month"),
    ),
    Operation(
        "date.day",
        DATE,
        "number",
        _on(lambda d: d.day),
        (
            "give the day of the month, without a leading zero",
            "extract the day from {the} as a plain number",
            "reduce {the} to its day number (no leading zero)",
        ),
        ("the day of the month of {the}", "the day number, no leading zero"),
        ("which day of the month is it? Number only",),
    ),
    Operation(
        "date.day ordinal",
        DATE,
        "code",
        _on(lambda d: ordinal(d.day)),
        (
            "write the day of {the} as an ordinal such as 1st or 22nd",
            "give only the day, with st, nd, rd or th after it",
            "turn the day of the month into digits with an ordinal ending (4th, 31st)",
        ),
        ("the day of {the} as an ordinal number in digits", "the day with its st/nd/rd/th"),
    ),
    Operation(
        "date.month short",
        DATE,
        "word",
        _on(month_short),
        (
            "give the month as a three-letter abbreviation",
            "reduce {the} to the three-letter name of its month",
            "write only the month, in the style Jan, Feb, Mar",
        ),
        ("the month of {the} in three letters", "the short name of the month"),
    ),
    Operation(
        "date.first of month",
        DATE,
        "code",
        _on(lambda d: iso(d.replace(day=1)) if d.day > 1 else None),
        (
            "give the first day of the same month as YYYY-MM-DD",
            "set {the} back to the 1st of its month (YYYY-MM-DD)",
            "truncate {the} to the start of the month, written YYYY-MM-DD",
        ),
        ("the first of the month of {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "date.last of month",
        DATE,
        "code",
        _on(lambda d: iso(d.replace(day=_last_day(d))) if d.day < _last_day(d) else None),
        (
            "give the last day of the same month as YYYY-MM-DD",
            "move {the} to the end of its month (YYYY-MM-DD)",
            "find the month end that follows {the}, in the form YYYY-MM-DD",
        ),
        ("the last day of that month, as YYYY-MM-DD",),
    ),
    Operation(
        "date.next day",
        DATE,
        "code",
        _on(lambda d: iso(d + timedelta(days=1))),
        (
            "give the day after {the} as YYYY-MM-DD",
            "move {the} one day ahead (answer as YYYY-MM-DD)",
            "write the date of the following day, YYYY-MM-DD",
        ),
        ("the day after {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "date.previous day",
        DATE,
        "code",
        _on(lambda d: iso(d - timedelta(days=1))),
        (
            "give the day before {the} as YYYY-MM-DD",
            "move {the} one day back (answer as YYYY-MM-DD)",
            "write the date of the preceding day, YYYY-MM-DD",
        ),
        ("the day before {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "date.add days",
        DATE,
        "code",
        _moved(1),
        (
            "add {n} days to {the} (result as YYYY-MM-DD)",
            "work out the deadline {n} days after {the} (YYYY-MM-DD)",
            "shift {the} {n} days into the future, in the form YYYY-MM-DD",
        ),
        ("the date {n} days after {the}, as YYYY-MM-DD", "{the} plus {n} days (YYYY-MM-DD)"),
        params=_days,
    ),
    Operation(
        "date.take days",
        DATE,
        "code",
        _moved(-1),
        (
            "take {n} days off {the} (result as YYYY-MM-DD)",
            "work out the reminder {n} days before {the} (YYYY-MM-DD)",
            "shift {the} {n} days into the past, in the form YYYY-MM-DD",
        ),
        ("the date {n} days before {the}, as YYYY-MM-DD", "{the} minus {n} days (YYYY-MM-DD)"),
        params=_days,
    ),
    Operation(
        "date.next month",
        DATE,
        "code",
        _later(1),
        (
            "give the same day one month later, as YYYY-MM-DD",
            "move {the} to the next month, keeping the day (YYYY-MM-DD)",
            "find the monthly payment day that follows {the} (YYYY-MM-DD): same day, next month",
        ),
        ("the date one month after {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "date.last month",
        DATE,
        "code",
        _later(-1),
        (
            "give the same day one month earlier, as YYYY-MM-DD",
            "move {the} back to the month before, keeping the day (YYYY-MM-DD)",
        ),
        ("the date one month before {the}, as YYYY-MM-DD",),
    ),
    Operation(
        "date.years later",
        DATE,
        "code",
        lambda v, p: iso(v.data.replace(year=v.data.year + p["n"])) if v.data.day <= 28 else None,
        (
            "add {span} to {the} (write YYYY-MM-DD)",
            "give the expiry date {span} after {the}, as YYYY-MM-DD",
            "move {the} {span} ahead, same day and month, as YYYY-MM-DD",
        ),
        ("the date {span} after {the}, as YYYY-MM-DD",),
        params=_years_on,
    ),
    Operation(
        "date.weekday",
        ("weekday date",),
        "word",
        _on(weekday_name),
        (
            "give the day of the week in full",
            "name the weekday of {the} without abbreviating it",
            "keep only the weekday, written out",
        ),
        ("the weekday of {the}, written out", "the full name of the day of the week"),
        ("what day of the week is it?",),
    ),
    Operation(
        "date.weekday short",
        ("weekday date",),
        "word",
        _on(weekday_short),
        (
            "give the day of the week in three letters",
            "keep only the weekday, shortened as Mon, Tue and so on",
            "reduce {the} to its weekday in three letters",
        ),
        ("the weekday of {the} in three letters", "the short form of the weekday, like Mon"),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
