"""What machines report and when: log lines, ISO timestamps, cron lines and timetables, test results."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value, picked
from ..._tables import groups_of, table

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _word(draw: Draw, name: str) -> str:
    return draw.pick(table(name, of="codes"))


def _clock(draw: Draw) -> tuple[str, str, str]:
    return f"{draw.between(0, 23):02}", f"{draw.between(0, 59):02}", f"{draw.between(0, 59):02}"


def _entry(draw: Draw) -> dict[str, str]:
    level = draw.pick(LEVELS)
    message = draw.pick(groups_of("codes", "messages")[level])
    number = str(draw.between(2, 98)) if "{n}" in message else ""
    user = _word(draw, "users") if "{user}" in message else ""
    hour, minute, second = _clock(draw)
    month, day = draw.between(1, 12), draw.between(1, 28)
    return {
        "level": level,
        "low": level.lower(),
        "message": message.format(n=number, user=user),
        "number": number,
        "user": user,
        "service": _word(draw, "services"),
        "hour": hour,
        "minute": minute,
        "time": f"{hour}:{minute}:{second}",
        "date": f"{draw.between(2024, 2026)}-{month:02}-{day:02}",
        "day": f"{_MONTHS[month - 1]} {day:02}",
        "host": f"{draw.pick(('web', 'db', 'app', 'node'))}{draw.between(1, 9)}",
        "pid": str(draw.between(101, 9999)),
    }


def _log(draw: Draw, p: Params) -> Value:
    data = _entry(draw)
    shown = {
        k: v for k, v in data.items() if f"{{{k}}}" in p["shape"] or k in ("level", "number", "user", "hour", "minute")
    }
    return Value(shown, p["shape"].format(**data))


def _shape(*shapes: str) -> Callable[[Draw], Params]:
    return lambda d: {"shape": d.pick(shapes)}


def _excerpt(draw: Draw, p: Params) -> Value | None:
    hour, minute = draw.between(0, 22), draw.between(0, 40)
    lines = []
    for _ in range(p["n"]):
        entry = _entry(draw)
        minute += draw.between(1, 6)
        lines.append({**entry, "clock": f"{hour:02}:{minute:02}"})
    if len({e["message"] for e in lines}) < len(lines):
        return None
    return Value(tuple(lines), "\n".join(p["shape"].format(**e) for e in lines))


def _stamp(draw: Draw, p: Params) -> Value:
    hour, minute, second = _clock(draw)
    date = f"{draw.between(1998, 2027)}-{draw.between(1, 12):02}-{draw.between(1, 28):02}"
    offset = draw.pick(p["offsets"])
    data = {"date": date, "hour": hour, "minute": minute, "second": second, "offset": offset}
    return Value(data, f"{date}{p['mid']}{hour}:{minute}:{second}{offset}")


def _cron(draw: Draw, _: Params) -> Value:
    minute, hour = draw.pick((0, 0, 5, 15, 20, 30, 30, 45, 50)), draw.between(0, 23)
    week = draw.pick(("*", "*", *"0123456", "1-5"))
    month_day = str(draw.between(1, 28)) if week == "*" and draw.chance(0.4) else "*"
    data = {"minute": str(minute), "hour": str(hour), "month day": month_day, "week": week, "job": _word(draw, "jobs")}
    return Value(data, f"{minute} {hour} {month_day} * {week} {data['job']}")


def _slot(draw: Draw, p: Params) -> Value:
    hour = draw.between(0, 21)
    minute = draw.pick(("00", "15", "30", "45"))
    hours = draw.between(1, 2)
    data = {
        "day": draw.pick(DAYS),
        "hour": f"{hour:02}",
        "start": f"{hour:02}:{minute}",
        "end": f"{hour + hours:02}:{minute}",
        "hours": str(hours),
        "job": _word(draw, "jobs"),
        "owner": _word(draw, "users"),
    }
    return Value(data, p["shape"].format(**data))


def _result(draw: Draw, p: Params) -> Value:
    module, verb, noun = _word(draw, "modules"), _word(draw, "verbs"), _word(draw, "nouns")
    data = {
        "module": module,
        "test": f"test_{verb}_{noun}",
        "result": draw.pick(("PASSED", "FAILED", "SKIPPED")),
        "seconds": f"{draw.between(0, 14)}.{draw.between(1, 99):02}",
    }
    return Value(data, p["shape"].format(**data))


INPUTS = (
    InputType(
        "log line",
        "dated log",
        "a log line",
        "the line",
        _log,
        _shape(
            "{date} {time} {level} {service}: {message}",
            "{date} {time} [{level}] {service} - {message}",
            "{level} {date} {time} ({service}) {message}",
            "{date}T{time}Z {level} {service} {message}",
            "{date} {time} | {level} | {service} | {message}",
        ),
    ),
    InputType(
        "short log line",
        "log",
        "a line of a log",
        "the line",
        _log,
        _shape(
            "[{time}] {level} {service}: {message}",
            "{level}: {service}: {message} ({time})",
            "{time} {service} {level} {message}",
            "[{level}] {service}[{pid}] {time}: {message}",
        ),
    ),
    InputType(
        "logfmt line",
        "log",
        "a structured log line",
        "the line",
        _log,
        _shape(
            'time={time} level={low} service={service} msg="{message}"',
            'level={low} msg="{message}" service={service} host={host} time={time}',
            '{{"time": "{time}", "level": "{level}", "service": "{service}", "msg": "{message}"}}',
        ),
    ),
    InputType(
        "syslog line",
        "log",
        "a syslog line",
        "the line",
        _log,
        _shape("{day} {time} {host} {service}[{pid}]: {level} {message}"),
    ),
    InputType(
        "log excerpt",
        "log lines",
        "an excerpt of a log",
        "the log",
        _excerpt,
        picked(
            n=range(3, 5),
            shape=("{clock} {level} {message}", "[{level}] {clock} {message}", "{clock} {level}: {message}"),
        ),
    ),
    InputType(
        "iso timestamp",
        "isotime",
        "a timestamp",
        "the timestamp",
        _stamp,
        picked(mid=("T", "T", " "), offsets=(("",), ("Z",), ("Z", "+01:00", "+02:00", "-05:00", "+09:00"))),
    ),
    InputType("cron line", "cron", "a crontab line", "the line", _cron),
    InputType(
        "timetable line",
        "slot",
        "a line of a job schedule",
        "the line",
        _slot,
        _shape(
            "{day} {start}-{end} {job} ({owner})",
            "{job}: {day}, {start} to {end}, {owner}",
            "{day} | {start}-{end} | {job} | {owner}",
            "{owner} runs {job} on {day} {start}-{end}",
        ),
    ),
    InputType(
        "test result",
        "result",
        "a test result",
        "the result",
        _result,
        _shape(
            "{module}::{test} {result} ({seconds}s)",
            "{result} {module}.{test} in {seconds}s",
            "{module} > {test}: {result}, {seconds} s",
        ),
    ),
)
