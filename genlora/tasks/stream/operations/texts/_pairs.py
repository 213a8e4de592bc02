"""Two people with a number each, and places with opening hours."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
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
    Operation(
        "pair.most",
        _PAIR,
        "word",
        _leader(max),
        (
            "name the person with the higher number",
            "compare the two numbers: which name goes with the larger one?",
            "pick the one who leads (the larger figure)",
        ),
        ("the person with the larger number", "the name next to the higher figure"),
        ("who has the higher number?",),
    ),
    Operation(
        "pair.least",
        _PAIR,
        "word",
        _leader(min),
        (
            "name the person with the lower number",
            "compare the two numbers: which name goes with the smaller one?",
            "pick the one who is behind (the smaller figure)",
        ),
        ("the person with the smaller number", "the name next to the lower figure"),
        ("who has the lower number?",),
    ),
    Operation(
        "pair.high",
        _PAIR,
        "number",
        lambda v, _: str(max(v.data["raw"].values())),
        (
            "write the higher of the two numbers",
            "extract the larger figure in {the}",
            "compare both figures: give the bigger one",
        ),
        ("the larger of the two numbers", "the higher figure"),
        ("what is the higher number?",),
    ),
    Operation(
        "pair.low",
        _PAIR,
        "number",
        lambda v, _: str(min(v.data["raw"].values())),
        (
            "write the lower of the two numbers",
            "extract the smaller figure in {the}",
            "compare both figures: give the smaller one",
        ),
        ("the smaller of the two numbers", "the lower figure"),
        ("what is the lower number?",),
    ),
    Operation(
        "pair.first number",
        _PAIR,
        "number",
        slot("n"),
        (
            "write the number of the person named first",
            "give the figure that belongs to the first name",
            "read off the figure of whoever is mentioned first",
        ),
        ("the number of the first person", "the figure that goes with the first name"),
        ("what is the number of the person named first?",),
    ),
    Operation(
        "pair.second number",
        _PAIR,
        "number",
        slot("m"),
        (
            "write the number of the person named second",
            "give the figure that belongs to the second name",
            "read off the figure of whoever is mentioned second",
        ),
        ("the number of the second person", "the figure that goes with the second name"),
        ("what is the number of the person named second?",),
    ),
    Operation(
        "pair.names",
        _PAIR,
        "list",
        shaped("{one}, {two}"),
        (
            "list both names in the order of {the}",
            "extract the two people, separated by a comma",
            "drop the numbers: only both names, with a comma between",
        ),
        ("the two names, comma-separated", "both people in the order in which they are named"),
    ),
    Operation(
        "pair.ranking",
        _PAIR,
        "code",
        _ranked,
        (
            "rank the two people by their numbers, higher first, with > between the names",
            "write the names as larger > smaller",
            "show who is ahead of whom in the form Eve > Max",
        ),
        (
            "both names with > between them, the higher number first",
            "the ranking in the form Eve > Max",
        ),
    ),
    Operation(
        "pair.table",
        _PAIR,
        "code",
        shaped("{one}={n};{two}={m}"),
        (
            "write name=number for both people, with a semicolon between",
            "turn {the} into Eve=1;Max=2 with the real names and numbers, order unchanged",
            "save both values as <name>=<number>;<name>=<number>",
        ),
        (
            "{the} in the form name=number;name=number",
            "both values as <name>=<number>, joined by a semicolon",
        ),
    ),
    Operation(
        "pair.sum",
        _PAIR,
        "number",
        lambda v, _: str(sum(v.data["raw"].values())),
        (
            "add up the numbers of both people",
            "give the total of the two figures",
            "work out how much the two make together",
        ),
        ("the sum of both numbers", "the total of the two figures"),
        ("what do the two numbers add up to?",),
    ),
    Operation(
        "hours.opens",
        _HOURS,
        "code",
        slot("start"),
        (
            "write the time at which it opens, as it is written",
            "extract the opening time",
            "copy the start of the hours",
        ),
        ("the opening time", "the time from which it is open"),
        ("when does it open?",),
    ),
    Operation(
        "hours.closes",
        _HOURS,
        "code",
        slot("end"),
        (
            "write the time at which it closes, as it is written",
            "extract the closing time",
            "copy the end of the hours",
        ),
        ("the closing time", "the time until which it is open"),
        ("when does it close?",),
    ),
    Operation(
        "hours.span",
        _HOURS,
        "code",
        shaped("{start}-{end}"),
        (
            "write opening and closing time with a hyphen between, no spaces around it",
            "shorten {the} to opening-closing, the times as they are written",
            "compress the hours to <opening>-<closing>",
        ),
        ("the hours as opening-closing", "both times joined by a hyphen, the opening first"),
    ),
    Operation(
        "hours.place",
        _HOURS,
        "text",
        slot("place"),
        (
            "name the place that is open, without an article",
            "extract which place {the} is about",
            "say whose hours these are, just the noun",
        ),
        ("the kind of place, no article", "the place whose hours are given"),
        ('which place is it? Leave out "the"',),
    ),
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
        params=lambda d: {"n": d.pick((8, 9, 10, 11, 16, 17, 18, 19, 20))},
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
