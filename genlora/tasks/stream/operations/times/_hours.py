"""Spans of time: start, end, length."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import clock12, clock24
from ._durations import decimal_hours, h_mm


def _span(work: Callable[[int, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data[0].minutes, value.data[1].minutes)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _minutes(draw: Draw) -> Params:
    return {"n": draw.pick((5, 10, 15, 20, 30, 45))}


def _shift(draw: Draw) -> Params:
    return {"n": draw.pick((15, 30, 60, 90, 120))}


def _bound(draw: Draw) -> Params:
    return {"n": draw.pick((30, 45, 60, 75, 90, 120))}


def _moment(draw: Draw) -> Params:
    m = draw.between(18, 32) * 30
    return {"bound": m, "shown": draw.pick((clock24, clock12))(m)}


def _length(value: Value) -> int:
    return value.data[1].minutes - value.data[0].minutes


OPERATIONS = (
    Operation(
        "hours.start",
        ("time span",),
        "code",
        lambda v, _: v.data[0].text,
        (
            "give the first of the two times, exactly as written",
            "copy the opening or starting time",
            "extract the start time",
        ),
        ("the start time, as written", "the first of the two times"),
        ("at what time does it start?",),
    ),
    Operation(
        "hours.end",
        ("time span",),
        "code",
        lambda v, _: v.data[1].text,
        ("give the closing time, as it is written", "copy the second of the two times", "extract the end time"),
        ("the end time, as written", "the second of the two times"),
        ("until when does it last?",),
    ),
    Operation(
        "hours.start 24",
        ("time span",),
        "code",
        _span(lambda a, b: clock24(a)),
        ("write the start time as HH:MM, 24-hour clock", "fill the field begins_at (HH:MM)"),
        ("the start as HH:MM (24-hour clock)",),
    ),
    Operation(
        "hours.end 24",
        ("time span",),
        "code",
        _span(lambda a, b: clock24(b)),
        ("write the end time as HH:MM, 24-hour clock", "fill the field ends_at (HH:MM)"),
        ("the end as HH:MM (24-hour clock)",),
    ),
    Operation(
        "hours.end 12",
        ("time span",),
        "code",
        _span(lambda a, b: clock12(b)),
        (
            "write the end time with am or pm, like 3:45 pm",
            "give the second time on the 12-hour clock, in the form 3:45 pm",
        ),
        ("the end time in the style 3:45 pm",),
    ),
    Operation(
        "hours.minutes",
        ("time span",),
        "number",
        _span(lambda a, b: b - a),
        (
            "count the minutes from start to end",
            "work out the length in minutes",
            "compute how many minutes lie between the two times",
        ),
        ("the length in minutes", "the number of minutes between the two times"),
        ("how many minutes does it last?",),
    ),
    Operation(
        "hours.length",
        ("time span",),
        "code",
        _span(lambda a, b: h_mm(b - a)),
        ("give the length as h:mm", "work out how long it lasts, in the form 1:30", "compute end minus start (h:mm)"),
        ("the length as h:mm", "the time from start to end in the form 1:15"),
        ("how long does it last (h:mm)?",),
    ),
    Operation(
        "hours.decimal",
        ("time span",),
        "code",
        _span(lambda a, b: decimal_hours(b - a)),
        (
            "give the length in hours with two decimals, for the timesheet",
            "bill the span: hours as a decimal such as 1.50",
        ),
        ("the length in decimal hours, two places (e.g. 1.25)",),
    ),
    Operation(
        "hours.normal form",
        ("time span",),
        "code",
        _span(lambda a, b: f"{clock24(a)}-{clock24(b)}"),
        (
            "write both times as HH:MM-HH:MM, no spaces",
            "normalise to the 24-hour form 08:00-09:30",
            "extract only the two times, in the form 08:00-09:30",
        ),
        ("the span as HH:MM-HH:MM", "both times in the form 08:00-09:30"),
        ask=("from when to when is it, in the form 08:00-09:30?",),
    ),
    Operation(
        "hours.later",
        ("time span",),
        "code",
        lambda v, p: (
            f"{clock24(v.data[0].minutes + p['n'])}-{clock24(v.data[1].minutes + p['n'])}"
            if v.data[1].minutes + p["n"] < 1440
            else None
        ),
        (
            "move both times {n} minutes later, as HH:MM-HH:MM",
            "postpone it by {n} minutes (answer in the form 08:00-09:30)",
        ),
        ("the span {n} minutes later, as HH:MM-HH:MM",),
        params=_shift,
    ),
    Operation(
        "hours.earlier",
        ("time span",),
        "code",
        lambda v, p: f"{clock24(v.data[0].minutes - p['n'])}-{clock24(v.data[1].minutes - p['n'])}",
        (
            "move both times {n} minutes earlier, as HH:MM-HH:MM",
            "let it begin and end {n} minutes earlier (answer in the form 08:00-09:30)",
        ),
        ("the span {n} minutes earlier, as HH:MM-HH:MM",),
        params=_shift,
    ),
    Operation(
        "hours.longer",
        ("time span",),
        "code",
        lambda v, p: clock24(v.data[1].minutes + p["n"]) if v.data[1].minutes + p["n"] < 1440 else None,
        ("give the new end (HH:MM) if it lasts {n} minutes longer", "extend the end by {n} minutes, as HH:MM"),
        ("the end time plus {n} minutes, as HH:MM",),
        params=_minutes,
    ),
)

CONDITIONS = (
    Condition(
        "hours longer",
        ("time span",),
        lambda v, p: _length(v) > p["n"],
        ("it lasts more than {n} minutes", "there are more than {n} minutes between start and end"),
        ("it lasts {n} minutes or less", "there are at most {n} minutes between start and end"),
        params=_bound,
    ),
    Condition(
        "hours contain",
        ("time span",),
        lambda v, p: (
            v.data[0].minutes < p["bound"] < v.data[1].minutes
            if p["bound"] not in (v.data[0].minutes, v.data[1].minutes)
            else None
        ),
        ("{shown} lies between the two times", "it is still going on at {shown}"),
        ("{shown} lies outside the two times", "it is over or has not begun at {shown}"),
        params=_moment,
    ),
    Condition(
        "hours start before",
        ("time span",),
        lambda v, p: v.data[0].minutes < p["bound"],
        ("the start is before {shown}", "it begins earlier than {shown}"),
        ("the start is at {shown} or later", "it does not begin before {shown}"),
        params=_moment,
    ),
    Condition(
        "hours end after",
        ("time span",),
        lambda v, p: v.data[1].minutes > p["bound"],
        ("the end is after {shown}", "it ends later than {shown}"),
        ("the end is at {shown} or earlier", "it is over by {shown}"),
        params=_moment,
    ),
)


CLASSIFIERS: tuple[Classifier, ...] = ()
