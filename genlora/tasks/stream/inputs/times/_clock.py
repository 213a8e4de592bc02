"""Times of day, spans of time, durations, dates with times, and things with their times."""

from collections.abc import Callable

from ..._parts import Draw, InputType, Params, Value, picked
from ..._tables import table
from ._shapes import CLOCKS, SHAPES, Timed, note, some_date, years

_STEPS = (1, 1, 5, 15, 60)
"""Times are drawn on these grids in turn: any minute, and the rounder ones that people make appointments for."""
_NOTE_CLOCKS = ("24", "24", "12", "12 tight", "h")
_LIST_CLOCKS = ("24", "24 short", "12", "dot", "h")


def _some_time(draw: Draw) -> int:
    step = draw.pick(_STEPS)
    return draw.between(0, 1439 // step) * step


def _alone(*clocks: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        m = _some_time(draw)
        return Value(m, CLOCKS[clocks[layout["clock"] % len(clocks)]](m))

    return drawn


_alone_layout = picked(clock=range(0, 6))


def _in_note(draw: Draw, layout: Params) -> Value:
    m = _some_time(draw)
    return Value(m, note(draw, "time notes", time=CLOCKS[layout["clock"]](m)))


_note_layout = picked(clock=_NOTE_CLOCKS)


def _stamp(draw: Draw, layout: Params) -> Value:
    d, m = some_date(draw, layout), _some_time(draw)
    return Value((d, m), layout["form"].format(date=SHAPES[layout["shape"]].write(d), time=CLOCKS[layout["clock"]](m)))


def _stamp_layout(draw: Draw) -> Params:
    shape, clock, form = draw.pick(
        (
            ("iso", "24", "{date} {time}"),
            ("iso", "24", "{date}T{time}:00"),
            ("iso", "24", "{date}T{time}Z"),
            ("american", "12 caps", "{date} {time}"),
            ("american long", "12", "{date} at {time}"),
            ("mail", "24", "{date} {time}:00 +0000"),
            ("dotted", "24", "{date}, {time}"),
            ("dotted", "24", "{time}, {date}"),
            ("long", "24", "{date}, {time}"),
            ("short", "24 short", "{date} {time}"),
            ("compact", "compact", "{date}-{time}"),
        )
    )
    return {**years(draw), "shape": shape, "clock": clock, "form": form}


def _stamp_note_layout(draw: Draw) -> Params:
    form = draw.pick(
        (
            "From: {{name}}\nSent: {date} {time}",
            "{{name}} wrote on {date} at {time}:",
            "Order {{n}} placed {date}, {time}",
            "Next check-up: {date}, {time}, room {{n}}",
            "[{date} {time}] {{name}}: hello?",
        )
    )
    shape, clock = draw.pick(
        (("iso", "24"), ("long", "24"), ("short", "12"), ("american long", "12"), ("dotted", "24"))
    )
    return {**years(draw), "shape": shape, "clock": clock, "form": form}


def _stamp_note(draw: Draw, layout: Params) -> Value:
    drawn = _stamp(draw, layout)
    name = draw.pick(table("names", of="quantities"))
    return Value(drawn.data, drawn.text.format(name=name, n=draw.between(101, 999)))


def _span_times(draw: Draw, layout: Params) -> tuple[Timed, Timed]:
    write = CLOCKS[layout["clock"]]
    start = draw.between(6 * 4, layout["last"] * 4) * 15
    end = start + draw.between(layout["least"], layout["most"]) * 15
    return Timed(start, write(start)), Timed(end, write(end))


def _span(draw: Draw, layout: Params) -> Value:
    start, end = _span_times(draw, layout)
    fields = {"name": draw.pick(table("names", of="quantities")), "n": draw.between(101, 999)}
    thing = draw.pick(table("event names", of="quantities"))
    return Value((start, end), layout["form"].format(start=start.text, end=end.text, thing=thing, **fields))


def _span_layout(*forms: str) -> Callable[[Draw], Params]:
    def drawn(draw: Draw) -> Params:
        least, most = draw.pick(((1, 8), (2, 6), (2, 16)))
        clock = draw.pick(("24", "24", "24 short", "12", "12 tight", "dot"))
        return {"least": least, "most": most, "last": 18, "clock": clock, "form": draw.pick(forms)}

    return drawn


def _hours_layout(draw: Draw) -> Params:
    forms = ("Mon-Fri {start}-{end}", "Open {start} to {end}", "Opening hours: {start} - {end}", "daily {start}-{end}")
    return {
        "least": 26,
        "most": 44,
        "last": 11,
        "clock": draw.pick(("24", "24 short", "12 tight")),
        "form": draw.pick(forms),
    }


def _words_of(m: int) -> str:
    hours, minutes = divmod(m, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(parts)


def _iso_duration(m: int) -> str:
    hours, minutes = divmod(m, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")


_LENGTHS: dict[str, Callable[[int], str]] = {
    "h min": _words_of,
    "tight": lambda m: _words_of(m).replace(" h", "h").replace(" min", "m"),
    "minutes": lambda m: f"{m} minutes",
    "clock": lambda m: f"{m // 60}:{m % 60:02} h",
    "seconds": lambda m: f"{m // 60:02}:{m % 60:02}:00",
    "iso": _iso_duration,
    "decimal": lambda m: f"{m / 60:.2f}".rstrip("0").rstrip(".") + " hours",
}
_DURATION_NOTES = (
    "Drive to {town}: {length}, toll {n} ct",
    "{name} trained for {length}.",
    "Video {n}, {length}, by {name}",
    "Task {v} took {length} of work.",
    "Flight {n} to {town}, {length}",
    "Bake {v} loaves for {length}",
)


def _duration(shape: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        step = 15 if shape == "decimal" else layout["step"]
        m = draw.between(layout["low"] // step, layout["high"] // step) * step
        return Value(m, _LENGTHS[shape](m))

    return drawn


def _duration_layout(draw: Draw) -> Params:
    low, high = draw.pick(((65, 300), (30, 240), (61, 600), (20, 200)))
    return {
        "low": low,
        "high": high,
        "step": draw.pick((1, 5, 5, 15)),
        "shape": draw.pick(("h min", "minutes", "tight")),
    }


def _duration_note(draw: Draw, layout: Params) -> Value:
    m = draw.between(layout["low"] // layout["step"], layout["high"] // layout["step"]) * layout["step"]
    names = {"name": draw.pick(table("names", of="quantities")), "town": draw.pick(table("towns", of="quantities"))}
    length = _LENGTHS[layout["shape"]](m)
    text = draw.pick(_DURATION_NOTES)
    return Value(m, text.format(length=length, n=draw.between(101, 999), v=draw.between(2, 9), **names))


def _list_layout(draw: Draw) -> Params:
    n = draw.between(3, 4)
    return {
        "step": draw.pick((5, 15, 30)),
        "clock": draw.pick(_LIST_CLOCKS),
        "n": n,
        "more": draw.between(0, 2),
        "sep": draw.pick((", ", "; ", " | ", "\n", " / ", " ")),
    }


def _list(draw: Draw, layout: Params) -> Value | None:
    n = layout["n"] + draw.between(0, layout["more"])
    if layout["clock"] == "12" and layout["sep"] == " ":
        return None
    found = [draw.between(0, 1439 // layout["step"]) * layout["step"] for _ in range(n)]
    times = tuple(Timed(m, CLOCKS[layout["clock"]](m)) for m in found)
    return Value(times, layout["sep"].join(t.text for t in times)) if len(set(found)) == n else None


def _timetable_layout(draw: Draw) -> Params:
    return {
        "step": draw.pick((15, 30, 30)),
        "clock": draw.pick(("24", "24 short", "12")),
        "n": draw.between(3, 4),
        "form": draw.pick(
            ("{time} {thing}", "{thing}: {time}", "{thing} at {time}", "{time} - {thing}", "{thing}|{time}")
        ),
        "sep": draw.pick(("\n", "\n", ", ", "; ")),
        "sorted": draw.chance(0.4),
    }


def _timetable(draw: Draw, layout: Params) -> Value | None:
    found = [
        draw.between(7 * 60 // layout["step"], 20 * 60 // layout["step"]) * layout["step"] for _ in range(layout["n"])
    ]
    if len(set(found)) < len(found):
        return None
    if layout["sorted"]:
        found.sort()
    names = draw.some(table("event names", of="quantities"), len(found))
    things = {name: Timed(m, CLOCKS[layout["clock"]](m)) for name, m in zip(names, found, strict=True)}
    lines = [layout["form"].format(thing=name, time=t.text) for name, t in things.items()]
    return Value(things, layout["sep"].join(lines))


_EACH = (
    ("h min", "a duration in hours and minutes"),
    ("tight", "a duration"),
    ("minutes", "a duration in minutes"),
    ("clock", "a duration as hours:minutes"),
    ("seconds", "a duration as hours:minutes:seconds"),
    ("iso", "an ISO 8601 duration"),
    ("decimal", "a duration in hours"),
)

INPUTS = (
    InputType("time 24 h", "time", "a time in 24-hour format", "the time", _alone("24", "24 short"), _alone_layout),
    InputType(
        "time 12 h", "time", "a time with am or pm", "the time", _alone("12", "12 caps", "12 tight"), _alone_layout
    ),
    InputType("time h", "time", "a time", "the time", _alone("h", "dot"), _alone_layout),
    InputType("time note", "time in text", "a note with a time", "the time in the note", _in_note, _note_layout),
    InputType("date and time", "stamp", "a date with a time", "the timestamp", _stamp, _stamp_layout),
    InputType(
        "date and time note",
        "stamp",
        "a note with date and time",
        "the moment in the note",
        _stamp_note,
        _stamp_note_layout,
    ),
    InputType(
        "time span",
        "time span",
        "a span of time",
        "the span",
        _span,
        _span_layout("{start}-{end}", "{start} - {end}", "from {start} to {end}", "{start} to {end}", "{start}..{end}"),
    ),
    InputType(
        "time span note",
        "time span",
        "a calendar entry",
        "the entry",
        _span,
        _span_layout(
            "{thing}, {start}-{end}, room {n}",
            "{start}-{end} {thing} ({name})",
            "{name} has {thing} from {start} to {end}.",
            "{thing}\nstart: {start}\nend: {end}",
            "{name}, desk {n}: {start} to {end}",
        ),
    ),
    InputType("opening hours", "time span", "opening hours", "the opening hours", _span, _hours_layout),
    *(InputType(f"duration {s}", "duration", a, "the duration", _duration(s), _duration_layout) for s, a in _EACH),
    InputType(
        "duration note",
        "duration",
        "a note with a duration",
        "the duration in the note",
        _duration_note,
        _duration_layout,
    ),
    InputType("time list", "times", "a list of times", "the list", _list, _list_layout),
    InputType("timetable", "timetable", "a timetable", "the timetable", _timetable, _timetable_layout),
)
