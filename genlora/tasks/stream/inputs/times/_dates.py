"""Dates: alone, in notes, file names and log lines; lists of dates, spans, and things with their dates."""

from collections.abc import Callable
from datetime import date, timedelta

from ..._parts import Draw, InputType, Params, Value
from ..._tables import table
from ._shapes import PLAIN_SHAPES, SHAPES, Dated, clock24, month_name, note, some_date, years

_LIST_SHAPES = ("iso", "dotted", "long", "short", "slashes")
_NOTE_SHAPES = ("iso", "dotted", "long", "american long", "short", "hyphens", "slashes", "british")
_FILE_SHAPES = ("iso", "compact")


def _alone(shape: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        d = some_date(draw, layout)
        return Value(d, SHAPES[shape].write(d))

    return drawn


def _shaped(shapes: tuple[str, ...]) -> Callable[[Draw], Params]:
    return lambda draw: {**years(draw), "shape": draw.pick(shapes)}


def _in_note(templates: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        d = some_date(draw, layout)
        time = f"{clock24(draw.between(0, 1439))}:{draw.between(0, 59):02}"
        return Value(d, note(draw, templates, date=SHAPES[layout["shape"]].write(d), time=time))

    return drawn


def _header(draw: Draw, layout: Params) -> Value:
    d = some_date(draw, layout)
    number = draw.between(1001, 9899)
    return Value(d, f"{layout['id']}: {number}\n{layout['key']}: {SHAPES[layout['shape']].write(d)}")


def _header_layout(draw: Draw) -> Params:
    return {
        **_shaped(_NOTE_SHAPES)(draw),
        "id": draw.pick(("Invoice", "Order no.", "Ref", "Ticket", "Case", "Customer")),
        "key": draw.pick(("Date", "Due", "Created", "Sent", "Valid until", "Issued")),
    }


def _list_layout(draw: Draw) -> Params:
    low = draw.between(3, 4)
    return {
        **_shaped(_LIST_SHAPES)(draw),
        "n": low,
        "more": draw.between(0, 1),
        "sep": draw.pick(("; ", "\n", " | ", " / ", "\n- ")),
    }


def _list(draw: Draw, layout: Params) -> Value | None:
    shape = SHAPES[layout["shape"]]
    if "/" in shape.pattern and layout["sep"] == " / ":
        return None
    found = [some_date(draw, layout) for _ in range(layout["n"] + draw.between(0, layout["more"]))]
    dates = tuple(Dated(d, shape.write(d)) for d in found)
    if len({d.date for d in dates}) < len(dates):
        return None
    lead = "- " if layout["sep"] == "\n- " else ""
    return Value(dates, lead + layout["sep"].join(d.text for d in dates))


def _span_layout(draw: Draw) -> Params:
    return {
        **_shaped(_LIST_SHAPES)(draw),
        "days": draw.pick((9, 14, 21)),
        "form": draw.pick(
            ("{0} to {1}", "{0} - {1}", "from {0} until {1}", "{0} -> {1}", "{0}..{1}", "{0} \u2013 {1}")
        ),
    }


def _ends(draw: Draw, layout: Params) -> tuple[date, date]:
    start = some_date(draw, layout)
    return start, start + timedelta(days=draw.between(1, layout["days"]))


def _span(draw: Draw, layout: Params) -> Value:
    write = SHAPES[layout["shape"]].write
    two = tuple(Dated(d, write(d)) for d in _ends(draw, layout))
    return Value(two, layout["form"].format(*(d.text for d in two)))


def _booking(draw: Draw, layout: Params) -> Value:
    write = SHAPES[layout["shape"]].write
    start, end = (Dated(d, write(d)) for d in _ends(draw, layout))
    fields = {"name": draw.pick(table("names", of="quantities")), "room": draw.between(101, 499)}
    return Value((start, end), layout["form"].format(start=start.text, end=end.text, **fields))


def _booking_layout(draw: Draw) -> Params:
    forms = (
        "{name}, room {room}: arrives {start}, leaves {end}",
        "Guest: {name}\nCheck-in: {start}\nCheck-out: {end}",
        "Room {room} ({name}): {start} until {end}",
        "{name} is on leave from {start} to {end}.",
    )
    return {**_shaped(_LIST_SHAPES)(draw), "days": draw.pick((7, 14)), "form": draw.pick(forms)}


def _same_month(draw: Draw, layout: Params) -> Value | None:
    start, end = _ends(draw, layout)
    if start.month != end.month:
        return None
    write = SHAPES["long"].write
    return Value((Dated(start, write(start)), Dated(end, write(end))), f"{start.day}{layout['dash']}{write(end)}")


def _agenda_layout(draw: Draw) -> Params:
    low, high = draw.pick(((2024, 2025), (2023, 2025), (2024, 2026)))
    return {
        "low": low,
        "high": high,
        "shape": draw.pick(("iso", "long", "short", "dotted")),
        "n": draw.between(3, 4),
        **draw.pick(
            (
                {"form": "{thing}: {date}", "sep": "\n"},
                {"form": "{thing}: {date}", "sep": "; "},
                {"form": "{date} {thing}", "sep": "\n"},
                {"form": "{thing} | {date}", "sep": "\n"},
                {"form": "- {thing}, {date}", "sep": "\n"},
                {"form": "{thing} on {date}", "sep": ", "},
            )
        ),
    }


def _agenda(draw: Draw, layout: Params) -> Value | None:
    write = SHAPES[layout["shape"]].write
    names = draw.some(table("event names", of="quantities"), layout["n"])
    things = {name: Dated(d := some_date(draw, layout), write(d)) for name in names}
    if len({d.date for d in things.values()}) < len(things):
        return None
    lines = [layout["form"].format(thing=name, date=d.text) for name, d in things.items()]
    return Value(things, layout["sep"].join(lines))


def _month_year(draw: Draw, layout: Params) -> Value:
    d = some_date(draw, layout).replace(day=1)
    written = (f"{month_name(d)} {d.year}", f"{d.month:02}/{d.year}", f"{d.year}-{d.month:02}")
    return Value((d.year, d.month), written[layout["shape"]])


_SINGLE = {
    "iso": "a date as YYYY-MM-DD",
    "dotted": "a date as DD.MM.YYYY",
    "british": "a date as day/month/year",
    "american": "a US-style date (month/day/year)",
    "long": "a date",
    "american long": "a date",
    "short": "a date with a short month name",
    "hyphens": "a date",
    "compact": "a date in compact form (YYYYMMDD)",
    "slashes": "a date",
}

INPUTS = (
    *(InputType(f"date {shape}", "date", _SINGLE[shape], "the date", _alone(shape), years) for shape in PLAIN_SHAPES),
    InputType("date weekday", "weekday date", "a date", "the date", _alone("weekday"), years),
    InputType("date weekday long", "weekday date", "a date", "the date", _alone("weekday long"), years),
    InputType("date mail", "weekday date", "the date of an e-mail", "the date", _alone("mail"), years),
    InputType("date weekday comma", "weekday date", "a date", "the date", _alone("weekday comma"), years),
    InputType(
        "date note", "date in text", "a note", "the date in the note", _in_note("date notes"), _shaped(_NOTE_SHAPES)
    ),
    InputType(
        "date file",
        "date in text",
        "a file name",
        "the date in the file name",
        _in_note("date files"),
        _shaped(_FILE_SHAPES),
    ),
    InputType(
        "date log",
        "date in text",
        "a log line",
        "the date of the log line",
        _in_note("log lines"),
        _shaped(("iso", "slashes")),
    ),
    InputType("date header", "date in text", "the head of a document", "the date", _header, _header_layout),
    InputType("date list", "dates", "a list of dates", "the list", _list, _list_layout),
    InputType("date span", "date span", "a span of dates", "the span", _span, _span_layout),
    InputType(
        "date span short",
        "date span",
        "a span of days in one month",
        "the span",
        _same_month,
        lambda d: {**years(d), "days": 14, "dash": d.pick(("-", " to ", "\u2013"))},
    ),
    InputType("date booking", "date span", "a booking or a leave", "the stay", _booking, _booking_layout),
    InputType("date agenda", "agenda", "a list of appointments", "the list", _agenda, _agenda_layout),
    InputType(
        "month and year",
        "month year",
        "a month of a year",
        "the month",
        _month_year,
        lambda d: {**years(d), "shape": d.between(0, 2)},
    ),
)
