"""Meetings with room and host, meetings that move, and two people with a number each."""

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ._frames import fill, framed, style, texts, written_time

_MEETING = {"topic": "topic", "day": "day", "time": "time", "room": "room", "who": "first name"}
_RANGES = ((1, 12), (10, 60), (18, 80), (50, 400))


def _move(name: str, of: str, a: str, the: str) -> InputType:
    """Old and new are weekdays of one week, or times of one day."""
    slots = {"old": of, "new": of, "topic": "topic", "who": "first name"}

    def layout(draw: Draw) -> Params:
        frames = texts(f"frames: {name}")
        made = {**style(draw), "days": ["weekday"]}
        return {**made, "frames": draw.some(frames, draw.between(2, len(frames)))}

    return InputType(
        name, "move text", a, the, lambda d, layout: fill(d, d.pick(layout["frames"]), layout, slots), layout
    )


def _pair(name: str, a: str, the: str) -> InputType:
    def layout(draw: Draw) -> Params:
        frames = texts(f"frames: {name}")
        low, high = (18, 80) if name == "age pair" else draw.pick(_RANGES)
        return {"low": low, "high": high, "frames": draw.some(frames, draw.between(2, len(frames)))}

    def drawn(draw: Draw, layout: Params) -> Value | None:
        one, two = draw.some(texts("first names"), 2)
        n, m = (draw.between(layout["low"], layout["high"]) for _ in range(2))
        if n == m:
            return None
        shown = {"one": one, "two": two, "n": str(n), "m": str(m)}
        return Value({"slots": shown, "raw": {"n": n, "m": m}}, draw.pick(layout["frames"]).format(**shown))

    return InputType(name, "pair text", a, the, drawn, layout)


def _opening(draw: Draw, layout: Params) -> Value:
    """A shop and its hours: from and to are times."""
    place = draw.pick(texts("places"))
    start = draw.between(6, 12) * 60 + draw.pick((0, 0, 30))
    end = draw.between(14, 23) * 60 + draw.pick((0, 0, 30))
    n = draw.between(0, 6)
    shown = {
        "place": place,
        "start": written_time(start, layout["times"]),
        "end": written_time(end, layout["times"]),
        "day": texts("weekdays")[n],
    }
    return Value(
        {"slots": shown, "raw": {"start": start, "end": end, "day": n}}, draw.pick(layout["frames"]).format(**shown)
    )


INPUTS = (
    framed("calendar note", "meeting text", "a calendar note", "the note", _MEETING),
    framed("invitation", "meeting text", "an invitation", "the invitation", _MEETING),
    framed("booking message", "meeting text", "a message about a meeting", "the message", _MEETING),
    _move("day move", "day", "a note that a meeting moves to another day", "the note"),
    _move("time move", "time", "a note that a meeting moves to another time", "the note"),
    _pair("age pair", "a line about the ages of two people", "the line"),
    _pair("score pair", "a result of two players", "the result"),
    _pair("sales pair", "a sentence about what two people did", "the sentence"),
    InputType(
        "shop hours",
        "hours text",
        "a sentence about opening hours",
        "the sentence",
        _opening,
        lambda d: {**style(d), "frames": d.some(texts("frames: shop hours"), d.between(2, 6))},
    ),
)
