"""Lists of words, names and things as people paste them: numbered, in a sentence, as an array, under a heading ..."""

from collections.abc import Callable, Sequence
from typing import Any

from genlora.tasks._draw import Draw

from ..._lexicon import VOCABULARIES, items
from ..._parts import InputType, Params, Value

Write = Callable[[Sequence[str], Params], str]

_HEADINGS = {
    "first names": ("Name", "name", "Attendees", "Guests", "Team", "Present"),
    "cities": ("City", "city", "Stops", "Offices", "Destinations"),
    "countries": ("Country", "country", "Markets", "Destinations"),
    "groceries": ("To buy", "Shopping", "Groceries", "Ingredients"),
    "supplies": ("To order", "Stock", "Supplies"),
    "tags": ("Tags", "tags", "Labels", "Topics"),
}
_OTHER_HEADINGS = ("Items", "item", "Keywords", "Entries", "words", "List", "value")
_SENTENCES = {
    "first names": ("{} are coming.", "I invited {}.", "Please copy in {}.", "The winners were {}.", "On leave: {}."),
    "cities": ("We fly to {}.", "The tour stops in {}.", "Our offices are in {}.", "Trains leave for {}."),
    "countries": ("We deliver to {}.", "She has lived in {}.", "The report covers {}.", "Guests came from {}."),
    "groceries": ("I need {}.", "Please buy {}.", "We are out of {}.", "The order was {}.", "Don't forget {}."),
    "supplies": ("Order more {}.", "We are short of {}.", "The cupboard holds {}.", "They delivered {}."),
    "tags": ("Tag it as {}.", "The labels are {}.", "It was filed under {}."),
}
_OTHER_SENTENCES = ("The words are {}.", "Look up {}.", "My keywords are {}.", "Today we learned {}.", "They chose {}.")


def layout(**choices: Sequence[Any]) -> Callable[[Draw], Params]:
    """A layout with a vocabulary, a number of items, and one of each of `choices`."""

    def drawn(draw: Draw) -> Params:
        low = draw.between(3, 5)
        vocabulary = draw.pick(VOCABULARIES)
        return {
            "vocabulary": vocabulary,
            "low": low,
            "high": low + draw.between(0, 2),
            "heading": draw.pick(_HEADINGS.get(vocabulary, _OTHER_HEADINGS)),
            "frames": draw.some(_SENTENCES.get(vocabulary, _OTHER_SENTENCES), draw.between(1, 3)),
            **{key: draw.pick(options) for key, options in choices.items()},
        }

    return drawn


def drawn_list(write: Write) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, p: Params) -> Value:
        words = items(draw, p["vocabulary"], draw.between(p["low"], p["high"]))
        return Value(words, write(words, {**p, "frame": draw.pick(p["frames"])}))

    return drawn


def of(vocabulary: str, **choices: Sequence[Any]) -> Callable[[Draw], Params]:
    shared = layout(**choices)
    return lambda draw: {**shared(draw), "vocabulary": vocabulary}


def enumerated(words: Sequence[str], last: str) -> str:
    """Items joined by commas, with `last` (" and ", " or " ...) before the last one."""
    return f"{', '.join(words[:-1])}{last}{words[-1]}"


def numbered(words: Sequence[str], p: Params) -> str:
    return p["between"].join(p["mark"].format(i) + w for i, w in enumerate(words, start=1))


def framed(words: Sequence[str], p: Params) -> str:
    return p["frame"].format(enumerated(words, p["last"]))


def wrapped(words: Sequence[str], p: Params) -> str:
    quote = p["quote"]
    return p["around"].format(", ".join(f"{quote}{w}{quote}" for w in words))


def tagged(words: Sequence[str], p: Params) -> str:
    tag, outer = p["tags"].split()
    inside = "".join(f"<{tag}>{w}</{tag}>" for w in words)
    return inside if outer == "-" else f"<{outer}>{inside}</{outer}>"


def separated(words: Sequence[str], p: Params) -> str:
    return p["sep"].join(words)


_AND = (" and ", " and ", ", and ", " & ", " or ")

INPUTS = (
    InputType(
        "numbered list",
        "words",
        "a numbered list",
        "the list",
        drawn_list(numbered),
        layout(mark=("{}. ", "{}) ", "({}) ", "{}: ", "#{} "), between=("\n", "\n", " ", "; ")),
    ),
    InputType(
        "enumeration",
        "words",
        "an enumeration",
        "the list",
        drawn_list(lambda w, p: enumerated(w, p["last"])),
        layout(last=_AND),
    ),
    InputType(
        "sentence with a list",
        "words",
        "a sentence that lists things",
        "the list",
        drawn_list(framed),
        layout(last=_AND[:3]),
    ),
    InputType(
        "quoted list",
        "words",
        "a list of quoted words",
        "the list",
        drawn_list(wrapped),
        layout(quote=('"', "'", "`"), around=("{}",)),
    ),
    InputType(
        "array",
        "words",
        "an array of strings",
        "the array",
        drawn_list(wrapped),
        layout(quote=('"', '"', "'", ""), around=("[{}]", "[{}]", "({})", "{{{}}}")),
    ),
    InputType(
        "one per line",
        "words",
        "several lines with one entry each",
        "the list",
        drawn_list(lambda w, p: "\n".join(x + p["end"] for x in w)),
        layout(end=("", "", ",", ";", ".")),
    ),
    InputType(
        "joined words",
        "words",
        "words joined into one string",
        "the list",
        drawn_list(separated),
        layout(sep=("-", "/", ".", "|", ">", ":")),
    ),
    InputType(
        "list with a label",
        "words",
        "a list with a label in front",
        "the list",
        drawn_list(lambda w, p: p["heading"] + p["colon"] + p["sep"].join(w)),
        layout(colon=(": ", " - ", " = "), sep=(", ", ", ", "; ", " | ", " / ")),
    ),
    InputType(
        "column",
        "words",
        "a column with a heading on its first line",
        "the column",
        drawn_list(lambda w, p: "\n".join([p["heading"] + p["under"], *w])),
        layout(under=("", ":", "\n---")),
    ),
    InputType(
        "marked-up list",
        "words",
        "a marked-up list",
        "the list",
        drawn_list(tagged),
        layout(tags=("li ul", "li ol", "item items", "option select", "tag -", "b -")),
    ),
    InputType(
        "chain",
        "words",
        "a chain of steps",
        "the chain",
        drawn_list(lambda w, p: p["arrow"].join(w)),
        layout(arrow=(" -> ", " > ", " => ", " → ", " >> ")),
    ),
    InputType(
        "name list",
        "words",
        "a list of names",
        "the list",
        drawn_list(separated),
        of("first names", sep=(", ", ", ", "; ", "\n", " / ", " & ", " ")),
    ),
    InputType(
        "city list",
        "words",
        "a list of cities",
        "the list",
        drawn_list(separated),
        of("cities", sep=(", ", ", ", "; ", "\n", " / ", " - ")),
    ),
    InputType(
        "country list",
        "words",
        "a list of countries",
        "the list",
        drawn_list(separated),
        of("countries", sep=(", ", ", ", "; ", "\n", " / ", " | ")),
    ),
)
