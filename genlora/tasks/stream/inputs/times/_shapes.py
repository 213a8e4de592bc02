"""How dates and times are written: shapes shared by the inputs and by the operations that reformat."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from ..._parts import Draw, Params
from ..._tables import table

MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class Dated(NamedTuple):
    """A date and the way it stands in the input."""

    date: date
    text: str


class Timed(NamedTuple):
    """Minutes since midnight and the way they stand in the input."""

    minutes: int
    text: str


@dataclass(frozen=True)
class Shape:
    """One way of writing a date, and how people name it."""

    name: str
    pattern: str
    write: Callable[[date], str]


def month_name(d: date) -> str:
    return MONTHS[d.month - 1]


def month_short(d: date) -> str:
    return MONTHS[d.month - 1][:3]


def weekday_name(d: date) -> str:
    return WEEKDAYS[d.weekday()]


def weekday_short(d: date) -> str:
    return WEEKDAYS[d.weekday()][:3]


def ordinal(n: int) -> str:
    """3 -> 3rd, for n below 1000."""
    tail = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{tail}"


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("iso", "YYYY-MM-DD", lambda d: f"{d.year}-{d.month:02}-{d.day:02}"),
        Shape("dotted", "DD.MM.YYYY", lambda d: f"{d.day:02}.{d.month:02}.{d.year}"),
        Shape("british", "DD/MM/YYYY", lambda d: f"{d.day:02}/{d.month:02}/{d.year}"),
        Shape("american", "MM/DD/YYYY", lambda d: f"{d.month:02}/{d.day:02}/{d.year}"),
        Shape("long", "D Month YYYY", lambda d: f"{d.day} {month_name(d)} {d.year}"),
        Shape("american long", "Month D, YYYY", lambda d: f"{month_name(d)} {d.day}, {d.year}"),
        Shape("short", "D Mon YYYY", lambda d: f"{d.day} {month_short(d)} {d.year}"),
        Shape("hyphens", "DD-Mon-YYYY", lambda d: f"{d.day:02}-{month_short(d)}-{d.year}"),
        Shape("compact", "YYYYMMDD", lambda d: f"{d.year}{d.month:02}{d.day:02}"),
        Shape("slashes", "YYYY/MM/DD", lambda d: f"{d.year}/{d.month:02}/{d.day:02}"),
        Shape("weekday", "Www D Mon YYYY", lambda d: f"{weekday_short(d)} {d.day} {month_short(d)} {d.year}"),
        Shape(
            "weekday long", "Weekday, Month D, YYYY", lambda d: f"{weekday_name(d)}, {month_name(d)} {d.day}, {d.year}"
        ),
        Shape("mail", "Www, DD Mon YYYY", lambda d: f"{weekday_short(d)}, {d.day:02} {month_short(d)} {d.year}"),
        Shape("weekday comma", "Weekday, D Month YYYY", lambda d: f"{weekday_name(d)}, {SHAPES['long'].write(d)}"),
    )
}
WITH_WEEKDAY = ("weekday", "weekday long", "mail", "weekday comma")
PLAIN_SHAPES = tuple(name for name in SHAPES if name not in WITH_WEEKDAY)
_YEARS = ((2020, 2026), (2023, 2025), (2022, 2026), (2015, 2029), (1996, 2029))


def iso(d: date) -> str:
    return SHAPES["iso"].write(d)


def shape_of(d: date, text: str) -> Shape | None:
    """The shape that `text` is in; None where the date stands among other words."""
    return next((s for s in SHAPES.values() if s.write(d) == text), None)


def years(draw: Draw) -> dict[str, object]:
    """A layout: between which years dates fall."""
    low, high = draw.pick(_YEARS)
    return {"low": low, "high": high}


def some_date(draw: Draw, layout: Params) -> date:
    low, high = date(layout["low"], 1, 1), date(layout["high"], 12, 31)
    return date.fromordinal(draw.between(low.toordinal(), high.toordinal()))


def clock24(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def clock12(minutes: int) -> str:
    """835 -> 1:55 pm; midnight is 12:00 am."""
    hour = minutes // 60
    return f"{hour % 12 or 12}:{minutes % 60:02} {'am' if hour < 12 else 'pm'}"


CLOCKS: dict[str, Callable[[int], str]] = {
    "24": clock24,
    "24 short": lambda m: f"{m // 60}:{m % 60:02}",
    "dot": lambda m: f"{m // 60:02}.{m % 60:02}",
    "h": lambda m: f"{m // 60}h{m % 60:02}",
    "12": clock12,
    "12 caps": lambda m: clock12(m).upper(),
    "12 tight": lambda m: clock12(m).replace(" ", ""),
    "compact": lambda m: f"{m // 60:02}{m % 60:02}",
}


def words_for_note(draw: Draw) -> dict[str, object]:
    """What the templates of notes hold besides the date, time or amount: distractors."""
    return {
        "n": draw.between(101, 999),
        "v": draw.between(2, 9),
        "name": draw.pick(table("names", of="quantities")),
        "town": draw.pick(table("towns", of="quantities")),
    }


def note(draw: Draw, templates: str, **wanted: str) -> str:
    """A note of the list `templates` of `data/quantities.json` with the wanted words in it."""
    return draw.pick(table(templates, of="quantities")).format(**words_for_note(draw), **wanted)
