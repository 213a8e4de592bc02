"""Lists of things, where what they are matters: mixed kinds, and one kind with an intruder."""

from genlora.tasks._draw import Draw

from ..._lexicon import COMMON_KINDS, is_a, of_kind
from ..._parts import InputType, Params, Value
from ._wordlists import drawn_list, enumerated, framed, numbered, of, separated, tagged, wrapped


def _intruder(draw: Draw, layout: Params) -> Value | None:
    """Things of one kind, and one that is of another."""
    kind, other = draw.some(COMMON_KINDS, 2)
    words = draw.some(of_kind(kind), draw.between(layout["low"], layout["high"]) - 1)
    outside = [w for w in draw.some(of_kind(other), 10) if is_a(w, kind) is False]
    if not outside:
        return None
    words.insert(draw.between(0, len(words)), outside[0])
    return Value(tuple(words), layout["write"](words, {**layout, "frame": draw.pick(layout["frames"])}))


_COMMAS = (", ", ", ", "; ", " / ", " | ", " ", "\n")
_LAST = (" and ", " and ", ", and ", " & ", " or ")

INPUTS = (
    InputType(
        "separated things", "things", "a list of things", "the list", drawn_list(separated), of("kinds", sep=_COMMAS)
    ),
    InputType(
        "numbered things",
        "things",
        "a numbered list of things",
        "the list",
        drawn_list(numbered),
        of("kinds", mark=("{}. ", "{}) ", "[{}] "), between=("\n", "\n", "; ", ", ")),
    ),
    InputType(
        "things with and",
        "things",
        "an enumeration of things",
        "the list",
        drawn_list(lambda w, p: enumerated(w, p["last"])),
        of("kinds", last=_LAST),
    ),
    InputType(
        "sentence with things",
        "things",
        "a sentence that lists things",
        "the list",
        drawn_list(framed),
        of("kinds", last=_LAST[:3]),
    ),
    InputType(
        "array of things",
        "things",
        "an array of words",
        "the array",
        drawn_list(wrapped),
        of("kinds", quote=('"', "'", ""), around=("[{}]", "[{}]", "({})")),
    ),
    InputType(
        "column of things",
        "things",
        "a column with a heading on its first line",
        "the column",
        drawn_list(lambda w, p: "\n".join([p["heading"], *w])),
        of(
            "kinds",
        ),
    ),
    InputType(
        "labelled things",
        "things",
        "a line with a label and several things",
        "the line",
        drawn_list(lambda w, p: p["heading"] + p["colon"] + p["sep"].join(w)),
        of("kinds", colon=(": ", " - ", " = "), sep=_COMMAS[:5]),
    ),
    InputType(
        "marked-up things",
        "things",
        "a marked-up list of things",
        "the list",
        drawn_list(tagged),
        of("kinds", tags=("li ul", "item items", "td tr", "b -", "span -")),
    ),
    InputType(
        "bulleted things",
        "things",
        "a bulleted list of things",
        "the list",
        drawn_list(lambda w, p: "\n".join(f"{p['mark']} {x}" for x in w)),
        of("kinds", mark=("-", "*", "•", "+", "[ ]")),
    ),
    InputType(
        "list with an intruder",
        "odd words",
        "a list of things",
        "the list",
        _intruder,
        of("kinds", write=(separated,), sep=_COMMAS),
    ),
    InputType(
        "numbered list with an intruder",
        "odd words",
        "a numbered list of things",
        "the list",
        _intruder,
        of("kinds", write=(numbered,), mark=("{}. ", "{}) ", "[{}] "), between=("\n", "\n", "; ", ", ")),
    ),
    InputType(
        "sentence with an intruder",
        "odd words",
        "a sentence that lists things",
        "the list",
        _intruder,
        of("kinds", write=(framed,), last=_LAST[:3]),
    ),
)
