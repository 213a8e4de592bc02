"""Log lines and excerpts: their parts, how serious they are, where they go."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.codes._logs import LEVELS
from ..records._shapes import two_parts
from ..words._parts_of import part

_LOG = ("log", "dated log")
_DATED = ("dated log",)
_LINES = ("log lines",)
_NTH = ("first", "second", "third", "last")


_level = picked(level=LEVELS)


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
    part("log.level", _LOG, "level"),
    part("log.service", _LOG, "service"),
    part("log.message", _LOG, "message", answer="text"),
    part("log.time", _LOG, "time"),
    part("log.short time", _LOG, lambda v, _: f"{v.data['hour']}:{v.data['minute']}"),
    part("log.hour", _LOG, "hour"),
    part("log.date", _DATED, "date"),
    part("log.number", _LOG, "number"),
    part("log.user", _LOG, "user"),
    part("log.initial", _LOG, lambda v, _: v.data["level"][0]),
    part(
        "log.plain",
        _LOG,
        lambda v, _: f"{v.data['level']} {v.data['message']}" if len(v.data["message"]) < 60 else None,
    ),
    part("log.alert", _LOG, lambda v, _: f"{v.data['service']}: {v.data['message']}"),
    part("log.loud", _LOG, lambda v, _: v.data["message"].upper()),
    two_parts("log.shaped", _LOG, ("level", "service"), ("service", "time"), ("level", "time"), ("service", "message")),
    Operation("log.nth level", _LINES, "code", lambda v, p: v.data[p["n"]]["level"], params=_line),
    Operation("log.nth message", _LINES, "text", lambda v, p: v.data[p["n"]]["message"], params=_line),
    Operation("log.nth time", _LINES, "code", lambda v, p: v.data[p["n"]]["clock"], params=_line),
    Operation("log.message of", _LINES, "text", _of_level("message"), params=_level),
    Operation("log.time of", _LINES, "code", _of_level("clock"), params=_level),
    Operation(
        "log.count of", _LINES, "number", lambda v, p: str(sum(e["level"] == p["level"] for e in v.data)), params=_level
    ),
    Operation("log.worst", _LINES, "code", _worst("level")),
    Operation("log.worst message", _LINES, "text", _worst("message")),
    part("log.levels", _LINES, lambda v, _: ", ".join(e["level"] for e in v.data), answer="code"),
    part("log.times", _LINES, lambda v, _: ", ".join(e["clock"] for e in v.data), answer="code"),
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
        params=picked(n=(6, 8, 9, 10, 14, 16, 18, 20)),
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
