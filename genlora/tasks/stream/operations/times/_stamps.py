"""Dates with times."""

from collections.abc import Callable
from datetime import date, timedelta

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import SHAPES, clock12, clock24, iso, month_name, month_short
from .._bands import Bands, band_label

_ON = ("stamp",)


def _on(work: Callable[[date, int], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(*value.data)
        return None if found is None or str(found) == value.text else str(found)

    return answer


def _hours(draw: Draw) -> Params:
    return {"n": draw.pick((2, 3, 5, 6, 8, 12))}


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
    Operation(
        "stamp.date",
        _ON,
        "code",
        _on(lambda d, m: iso(d)),
        (
            "give only the date, as YYYY-MM-DD",
            "cut the time off {the} (date as YYYY-MM-DD)",
            "extract the ISO date",
        ),
        ("the date without the time, as YYYY-MM-DD", "the date part in the form YYYY-MM-DD"),
        ("on which date was that (YYYY-MM-DD)?",),
    ),
    Operation(
        "stamp.time",
        _ON,
        "code",
        _on(lambda d, m: clock24(m)),
        (
            "give only the time, as HH:MM (24-hour clock)",
            "cut the date off {the} (time as HH:MM)",
            "extract the time as HH:MM",
        ),
        ("the time without the date, as HH:MM", "the time of day in the form HH:MM"),
        ("at what time was that (24-hour HH:MM)?",),
    ),
    Operation(
        "stamp.time 12",
        _ON,
        "code",
        _on(lambda d, m: clock12(m)),
        ("give only the time with am or pm, like 3:45 pm", "extract the time of day in the style 9:05 am"),
        ("the time on the 12-hour clock, like 3:45 pm",),
    ),
    Operation(
        "stamp.iso",
        _ON,
        "code",
        _on(lambda d, m: f"{iso(d)}T{clock24(m)}"),
        ("write {the} as YYYY-MM-DDTHH:MM", "convert {the} to ISO 8601 with a T between date and time, no seconds"),
        ("{the} as YYYY-MM-DDTHH:MM", "{the} in ISO 8601 form, without seconds or zone"),
    ),
    Operation(
        "stamp.sortable",
        _ON,
        "code",
        _on(lambda d, m: f"{iso(d)} {clock24(m)}"),
        ("write {the} as YYYY-MM-DD HH:MM", "normalise {the} to an ISO date, a space and the 24-hour time"),
        ("{the} as YYYY-MM-DD HH:MM",),
    ),
    Operation(
        "stamp.for a letter",
        _ON,
        "code",
        _on(lambda d, m: f"{SHAPES['long'].write(d)} at {clock24(m)}"),
        (
            "write {the} like 3 January 2020 at 14:05",
            "reword {the} for a letter, in the style 3 January 2020 at 14:05",
        ),
        ("{the} in the style 3 January 2020 at 14:05",),
    ),
    Operation(
        "stamp.short",
        _ON,
        "code",
        _on(lambda d, m: f"{d.day} {month_short(d)} {clock24(m)}"),
        ("shorten {the} to day, short month and time, like 3 Jan 14:05", "write {the} for a narrow list: 3 Jan 14:05"),
        ("{the} in the style 3 Jan 14:05",),
    ),
    Operation(
        "stamp.file",
        _ON,
        "code",
        _on(lambda d, m: f"{SHAPES['compact'].write(d)}_{clock24(m).replace(':', '')}"),
        (
            "turn {the} into YYYYMMDD_HHMM for a file name",
            "write {the} as digits with an underscore, YYYYMMDD_HHMM",
        ),
        ("{the} as YYYYMMDD_HHMM",),
    ),
    Operation(
        "stamp.hour",
        _ON,
        "number",
        _on(lambda d, m: m // 60),
        ("give the hour as a number from 0 to 23", "extract the hour on the 24-hour clock, without a leading zero"),
        ("the hour, 0 to 23", "the hour of the day as a plain number"),
    ),
    Operation(
        "stamp.day",
        _ON,
        "number",
        _on(lambda d, m: d.day),
        ("give the day of the month, without a leading zero", "extract only the day number (1 to 31)"),
        ("the day of the month as a plain number",),
    ),
    Operation(
        "stamp.month",
        _ON,
        "word",
        _on(lambda d, m: month_name(d)),
        ("name the month in full", "extract the month, written out"),
        ("the full name of the month",),
        ("in which month was that?",),
    ),
    Operation(
        "stamp.year",
        _ON,
        "number",
        _on(lambda d, m: d.year),
        ("give the year, four digits", "extract only the year"),
        ("the four-digit year",),
        ("in which year was that?",),
    ),
    Operation(
        "stamp.full hour",
        _ON,
        "code",
        _on(lambda d, m: f"{iso(d)} {m // 60:02}:00"),
        ("truncate {the} to the hour, as YYYY-MM-DD HH:00", "give the hourly bucket of {the} (YYYY-MM-DD HH:00)"),
        ("{the} cut down to the hour, as YYYY-MM-DD HH:00",),
    ),
    Operation(
        "stamp.end of day",
        _ON,
        "code",
        _on(lambda d, m: f"{iso(d)} 23:59"),
        (
            "give the last minute of that day (YYYY-MM-DD 23:59)",
            "extend {the} to the end of its day: YYYY-MM-DD 23:59",
        ),
        ("the end of that day, as YYYY-MM-DD 23:59",),
    ),
    Operation(
        "stamp.hours later",
        _ON,
        "code",
        _moved,
        ("add {n} hours to {the} (YYYY-MM-DD HH:MM)", "give the moment {n} hours later, as YYYY-MM-DD HH:MM"),
        ("{the} plus {n} hours, as YYYY-MM-DD HH:MM",),
        params=_hours,
    ),
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
