"""Log lines and excerpts: their parts, how serious they are, where they go."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.codes._logs import LEVELS
from ..records._shapes import two_parts
from ..words._parts_of import part

_LOG = ("log", "dated log")
_DATED = ("dated log",)
_LINES = ("log lines",)
_NTH = ("first", "second", "third", "last")


def _piece(value: Value, name: str) -> str | None:
    return value.data.get(name)


def _level(draw: Draw) -> Params:
    return {"level": draw.pick(LEVELS)}


def _threshold(draw: Draw) -> Params:
    n = draw.between(1, 3)
    return {"n": n, "level": LEVELS[n]}


def _rank(level: str) -> int:
    return LEVELS.index(level)


def _line(draw: Draw) -> Params:
    n = draw.pick((0, 1, 2, -1))
    return {"n": n, "nth": _NTH[n]}


def _of_level(key: str) -> Callable[[Value, Params], str | None]:
    """`key` of the only line with the level; None for none or several."""

    def do(value: Value, p: Params) -> str | None:
        found = [e[key] for e in value.data if e["level"] == p["level"]]
        return found[0] if len(found) == 1 else None

    return do


def _worst(key: str) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        ranks = [_rank(e["level"]) for e in value.data]
        return value.data[ranks.index(max(ranks))][key] if key == "level" or ranks.count(max(ranks)) == 1 else None

    return do


def _group(value: Value, _: Params) -> str | None:
    teams = {
        "money": ("billing", "payments"),
        "access": ("auth", "sessions", "gateway"),
        "jobs": ("worker", "scheduler", "mailer"),
    }
    return next((t for t, services in teams.items() if value.data["service"] in services), None)


OPERATIONS = (
    part(
        "log.level",
        _LOG,
        "level",
        (
            "give the log level in capitals",
            "write how serious it is: only the level word, in upper case",
            "extract the severity (DEBUG, INFO, WARNING, ERROR or CRITICAL)",
        ),
        ("the log level, in capitals", "the severity in {the} (upper case)"),
        ("which log level does {the} have (upper case)?",),
    ),
    part(
        "log.service",
        _LOG,
        "service",
        (
            "output the service that wrote {the}",
            "name the component that logged it, nothing else",
            "extract the service, without brackets or process id",
        ),
        ("the name of the service", "the component that wrote {the}"),
        ("which service wrote {the}?",),
    ),
    part(
        "log.message",
        _LOG,
        "message",
        (
            "fetch the message only",
            "strip level, service and time from {the} so that the text remains",
            "write what happened, as {the} says it",
        ),
        ("the message text", "the text of the event, without level, service and time"),
        ("what is the message?",),
        "text",
    ),
    part(
        "log.time",
        _LOG,
        "time",
        ("give the time as hh:mm:ss", "write when it was logged: clock time only", "extract the time of day, no date"),
        ("the time of day with seconds", "the clock time in {the}, no date"),
        ("at what time was it logged?",),
    ),
    part(
        "log.short time",
        _LOG,
        lambda v, _: f"{v.data['hour']}:{v.data['minute']}",
        ("print the time without seconds, as hh:mm", "write hours and minutes of the entry only"),
        ("the time as hh:mm", "hours and minutes, seconds dropped"),
        ("at what time was it logged, as hh:mm?",),
    ),
    part(
        "log.hour",
        _LOG,
        "hour",
        ("give the hour, two digits", "write in which hour of the day it was logged (00 to 23)"),
        ("the hour of the entry, two digits", "the first two digits of the time"),
        ("which hour is it (two digits)?",),
    ),
    part(
        "log.date",
        _DATED,
        "date",
        ("get the date as it is written, year first", "extract the day of the entry as YYYY-MM-DD"),
        ("the date of the entry, YYYY-MM-DD", "the date in {the}, without the time"),
        ("on which date was it logged?",),
    ),
    part(
        "log.number",
        _LOG,
        "number",
        ("give the number that the message mentions, digits only", "extract the figure from the message text"),
        ("the number in the message", "the figure that the message names, digits only"),
        ("which number does the message mention?",),
    ),
    part(
        "log.user",
        _LOG,
        "user",
        ("show the user that the message names", "extract the account name from the message"),
        ("the user in the message", "the account that the message is about"),
        ("which user is named?",),
    ),
    part(
        "log.initial",
        _LOG,
        lambda v, _: v.data["level"][0],
        ("output the level as its first letter, in upper case", "shorten the severity to one capital letter"),
        ("the first letter of the level, upper case", "a capital letter for the level: D, I, W, E or C"),
    ),
    part(
        "log.plain",
        _LOG,
        lambda v, _: f"{v.data['level']} {v.data['message']}" if len(v.data["message"]) < 60 else None,
        (
            "write the level in capitals, a space, and the message",
            "reduce {the} to LEVEL message, dropping time and service",
        ),
        ("the level in capitals and the message, a space between", "{the} in the form LEVEL message"),
        ("what is {the} as LEVEL message?",),
    ),
    part(
        "log.alert",
        _LOG,
        lambda v, _: f"{v.data['service']}: {v.data['message']}",
        ("write an alert: service, colon, message", "shorten {the} for the pager to service: message"),
        ("the service, a colon and the message", "an alert of the form service: message"),
        ("what is the alert, as service: message?",),
    ),
    part(
        "log.loud",
        _LOG,
        lambda v, _: v.data["message"].upper(),
        ("write the message in capitals", "shout what happened: message only, upper case"),
        ("the message in upper case",),
    ),
    two_parts(
        "log.shaped", _LOG, _piece, ("level", "service"), ("service", "time"), ("level", "time"), ("service", "message")
    ),
    Operation(
        "log.nth level",
        _LINES,
        "code",
        lambda v, p: v.data[p["n"]]["level"],
        ("return the level of the {nth} line", "write how serious the {nth} entry is, level only"),
        ("the level of the {nth} line", "the severity in the {nth} entry"),
        ("which level does the {nth} line have?",),
        _line,
    ),
    Operation(
        "log.nth message",
        _LINES,
        "text",
        lambda v, p: v.data[p["n"]]["message"],
        ("give the message of the {nth} line", "print what the {nth} entry says, without time and level"),
        ("the message in the {nth} line", "the text of the {nth} entry"),
        ("what does the {nth} line say?",),
        _line,
    ),
    Operation(
        "log.nth time",
        _LINES,
        "code",
        lambda v, p: v.data[p["n"]]["clock"],
        ("output the time of the {nth} line", "write when the {nth} entry was made"),
        ("the time of the {nth} line", "the clock time in the {nth} entry"),
        ("when was the {nth} line written?",),
        _line,
    ),
    Operation(
        "log.message of",
        _LINES,
        "text",
        _of_level("message"),
        ("fetch the message of the {level} line", "find the entry with level {level}: its text only"),
        ("the message of the {level} line", "the text that was logged as {level}"),
        ("what does the {level} line say?",),
        _level,
    ),
    Operation(
        "log.time of",
        _LINES,
        "code",
        _of_level("clock"),
        ("give the time of the {level} line", "say when the {level} entry was written"),
        ("the time of the {level} line", "the clock time of the {level} entry"),
        ("when did the {level} happen?",),
        _level,
    ),
    Operation(
        "log.count of",
        _LINES,
        "number",
        lambda v, p: str(sum(e["level"] == p["level"] for e in v.data)),
        ("count the {level} lines", "say how many lines have the level {level}"),
        ("the number of {level} lines", "how many entries have the level {level}"),
        ("how many {level} lines are there?",),
        _level,
    ),
    Operation(
        "log.worst",
        _LINES,
        "code",
        _worst("level"),
        (
            "print the most serious level (DEBUG < INFO < WARNING < ERROR < CRITICAL)",
            "write the highest severity that occurs",
        ),
        ("the most serious level in {the}", "the highest severity that occurs in {the}"),
        ("what is the most serious level?",),
    ),
    Operation(
        "log.worst message",
        _LINES,
        "text",
        _worst("message"),
        ("give the message of the most serious line", "write the text of the entry with the highest severity"),
        ("the message of the most serious line", "what the entry with the highest severity says"),
        ("what does the most serious line say?",),
    ),
    part(
        "log.levels",
        _LINES,
        lambda v, _: ", ".join(e["level"] for e in v.data),
        (
            "list the levels of all lines in order, comma-separated",
            "write only the severity of each entry, with commas",
        ),
        ("the levels line by line, comma-separated", "a comma list of the severities in order"),
        ("which levels do the lines have, in order?",),
        "code",
    ),
    part(
        "log.times",
        _LINES,
        lambda v, _: ", ".join(e["clock"] for e in v.data),
        (
            "list the times of all lines in order, comma-separated",
            "output only the clock time of each entry, with commas",
        ),
        ("the times line by line, comma-separated", "a comma list of the times in order"),
        ("at which times were the lines written?",),
        "code",
    ),
)

CONDITIONS = (
    Condition(
        "log level",
        _LOG,
        lambda v, p: v.data["level"] == p["level"],
        ("the level is {level}", "it was logged as {level}"),
        ("the level is another one", "it was not logged as {level}"),
        params=_level,
    ),
    Condition(
        "log at least",
        _LOG,
        lambda v, p: _rank(v.data["level"]) >= p["n"],
        ("the level is {level} or worse", "it is at least {level} (DEBUG < INFO < WARNING < ERROR < CRITICAL)"),
        ("the level is below {level}", "it is not as serious as {level}"),
        params=_threshold,
    ),
    Condition(
        "log below",
        _LOG,
        lambda v, p: _rank(v.data["level"]) < p["n"],
        ("the level is lower than {level}", "it is less serious than {level}"),
        ("the level is {level} or higher", "it is as serious as {level} or more"),
        params=_threshold,
    ),
    Condition(
        "log number",
        _LOG,
        lambda v, _: bool(v.data["number"]),
        ("the message contains a number", "there is a figure in the message text"),
        ("the message has no number", "the message is words only"),
    ),
    Condition(
        "log morning",
        _LOG,
        lambda v, _: int(v.data["hour"]) < 12,
        ("it was logged before noon", "the hour is below 12"),
        ("it was logged at noon or later", "the hour is 12 or more"),
    ),
    Condition(
        "log after",
        _LOG,
        lambda v, p: int(v.data["hour"]) >= p["n"],
        ("it was logged at {n}:00 or later", "the hour is {n} or more"),
        ("it was logged before {n}:00", "the hour is below {n}"),
        params=lambda d: {"n": d.pick((6, 8, 9, 10, 14, 16, 18, 20))},
    ),
    Condition(
        "log any",
        _LINES,
        lambda v, p: any(e["level"] == p["level"] for e in v.data),
        ("at least one line is {level}", "{the} contains a {level} entry"),
        ("no line is {level}", "there is no {level} entry"),
        params=_level,
    ),
)

CLASSIFIERS = (
    Classifier(
        "log level name",
        _LOG,
        lambda v, _: v.data["level"],
        {k: f"the level is {k}" for k in LEVELS},
        "a code for the level",
        {"DEBUG": "D", "INFO": "I", "WARNING": "W", "ERROR": "E", "CRITICAL": "C"},
    ),
    Classifier(
        "log reaction",
        _LOG,
        lambda v, _: {"CRITICAL": "call", "ERROR": "mail", "WARNING": "note"}.get(v.data["level"], "none"),
        {
            "call": "the level is CRITICAL",
            "mail": "the level is ERROR",
            "note": "the level is WARNING",
            "none": "the level is INFO or DEBUG",
        },
        "the reaction to {the}",
        {"call": "page", "mail": "mail", "note": "ticket", "none": "ignore"},
    ),
    Classifier(
        "log team",
        _LOG,
        _group,
        {
            "money": "the service is billing or payments",
            "access": "the service is auth, sessions or gateway",
            "jobs": "the service is worker, scheduler or mailer",
        },
        "the team on duty",
        {"money": "finance", "access": "security", "jobs": "platform"},
    ),
)
