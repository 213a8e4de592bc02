"""Two people with a number each, and places with opening hours."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ._parts import shaped, slot

_PAIR, _HOURS = ("pair text",), ("hours text",)


def _leader(best: Callable[[int, int], int]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        raw, slots = value.data["raw"], value.data["slots"]
        return slots["one"] if best(raw["n"], raw["m"]) == raw["n"] else slots["two"]

    return found


def _ranked(value: Value, _: Params) -> str | None:
    names = (_leader(max)(value, {}), _leader(min)(value, {}))
    return " > ".join(n for n in names if n)


def _open_at(value: Value, p: Params) -> bool | None:
    start, end, at = value.data["raw"]["start"], value.data["raw"]["end"], p["n"] * 60
    return None if at in (start, end) else start < at < end


OPERATIONS = (
    Operation("pair.most", _PAIR, "word", _leader(max)),
    Operation("pair.least", _PAIR, "word", _leader(min)),
    Operation("pair.high", _PAIR, "number", lambda v, _: str(max(v.data["raw"].values()))),
    Operation("pair.low", _PAIR, "number", lambda v, _: str(min(v.data["raw"].values()))),
    Operation("pair.first number", _PAIR, "number", slot("n")),
    Operation("pair.second number", _PAIR, "number", slot("m")),
    Operation("pair.names", _PAIR, "list", shaped("{one}, {two}")),
    Operation("pair.ranking", _PAIR, "code", _ranked),
    Operation("pair.table", _PAIR, "code", shaped("{one}={n};{two}={m}")),
    Operation("pair.sum", _PAIR, "number", lambda v, _: str(sum(v.data["raw"].values()))),
    Operation("hours.opens", _HOURS, "code", slot("start")),
    Operation("hours.closes", _HOURS, "code", slot("end")),
    Operation("hours.span", _HOURS, "code", shaped("{start}-{end}")),
    Operation("hours.place", _HOURS, "text", slot("place")),
)

CONDITIONS = (
    Condition(
        "pair first leads",
        _PAIR,
        lambda v, _: v.data["raw"]["n"] > v.data["raw"]["m"],
        ("the first person has the higher number", "the second number is the lower one"),
        ("the second person has the higher number", "the first number is the lower one"),
    ),
    Condition(
        "pair close",
        _PAIR,
        lambda v, _: abs(v.data["raw"]["n"] - v.data["raw"]["m"]) < 10,
        ("the two numbers are less than 10 apart",),
        ("the two numbers are 10 or more apart",),
    ),
    Condition(
        "hours open at",
        _HOURS,
        _open_at,
        ("the place is open at {n}:00", "{n}:00 lies within the opening hours"),
        ("the place is closed at {n}:00", "{n}:00 lies outside the opening hours"),
        params=picked(n=(8, 9, 10, 11, 16, 17, 18, 19, 20)),
    ),
    Condition(
        "hours late",
        _HOURS,
        lambda v, _: v.data["raw"]["end"] > 19 * 60 if v.data["raw"]["end"] != 19 * 60 else None,
        ("it closes after 7 pm", "it is still open after 19:00"),
        ("it closes before 7 pm", "it shuts earlier than 19:00"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
