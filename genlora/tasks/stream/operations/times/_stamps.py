"""Dates with times."""

from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import SHAPES, clock12, clock24, iso, month_name, month_short
from .._bands import Bands, band_label
from .._work import new_of_both

_ON = ("stamp",)


_hours = picked(n=(2, 3, 5, 6, 8, 12))


def _moved(value: Value, p: Params) -> str:
    day, minutes = value.data
    later = minutes + 60 * p["n"]
    return f"{iso(day + timedelta(days=later // 1440))} {clock24(later % 1440)}"


def _bound(draw: Draw) -> Params:
    d = date(2023, 6, 1) + timedelta(days=draw.between(0, 500))
    m = draw.between(0, 47) * 30
    return {"bound": (d, m), "shown": f"{iso(d)} {clock24(m)}"}


def _clock_bound(draw: Draw) -> Params:
    m = draw.between(14, 38) * 30
    return {"bound": m, "shown": draw.pick((clock24, clock12))(m)}


def _window(draw: Draw) -> Params:
    start, end = draw.pick(((540, 1020), (480, 1080), (600, 1140), (420, 1320), (510, 990)))
    write = draw.pick((clock24, clock12))
    return {"start": start, "end": end, "from": write(start), "to": write(end)}


OPERATIONS = (
    Operation("stamp.date", _ON, "code", new_of_both(lambda d, m: iso(d))),
    Operation("stamp.time", _ON, "code", new_of_both(lambda d, m: clock24(m))),
    Operation("stamp.time 12", _ON, "code", new_of_both(lambda d, m: clock12(m))),
    Operation("stamp.iso", _ON, "code", new_of_both(lambda d, m: f"{iso(d)}T{clock24(m)}")),
    Operation("stamp.sortable", _ON, "code", new_of_both(lambda d, m: f"{iso(d)} {clock24(m)}")),
    Operation(
        "stamp.for a letter", _ON, "code", new_of_both(lambda d, m: f"{SHAPES['long'].write(d)} at {clock24(m)}")
    ),
    Operation("stamp.short", _ON, "code", new_of_both(lambda d, m: f"{d.day} {month_short(d)} {clock24(m)}")),
    Operation(
        "stamp.file",
        _ON,
        "code",
        new_of_both(lambda d, m: f"{SHAPES['compact'].write(d)}_{clock24(m).replace(':', '')}"),
    ),
    Operation("stamp.hour", _ON, "number", new_of_both(lambda d, m: m // 60)),
    Operation("stamp.day", _ON, "number", new_of_both(lambda d, m: d.day)),
    Operation("stamp.month", _ON, "word", new_of_both(lambda d, m: month_name(d))),
    Operation("stamp.year", _ON, "number", new_of_both(lambda d, m: d.year)),
    Operation("stamp.full hour", _ON, "code", new_of_both(lambda d, m: f"{iso(d)} {m // 60:02}:00")),
    Operation("stamp.end of day", _ON, "code", new_of_both(lambda d, m: f"{iso(d)} 23:59")),
    Operation("stamp.hours later", _ON, "code", _moved, params=_hours),
)

CONDITIONS = (
    Condition(
        "stamp before",
        _ON,
        lambda v, p: v.data < p["bound"],
        ("{the} is before {shown}", "{the} is earlier than {shown}"),
        ("{the} is not before {shown}", "{the} is {shown} or later"),
        params=_bound,
    ),
    Condition(
        "stamp after",
        _ON,
        lambda v, p: v.data > p["bound"],
        ("{the} is after {shown}", "{the} is later than {shown}"),
        ("{the} is not after {shown}", "{the} is {shown} or earlier"),
        params=_bound,
    ),
    Condition(
        "stamp time before",
        _ON,
        lambda v, p: v.data[1] < p["bound"],
        ("the time of day is before {shown}, whatever the date", "the clock shows less than {shown}"),
        ("the time of day is {shown} or later, whatever the date", "the clock shows {shown} or later"),
        params=_clock_bound,
    ),
    Condition(
        "stamp in hours",
        _ON,
        lambda v, p: p["start"] <= v.data[1] < p["end"] if v.data[1] != p["end"] else None,
        (
            "the time of day lies between {from} and {to}",
            "an office open daily from {from} to {to} is open then",
        ),
        ("the time of day is before {from} or after {to}", "an office with the hours {from} to {to} is closed then"),
        params=_window,
    ),
    Condition(
        "stamp afternoon",
        _ON,
        lambda v, _: v.data[1] >= 720,
        ("the time is noon or later", "it is a pm time"),
        ("the time is before noon", "it is an am time"),
    ),
    Condition(
        "stamp second half of month",
        _ON,
        lambda v, _: v.data[0].day > 15,
        ("the day of the month is 16 or later", "it is in the second half of a month"),
        ("the day of the month is 15 or earlier", "it is in the first half of a month"),
    ),
)


def _sla(value: Value, p: Params) -> str:
    m = value.data[1]
    return "before" if m < p["start"] else "during" if m < p["end"] else "after"


_BANDS = (
    Bands(
        "stamp queue",
        _ON,
        _sla,
        {
            "before": "the time of day is before {from}",
            "during": "it is from {from} until just before {to}",
            "after": "it is {to} or later",
        },
        "the queue by time of day",
        _window,
        (
            {"before": "night team", "during": "day team", "after": "evening team"},
            {"before": "early", "during": "office", "after": "late"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
