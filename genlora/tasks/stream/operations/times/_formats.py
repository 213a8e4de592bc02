"""Dates rewritten: in named formats, by a pattern, by an example."""

from collections.abc import Callable
from datetime import date

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.times._shapes import PLAIN_SHAPES, SHAPES, Shape, iso, month_name, month_short, shape_of

DATE = ("date", "date in text", "weekday date")


def _on(work: Callable[[date], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None else str(found)

    return answer


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


def _file(draw: Draw) -> Params:
    return {
        "stem": draw.pick(("report", "backup", "notes", "invoice", "scan", "minutes", "export", "photo")),
        "end": draw.pick(("pdf", "txt", "csv", "zip", "log", "md")),
        "glue": draw.pick("_-."),
    }


OPERATIONS = (
    Operation(
        "date.to iso",
        DATE,
        "code",
        _rewritten("iso"),
        (
            "write {the} as YYYY-MM-DD",
            "convert {the} to ISO 8601",
            "normalise {the} to year-month-day with hyphens, so that it sorts",
            "give {the} the way databases store it: YYYY-MM-DD",
        ),
        ("{the} in ISO format (YYYY-MM-DD)", "{the} as YYYY-MM-DD"),
    ),
    Operation(
        "date.to dotted",
        DATE,
        "code",
        _rewritten("dotted"),
        (
            "write {the} as DD.MM.YYYY",
            "convert {the} to the German style, 31.12.2020",
            "put {the} as day, month and year in digits with dots between",
        ),
        ("{the} as DD.MM.YYYY", "{the} with dots: day.month.year, two digits for day and month"),
    ),
    Operation(
        "date.to british",
        DATE,
        "code",
        _rewritten("british"),
        (
            "write {the} as DD/MM/YYYY",
            "convert {the} to British notation with slashes, day first (DD/MM/YYYY)",
            "rewrite {the} with slashes: two-digit day, two-digit month, year",
        ),
        ("{the} in the form DD/MM/YYYY", "{the} with slashes, day before month (DD/MM/YYYY)"),
    ),
    Operation(
        "date.to long",
        DATE,
        "code",
        _rewritten("long"),
        (
            "write {the} out like 1 January 2020",
            "spell the month out: day, month name, year, no commas",
            "rewrite {the} for a letter, in the style 31 December 2020",
        ),
        ("{the} as day, full month name and year", "{the} in the style 31 December 2020"),
    ),
    Operation(
        "date.to american long",
        DATE,
        "code",
        _rewritten("american long"),
        (
            "write {the} as Americans do in letters: January 1, 2020",
            "give {the} with the month name first, then day, comma, year",
            "format {the} as Month D, YYYY",
        ),
        ("{the} in the style December 31, 2020", "{the} as Month D, YYYY with the month in full"),
    ),
    Operation(
        "date.to compact",
        DATE,
        "code",
        _rewritten("compact"),
        (
            "write {the} as eight digits, YYYYMMDD",
            "squeeze {the} into year, month and day without any separator",
            "convert {the} to a sortable stamp such as 20201231",
        ),
        ("{the} as YYYYMMDD", "{the} as eight digits, year first"),
    ),
    Operation(
        "date.to hyphens",
        DATE,
        "code",
        _rewritten("hyphens"),
        (
            "write {the} as DD-Mon-YYYY, e.g. 09-Jan-2020",
            "format {the} with a two-digit day, three-letter month and year, joined by hyphens",
            "convert {the} to the Oracle style 31-Dec-2020",
        ),
        ("{the} as DD-Mon-YYYY", "{the} in the style 31-Dec-2020"),
    ),
    Operation(
        "date.like an example",
        DATE,
        "code",
        _like,
        (
            'write {the} in the format of "{shown}", exactly',
            "reformat {the}; a date in the wanted style would be {shown}",
            "rewrite {the} so that it looks like {shown}",
        ),
        ("{the} in the style of {shown}", '{the} in the format of "{shown}", nothing added'),
        params=_example,
    ),
    Operation(
        "date.by pattern",
        DATE,
        "code",
        _patterned,
        (
            "format {the} as {pattern}",
            "write {the} following the pattern {pattern}",
            'apply the date format "{pattern}" to {the}',
            "reformat {the} to {pattern}",
        ),
        ("{the} as {pattern}", "{the} in {pattern} format", "{the} after the pattern {pattern}"),
        params=_pattern,
    ),
    Operation(
        "date.by shown pattern",
        DATE,
        "code",
        _patterned,
        (
            'write {the} the way "{shown}" is written for {long}',
            "rewrite {the} as we do it: {long} is {shown} with us",
            'apply our date style, which has "{shown}" for {long}',
        ),
        ("{the} in the format that writes {long} as {shown}",),
        params=_pattern,
    ),
    Operation(
        "date.month and year",
        DATE,
        "code",
        _on(lambda d: f"{month_name(d)} {d.year}"),
        (
            "keep the month and the year only, e.g. January 2020",
            "leave the day out: month name and year",
            "reduce {the} to month and year for the heading (June 2020)",
        ),
        ("the month name and the year of {the}", "{the} without its day, like June 2020"),
    ),
    Operation(
        "date.month key",
        DATE,
        "code",
        _on(lambda d: f"{d.year}-{d.month:02}"),
        (
            "write the month of {the} as YYYY-MM",
            "reduce {the} to a month key such as 2020-11",
            "give the key by which we group months: YYYY-MM",
        ),
        ("the YYYY-MM of {the}", "year and month of {the} as YYYY-MM"),
    ),
    Operation(
        "date.day and month",
        DATE,
        "code",
        _on(lambda d: f"{d.day} {month_name(d)}"),
        (
            "leave the year out of {the}: day and month name, e.g. 4 July",
            "keep day and month only, as in 24 December",
            "give the anniversary that {the} stands for, like 9 May",
        ),
        ("the day and the month name of {the}, no year", "{the} without the year, in the style 24 December"),
    ),
    Operation(
        "date.file name",
        DATE,
        "code",
        lambda v, p: f"{p['stem']}{p['glue']}{iso(v.data)}.{p['end']}",
        (
            'make the file name "{stem}{glue}YYYY-MM-DD.{end}" of {the}',
            "name the {stem} file after {the}, as {stem}{glue}YYYY-MM-DD.{end}",
            "fill {the} into {stem}{glue}YYYY-MM-DD.{end}",
        ),
        ("the file name {stem}{glue}YYYY-MM-DD.{end} for {the}",),
        params=_file,
    ),
    Operation(
        "date.path",
        DATE,
        "code",
        _on(lambda d: f"{d.year}/{month_name(d)}/{d.day:02}"),
        (
            "turn {the} into an archive folder of the form 2020/January/09",
            "write {the} as a path: year, full month name, two-digit day, joined by slashes",
        ),
        ("the archive path for {the}, like 2020/January/09",),
    ),
    Operation(
        "date.no weekday",
        ("weekday date",),
        "code",
        lambda v, _: v.text.partition(" ")[2],
        (
            "remove the weekday from {the} without touching the rest",
            "copy {the} without the day of the week",
            "strip the weekday in front",
        ),
        ("{the} without its weekday", "everything but the weekday"),
    ),
    Operation(
        "date.same shape next year",
        ("date",),
        "code",
        lambda v, _: (
            shape.write(v.data.replace(year=v.data.year + 1))
            if v.data.day <= 28 and (shape := shape_of(v.data, v.text)) and "W" not in shape.pattern
            else None
        ),
        (
            "raise the year of {the} by one without changing anything else",
            "write the same day of the next year, in the same format",
            "renew {the} for another year, format unchanged",
        ),
        ("{the} with the year one higher, same format",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
