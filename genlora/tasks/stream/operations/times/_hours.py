"""Spans of time: start, end, length."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import clock12, clock24
from ._durations import decimal_hours, h_mm


def _span(work: Callable[[int, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data[0].minutes, value.data[1].minutes)
        return None if found is None or str(found) == value.text else str(found)

    return answer


_minutes = picked(n=(5, 10, 15, 20, 30, 45))


_shift = picked(n=(15, 30, 60, 90, 120))


_bound = picked(n=(30, 45, 60, 75, 90, 120))


def _moment(draw: Draw) -> Params:
    m = draw.between(18, 32) * 30
    return {"bound": m, "shown": draw.pick((clock24, clock12))(m)}


def _length(value: Value) -> int:
    return value.data[1].minutes - value.data[0].minutes


OPERATIONS = (
    Operation("hours.start", ("time span",), "code", lambda v, _: v.data[0].text),
    Operation("hours.end", ("time span",), "code", lambda v, _: v.data[1].text),
    Operation("hours.start 24", ("time span",), "code", _span(lambda a, b: clock24(a))),
    Operation("hours.end 24", ("time span",), "code", _span(lambda a, b: clock24(b))),
    Operation("hours.end 12", ("time span",), "code", _span(lambda a, b: clock12(b))),
    Operation("hours.minutes", ("time span",), "number", _span(lambda a, b: b - a)),
    Operation("hours.length", ("time span",), "code", _span(lambda a, b: h_mm(b - a))),
    Operation("hours.decimal", ("time span",), "code", _span(lambda a, b: decimal_hours(b - a))),
    Operation("hours.normal form", ("time span",), "code", _span(lambda a, b: f"{clock24(a)}-{clock24(b)}")),
    Operation(
        "hours.later",
        ("time span",),
        "code",
        lambda v, p: (
            f"{clock24(v.data[0].minutes + p['n'])}-{clock24(v.data[1].minutes + p['n'])}"
            if v.data[1].minutes + p["n"] < 1440
            else None
        ),
        params=_shift,
    ),
    Operation(
        "hours.earlier",
        ("time span",),
        "code",
        lambda v, p: f"{clock24(v.data[0].minutes - p['n'])}-{clock24(v.data[1].minutes - p['n'])}",
        params=_shift,
    ),
    Operation(
        "hours.longer",
        ("time span",),
        "code",
        lambda v, p: clock24(v.data[1].minutes + p["n"]) if v.data[1].minutes + p["n"] < 1440 else None,
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
