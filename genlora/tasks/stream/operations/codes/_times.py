"""Timestamps, cron lines, timetable lines and test results."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.codes._logs import DAYS
from ..records._shapes import two_parts
from ..words._parts_of import part

_STAMP, _CRON, _SLOT, _RESULT = ("isotime",), ("cron",), ("slot",), ("result",)
_FULL = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_FULL_DAY = dict(zip(DAYS, (*_FULL[1:], _FULL[0]), strict=True))


def _clock(value: Value) -> str:
    return f"{int(value.data['hour']):02}:{int(value.data['minute']):02}"


def _later(value: Value, p: Params) -> str | None:
    d = value.data
    hour = int(d["hour"]) + p["n"]
    return f"{d['minute']} {hour} {d['month day']} * {d['week']} {d['job']}" if 0 <= hour < 24 else None


def _shift(draw: Draw) -> Params:
    n = draw.pick((1, 2, 3, -1, -2))
    return {"n": n, "shift": f"{abs(n)} hour{'s' if abs(n) > 1 else ''} {'later' if n > 0 else 'earlier'}"}


_hour = picked(n=(6, 8, 9, 10, 14, 16, 18, 20))


_seconds = picked(n=(1, 2, 3, 5, 8, 10))


def _weekday(value: Value, _: Params) -> str | None:
    return _FULL[int(value.data["week"])] if value.data["week"].isdigit() else None


OPERATIONS = (
    part("isotime.date", _STAMP, "date"),
    part("isotime.time", _STAMP, lambda v, _: f"{v.data['hour']}:{v.data['minute']}:{v.data['second']}"),
    part("isotime.short time", _STAMP, lambda v, _: f"{v.data['hour']}:{v.data['minute']}"),
    part("isotime.hour", _STAMP, "hour"),
    part("isotime.minute", _STAMP, "minute"),
    part("isotime.second", _STAMP, "second"),
    part("isotime.zone", _STAMP, "offset"),
    part(
        "isotime.compact", _STAMP, lambda v, _: f"{v.data['date'].replace('-', '')}_{v.data['hour']}{v.data['minute']}"
    ),
    part("isotime.month file", _STAMP, lambda v, _: v.data["date"][:7]),
    part("cron.clock", _CRON, lambda v, _: _clock(v)),
    part("cron.hour", _CRON, "hour"),
    part("cron.minute", _CRON, "minute"),
    part("cron.weekday field", _CRON, "week"),
    part("cron.job", _CRON, "job"),
    part("cron.weekday", _CRON, _weekday, answer="word"),
    Operation("cron.shift", _CRON, "code", _later, params=_shift),
    part("slot.start", _SLOT, "start"),
    part("slot.end", _SLOT, "end"),
    part("slot.hours", _SLOT, "hours", answer="number"),
    part("slot.job", _SLOT, "job"),
    part("slot.owner", _SLOT, "owner"),
    part("slot.day", _SLOT, lambda v, _: _FULL_DAY[v.data["day"]], answer="word"),
    two_parts("slot.shaped", _SLOT, ("job", "start"), ("day", "job"), ("owner", "job"), ("start", "day")),
    part("result.test", _RESULT, "test"),
    part("result.module", _RESULT, "module"),
    part("result.outcome", _RESULT, "result"),
    part("result.seconds", _RESULT, "seconds"),
    part("result.tested", _RESULT, lambda v, _: v.data["test"].removeprefix("test_")),
    two_parts("result.shaped", _RESULT, ("test", "result"), ("module", "result"), ("module", "seconds")),
)

CONDITIONS = (
    Condition(
        "isotime morning",
        _STAMP,
        lambda v, _: int(v.data["hour"]) < 12,
        ("the time is before noon", "the hour is 11 or less"),
        ("the time is noon or later", "the hour is 12 or more"),
    ),
    Condition(
        "isotime from",
        _STAMP,
        lambda v, p: int(v.data["hour"]) >= p["n"],
        ("the time is {n}:00 or later", "the hour is at least {n}"),
        ("it is earlier than {n}:00", "the hour is less than {n}"),
        params=_hour,
    ),
    Condition(
        "isotime office",
        _STAMP,
        lambda v, _: 9 <= int(v.data["hour"]) < 17,
        ("the time lies between 09:00 and 16:59", "it is within office hours (hour 9 to 16)"),
        ("it is before 09:00 or after 16:59", "it is outside office hours"),
    ),
    Condition(
        "cron daily",
        _CRON,
        lambda v, _: v.data["week"] == "*" and v.data["month day"] == "*",
        ("the job runs every day", "day and weekday are both *"),
        ("the job runs on some days only", "the day or the weekday is fixed"),
    ),
    Condition(
        "cron night",
        _CRON,
        lambda v, _: int(v.data["hour"]) < 6,
        ("the job starts before 6 in the morning", "the hour field is 0 to 5"),
        ("the job starts at 6 or later", "the hour field is 6 or more"),
    ),
    Condition(
        "cron full hour",
        _CRON,
        lambda v, _: v.data["minute"] == "0",
        ("the job starts on the full hour", "the minute field is 0"),
        ("the job does not start on the full hour", "the minute field is not 0"),
    ),
    Condition(
        "slot weekend",
        _SLOT,
        lambda v, _: v.data["day"] in ("Sat", "Sun"),
        ("it is on Saturday or Sunday", "the day belongs to the weekend"),
        ("it is on a working day", "the day is Monday to Friday"),
    ),
    Condition(
        "slot early",
        _SLOT,
        lambda v, p: int(v.data["hour"]) < p["n"],
        ("it starts before {n}:00", "the start is earlier than {n}:00"),
        ("it starts at {n}:00 or later", "the start is not before {n}:00"),
        params=_hour,
    ),
    Condition(
        "result passed",
        _RESULT,
        lambda v, _: v.data["result"] == "PASSED",
        ("the test passed", "the outcome is PASSED"),
        ("the test failed or was skipped", "the outcome is not PASSED"),
    ),
    Condition(
        "result slow",
        _RESULT,
        lambda v, p: float(v.data["seconds"]) > p["n"],
        ("the test took more than {n} seconds", "its duration is over {n} s"),
        ("the test took {n} seconds or less", "its duration is at most {n} s"),
        params=_seconds,
    ),
)

CLASSIFIERS = (
    Classifier(
        "isotime shift",
        _STAMP,
        lambda v, _: "early" if (h := int(v.data["hour"])) < 8 else "day" if h < 16 else "late",
        {
            "early": "the time is before 08:00",
            "day": "the time is from 08:00 to 15:59",
            "late": "the time is 16:00 or later",
        },
        "the shift on duty",
        {"early": "night shift", "day": "day shift", "late": "late shift"},
    ),
    Classifier(
        "result outcome",
        _RESULT,
        lambda v, _: v.data["result"],
        {"PASSED": "the test passed", "FAILED": "the test failed", "SKIPPED": "the test was skipped"},
        "the colour for {the}",
        {"PASSED": "green", "FAILED": "red", "SKIPPED": "yellow"},
    ),
)
