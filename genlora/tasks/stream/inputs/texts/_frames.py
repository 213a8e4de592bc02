"""Sentences with slots: frames of data/texts.json, filled with names, places, days, times and amounts."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ..._tables import table

_SLOT = re.compile(r"{(\w+)}")
Filled = tuple[str, Any]
"""How a slot is written, and what it means: ("2:30 pm", 870)."""

_MONEY = ("${}", "€{}", "£{}", "{} euros", "{} dollars", "{} EUR", "{} USD", "{} francs")
_DAYS = ("weekday", "weekday", "weekday", "short", "day month", "month day", "iso")
_TIMES = ("24", "24", "12")
_MOST = (20, 99, 99, 500, 2000)


def texts(name: str) -> tuple[str, ...]:
    """The list called `name` of data/texts.json."""
    return table(name, of="texts")


def with_an(text: str) -> str:
    """Write an before a vowel: an office for a office."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def style(draw: Draw) -> dict[str, Any]:
    """How days, times and amounts are written throughout one spec; most have one or two currencies."""
    money = draw.some(_MONEY, draw.pick((1, 1, 2, 4)))
    return {
        "money": money,
        "days": draw.some(_DAYS, draw.pick((1, 1, 2))),
        "times": draw.pick(_TIMES),
        "most": draw.pick(_MOST),
    }


def written_day(draw: Draw, how: str) -> Filled:
    """A weekday (0 is Monday) or a date (month and day) in the style `how`."""
    if how in ("weekday", "short"):
        n = draw.between(0, 6)
        name = texts("weekdays")[n]
        return (name if how == "weekday" else name[:3]), n
    month, day = draw.between(1, 12), draw.between(1, 28)
    name = texts("months")[month - 1]
    if how == "iso":
        return f"2025-{month:02d}-{day:02d}", (month, day)
    return (f"{day} {name}" if how == "day month" else f"{name} {day}"), (month, day)


def written_time(minutes: int, how: str) -> str:
    """Minutes since midnight as 14:30 or 2:30 pm."""
    hour, minute = divmod(minutes, 60)
    if how == "24":
        return f"{hour:02d}:{minute:02d}"
    half = "am" if hour < 12 else "pm"
    return f"{(hour - 1) % 12 + 1}{f':{minute:02d}' if minute else ''} {half}"


def _time(draw: Draw, layout: Params) -> Filled:
    minutes = draw.between(7, 20) * 60 + draw.pick((0, 0, 15, 30, 45))
    return written_time(minutes, layout["times"]), minutes


def _amount(draw: Draw, layout: Params) -> Filled:
    n = draw.between(3, layout["most"])
    return draw.pick(layout["money"]).format(n), n


def _listed(name: str) -> Callable[[Draw, Params], Filled]:
    def drawn(draw: Draw, _: Params) -> Filled:
        found = draw.pick(texts(name))
        return found, found

    return drawn


def _whole(low: int, high: int) -> Callable[[Draw, Params], Filled]:
    def drawn(draw: Draw, _: Params) -> Filled:
        n = draw.between(low, high)
        return str(n), n

    return drawn


def _full_name(draw: Draw, _: Params) -> Filled:
    found = f"{draw.pick(texts('first names'))} {draw.pick(texts('last names'))}"
    return found, found


FILLERS: dict[str, Callable[[Draw, Params], Filled]] = {
    "day": lambda d, layout: written_day(d, d.pick(layout["days"])),
    "time": _time,
    "amount": _amount,
    "first name": _listed("first names"),
    "last name": _listed("last names"),
    "full name": _full_name,
    "city": _listed("cities"),
    "company": _listed("companies"),
    "thing": _listed("things"),
    "document": _listed("documents"),
    "purpose": _listed("purposes"),
    "product": _listed("products"),
    "products": _listed("plural products"),
    "topic": _listed("topics"),
    "quantity": _whole(2, 60),
    "room": _whole(1, 40),
    "percent": _whole(2, 95),
    "quote": _listed("quotes"),
    "number": _whole(1000, 9999),
}


def fill(draw: Draw, frame: str, layout: Params, slots: Params) -> Value | None:
    """Write `frame` with a value for each slot; `slots` maps its names to keys of FILLERS. No value comes twice."""
    names = _SLOT.findall(frame)
    filled: dict[str, Filled] = {name: FILLERS[slots[name]](draw, layout) for name in sorted(set(names))}
    shown = {name: text for name, (text, _) in filled.items()}
    if len(set(shown.values())) < len(shown):
        return None
    return Value(
        {"slots": shown, "raw": {k: raw for k, (_, raw) in filled.items()}, "order": tuple(names)},
        frame.format(**shown),
    )


def framed(name: str, kind: str, a: str, the: str, slots: Params, *, of: str | None = None) -> InputType:
    """An input type whose texts are the frames "frames: <of or name>"; a spec uses some of them."""

    def layout(draw: Draw) -> Params:
        frames: Sequence[str] = texts(f"frames: {of or name}")
        return {**style(draw), "frames": draw.some(frames, draw.between(2, min(8, len(frames))))}

    def drawn(draw: Draw, layout: Params) -> Value | None:
        return fill(draw, draw.pick(layout["frames"]), layout, slots)

    return InputType(name, kind, a, the, drawn, layout)
