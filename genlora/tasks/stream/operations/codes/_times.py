"""Timestamps, cron lines, timetable lines and test results."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.codes._logs import DAYS
from ..records._shapes import two_parts
from ..words._parts_of import part

_STAMP, _CRON, _SLOT, _RESULT = ("isotime",), ("cron",), ("slot",), ("result",)
_FULL = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_FULL_DAY = dict(zip(DAYS, (*_FULL[1:], _FULL[0]), strict=True))


def _piece(value: Value, name: str) -> str | None:
    return value.data[name]


def _clock(value: Value) -> str:
    return f"{int(value.data['hour']):02}:{int(value.data['minute']):02}"


def _later(value: Value, p: Params) -> str | None:
    d = value.data
    hour = int(d["hour"]) + p["n"]
    return f"{d['minute']} {hour} {d['month day']} * {d['week']} {d['job']}" if 0 <= hour < 24 else None


def _shift(draw: Draw) -> Params:
    n = draw.pick((1, 2, 3, -1, -2))
    return {"n": n, "shift": f"{abs(n)} hour{'s' if abs(n) > 1 else ''} {'later' if n > 0 else 'earlier'}"}


def _hour(draw: Draw) -> Params:
    return {"n": draw.pick((6, 8, 9, 10, 14, 16, 18, 20))}


def _seconds(draw: Draw) -> Params:
    return {"n": draw.pick((1, 2, 3, 5, 8, 10))}


def _weekday(value: Value, _: Params) -> str | None:
    return _FULL[int(value.data["week"])] if value.data["week"].isdigit() else None


OPERATIONS = (
    part(
        "isotime.date",
        _STAMP,
        "date",
        ("return the date only", "cut off the time of {the}", "keep the part before the time, as YYYY-MM-DD"),
        ("the date without the time", "the YYYY-MM-DD part of {the}"),
        ("which date is it, as written?",),
    ),
    part(
        "isotime.time",
        _STAMP,
        lambda v, _: f"{v.data['hour']}:{v.data['minute']}:{v.data['second']}",
        (
            "give the time only, as hh:mm:ss",
            "cut off the date and any time zone",
            "keep the clock time with its seconds",
        ),
        ("the time as hh:mm:ss, no zone", "the clock time in {the}, seconds included"),
        ("what time is it, seconds included?",),
    ),
    part(
        "isotime.short time",
        _STAMP,
        lambda v, _: f"{v.data['hour']}:{v.data['minute']}",
        ("output hours and minutes only, as hh:mm", "write the clock time of {the} without seconds"),
        ("the time as hh:mm", "hours and minutes of {the}"),
        ("what time is it, as hh:mm?",),
    ),
    part(
        "isotime.hour",
        _STAMP,
        "hour",
        ("fetch the hour, two digits", "print the two digits before the first colon"),
        ("the hour in two digits", "the hour part of {the}"),
        ("which hour is it (two digits)?",),
    ),
    part(
        "isotime.minute",
        _STAMP,
        "minute",
        ("give the minutes, two digits", "write the two digits between the first two colons of the time"),
        ("the minutes in two digits", "the minute part of {the}"),
        ("how many minutes past the hour is it (two digits)?",),
    ),
    part(
        "isotime.second",
        _STAMP,
        "second",
        ("print the seconds, two digits", "write the two digits after the minutes"),
        ("the seconds in two digits", "the second part of the time"),
        ("which second is it (two digits)?",),
    ),
    part(
        "isotime.zone",
        _STAMP,
        "offset",
        ("give the time zone as it stands at the end", "write the offset of {the} (Z or such as +02:00)"),
        ("the time zone mark at the end", "the offset of {the}"),
        ("which time zone is given?",),
    ),
    part(
        "isotime.compact",
        _STAMP,
        lambda v, _: f"{v.data['date'].replace('-', '')}_{v.data['hour']}{v.data['minute']}",
        ("write YYYYMMDD_hhmm for a file name", "make a file stamp: date digits, underscore, hour and minute digits"),
        ("a stamp of the form YYYYMMDD_hhmm", "date and time as digits with an underscore between, no seconds"),
    ),
    part(
        "isotime.month file",
        _STAMP,
        lambda v, _: v.data["date"][:7],
        ("get year and month only, as YYYY-MM", "name the month folder of {the}: YYYY-MM"),
        ("year and month as YYYY-MM", "the folder name YYYY-MM for {the}"),
        ("which month is it, as YYYY-MM?",),
    ),
    part(
        "cron.clock",
        _CRON,
        lambda v, _: _clock(v),
        (
            "give the time of day at which it runs, as hh:mm (first number minutes, second hours)",
            "turn minute and hour of {the} into hh:mm",
        ),
        ("the start time as hh:mm", "the clock time of the job, two digits each"),
        ("at what time does it run, as hh:mm?",),
    ),
    part(
        "cron.hour",
        _CRON,
        "hour",
        ("show the hour field", "output the second of the five time fields"),
        ("the hour field", "the second field of {the}"),
        ("what is in the hour field?",),
    ),
    part(
        "cron.minute",
        _CRON,
        "minute",
        ("return the minute field", "write the first of the five time fields"),
        ("the minute field", "the first field of {the}"),
        ("what is in the minute field?",),
    ),
    part(
        "cron.weekday field",
        _CRON,
        "week",
        ("give the weekday field as it is", "write the fifth of the time fields"),
        ("the weekday field, as written", "the last time field before the job"),
        ("what is in the weekday field?",),
    ),
    part(
        "cron.job",
        _CRON,
        "job",
        ("output the job that is started", "print what runs, without the five time fields"),
        ("the job at the end of {the}", "the command, time fields removed"),
        ("which job does it start?",),
    ),
    part(
        "cron.weekday",
        _CRON,
        _weekday,
        (
            "name the weekday on which it runs (0 is Sunday)",
            "write the day of the week of the fifth field as a word, 0 = Sunday",
        ),
        ("the name of the weekday, counting from 0 for Sunday", "the weekday on which the job runs, as a word"),
        ("on which weekday does it run (0 = Sunday)?",),
        "word",
    ),
    Operation(
        "cron.shift",
        _CRON,
        "code",
        _later,
        ("let it run {shift}: write the whole new line", "move the job {shift}, all other fields unchanged"),
        ("{the} for a run {shift}", "the crontab line of the same job, {shift}"),
        params=_shift,
    ),
    part(
        "slot.start",
        _SLOT,
        "start",
        ("fetch the start time", "write when it begins, as hh:mm"),
        ("the time at which it starts", "the earlier of the two times"),
        ("when does it start?",),
    ),
    part(
        "slot.end",
        _SLOT,
        "end",
        ("give the end time", "write when it is over, as hh:mm"),
        ("the time at which it ends", "the later of the two times"),
        ("when does it end?",),
    ),
    part(
        "slot.hours",
        _SLOT,
        "hours",
        ("say how many hours it lasts, number only", "work out the duration in hours"),
        ("the number of hours between start and end", "the length in hours"),
        ("how many hours does it last?",),
        "number",
    ),
    part(
        "slot.job",
        _SLOT,
        "job",
        ("print the name of the job", "write what is run"),
        ("the job in {the}", "the name of what is run"),
        ("which job is it?",),
    ),
    part(
        "slot.owner",
        _SLOT,
        "owner",
        ("give the person in charge", "write which user is named"),
        ("the user in {the}", "the account of whoever is in charge"),
        ("who is in charge?",),
    ),
    part(
        "slot.day",
        _SLOT,
        lambda v, _: _FULL_DAY[v.data["day"]],
        ("write the weekday in full", "spell out the abbreviated day"),
        ("the full name of the weekday", "the weekday without abbreviation"),
        ("on which weekday is it (full name)?",),
        "word",
    ),
    two_parts("slot.shaped", _SLOT, _piece, ("job", "start"), ("day", "job"), ("owner", "job"), ("start", "day")),
    part(
        "result.test",
        _RESULT,
        "test",
        ("get the name of the test function", "write which test it was, without module, outcome and time"),
        ("the name of the test, starting with test_", "the test function in {the}"),
        ("which test was it?",),
    ),
    part(
        "result.module",
        _RESULT,
        "module",
        ("give the module that the test belongs to", "write where the test stands: the module name only"),
        ("the module of the test", "the name before the test function"),
        ("to which module does the test belong?",),
    ),
    part(
        "result.outcome",
        _RESULT,
        "result",
        ("show the outcome in capitals", "write PASSED, FAILED or SKIPPED, as {the} says"),
        ("the outcome, in capitals", "how the test ended: one word in capitals"),
        ("how did the test end (in capitals)?",),
    ),
    part(
        "result.seconds",
        _RESULT,
        "seconds",
        ("return the duration in seconds, number only", "write how long the test took, without the unit"),
        ("the number of seconds it took", "the duration, without its unit"),
        ("how many seconds did it take?",),
    ),
    part(
        "result.tested",
        _RESULT,
        lambda v, _: v.data["test"].removeprefix("test_"),
        ("name the function under test: the test's name without test_", "drop test_ from the name of the test"),
        ("the name of the test without its test_ prefix", "the function under test"),
        ("which function is tested (name after test_)?",),
    ),
    two_parts("result.shaped", _RESULT, _piece, ("test", "result"), ("module", "result"), ("module", "seconds")),
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
