"""Dates rewritten: in named formats, by a pattern, by an example."""

from collections.abc import Callable
from datetime import date

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.times._shapes import PLAIN_SHAPES, SHAPES, Shape, iso, month_name, month_short, shape_of
from .._work import of_data

DATE = ("date", "date in text", "weekday date")


def _rewritten(shape: str) -> Callable[[Value, Params], str | None]:
    """None where the input is written so already: there is nothing to do."""
    return lambda value, _: None if (new := SHAPES[shape].write(value.data)) == value.text else new


def _telling_date(draw: Draw) -> date:
    """A date whose parts differ, with zeros to see and a month whose short name is not its long one."""
    month, day = draw.pick(((1, 3), (2, 5), (4, 7), (6, 9), (7, 2), (8, 4), (9, 6), (3, 8)))
    return date(draw.between(2011, 2019), month, day)


def _example(draw: Draw) -> Params:
    shape = SHAPES[draw.pick([name for name in PLAIN_SHAPES if name not in ("american", "british")])]
    d = _telling_date(draw)
    return {"shape": shape, "shown": shape.write(d), "pattern": shape.pattern}


def _like(value: Value, p: Params) -> str | None:
    shape: Shape = p["shape"]
    new = shape.write(value.data)
    return None if new == value.text else new


_TOKENS = {
    "DD": lambda d: f"{d.day:02}",
    "D": lambda d: f"{d.day}",
    "MM": lambda d: f"{d.month:02}",
    "M": lambda d: f"{d.month}",
    "MON": lambda d: month_short(d).upper(),
    "Mon": month_short,
    "YY": lambda d: f"{d.year % 100:02}",
    "YYYY": lambda d: f"{d.year}",
}
_ORDERS = (
    ("DD", "MM", "YY"),
    ("DD", "MM", "YYYY"),
    ("D", "M", "YYYY"),
    ("YY", "MM", "DD"),
    ("YYYY", "MM", "DD"),
    ("DD", "Mon", "YY"),
    ("DD", "MON", "YYYY"),
    ("YYYY", "Mon", "DD"),
    ("MM", "DD"),
    ("DD", "MM"),
    ("MM", "YYYY"),
    ("YYYY", "MM"),
    ("Mon", "YYYY"),
    ("D", "Mon"),
    ("MON", "YY"),
    ("Mon", "DD"),
)


def _pattern(draw: Draw) -> Params:
    tokens, sep = draw.pick(_ORDERS), draw.pick(("-", ".", "_", " ", "/", ":"))
    shown = _telling_date(draw)
    return {
        "tokens": tokens,
        "sep": sep,
        "pattern": sep.join(tokens),
        "shown": sep.join(_TOKENS[t](shown) for t in tokens),
        "long": SHAPES["long"].write(shown),
    }


def _patterned(value: Value, p: Params) -> str | None:
    new = p["sep"].join(_TOKENS[t](value.data) for t in p["tokens"])
    return None if new == value.text else new


_file = picked(
    stem=("report", "backup", "notes", "invoice", "scan", "minutes", "export", "photo"),
    end=("pdf", "txt", "csv", "zip", "log", "md"),
    glue="_-.",
)


OPERATIONS = (
    Operation("date.to iso", DATE, "code", _rewritten("iso")),
    Operation("date.to dotted", DATE, "code", _rewritten("dotted")),
    Operation("date.to british", DATE, "code", _rewritten("british")),
    Operation("date.to long", DATE, "code", _rewritten("long")),
    Operation("date.to american long", DATE, "code", _rewritten("american long")),
    Operation("date.to compact", DATE, "code", _rewritten("compact")),
    Operation("date.to hyphens", DATE, "code", _rewritten("hyphens")),
    Operation("date.like an example", DATE, "code", _like, params=_example),
    Operation("date.by pattern", DATE, "code", _patterned, params=_pattern),
    Operation("date.by shown pattern", DATE, "code", _patterned, params=_pattern),
    Operation("date.month and year", DATE, "code", of_data(lambda d: f"{month_name(d)} {d.year}")),
    Operation("date.month key", DATE, "code", of_data(lambda d: f"{d.year}-{d.month:02}")),
    Operation("date.day and month", DATE, "code", of_data(lambda d: f"{d.day} {month_name(d)}")),
    Operation(
        "date.file name", DATE, "code", lambda v, p: f"{p['stem']}{p['glue']}{iso(v.data)}.{p['end']}", params=_file
    ),
    Operation("date.path", DATE, "code", of_data(lambda d: f"{d.year}/{month_name(d)}/{d.day:02}")),
    Operation("date.no weekday", ("weekday date",), "code", lambda v, _: v.text.partition(" ")[2]),
    Operation(
        "date.same shape next year",
        ("date",),
        "code",
        lambda v, _: (
            shape.write(v.data.replace(year=v.data.year + 1))
            if v.data.day <= 28 and (shape := shape_of(v.data, v.text)) and "W" not in shape.pattern
            else None
        ),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
