"""Letters of whatever is one short word, so that no input of one word gives its task away."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import table
from ..facts._places import ORDINALS

_ON = (
    "noun",
    "plural",
    "verb",
    "verb form",
    "adjective",
    "adjective form",
    "animal",
    "element",
    "unit name",
    "state",
    "long form",
    "British",
    "American",
    "British term",
    "Greek letter",
    "code word",
    "gendered",
    "opposed",
    "deed",
    "English word",
    "English name",
    "foreign word",
    "foreign name",
)


def _on(edit: Callable[[str, Params], str | None]) -> Callable[[Value, Params], str | None]:
    """Work on what is written, since the data of a foreign word holds its language as well."""
    return lambda value, p: edit(value.text, p)


def _cut(draw: Draw) -> Params:
    n = draw.between(2, 4)
    return {"n": n, "nth": ORDINALS[n - 1]}


_letter = picked(letter="aeiourstnl", other="hkmpdg")


_affix = picked(
    head=("my_", "#", "@", "non-", "pre-", "~", "new ", "re-", "a.", "no ", "1. ", "- "),
    tail=(".", "!", "?", ":", ";", ".txt", "_2", "...", " (new)", "/"),
)


def _word(draw: Draw) -> Params:
    return {"word": draw.pick(table("labels"))}


OPERATIONS = (
    Operation("short.capitals", _ON, "code", _on(lambda w, _: w.upper())),
    Operation(
        "short.first n",
        _ON,
        "word",
        _on(lambda w, p: w[: p["n"]] if len(w) > p["n"] and " " not in w[: p["n"] + 1] else None),
        params=_cut,
    ),
    Operation(
        "short.last n",
        _ON,
        "word",
        _on(lambda w, p: w[-p["n"] :] if len(w) > p["n"] and " " not in w[-p["n"] :] else None),
        params=_cut,
    ),
    Operation(
        "short.nth letter",
        _ON,
        "code",
        _on(lambda w, p: w[p["n"] - 1].lower() if len(w) >= p["n"] and w[p["n"] - 1].isalpha() else None),
        params=_cut,
    ),
    Operation("short.count letters", _ON, "number", _on(lambda w, _: str(sum(c.isalpha() for c in w)))),
    Operation("short.count letter", _ON, "number", _on(lambda w, p: str(w.lower().count(p["letter"]))), params=_letter),
    Operation(
        "short.replace letter",
        _ON,
        "word",
        _on(lambda w, p: w.replace(p["letter"], p["other"]) if p["letter"] in w else None),
        params=_letter,
    ),
    Operation("short.prepend", _ON, "code", _on(lambda w, p: p["head"] + w), params=_affix),
    Operation("short.append", _ON, "code", _on(lambda w, p: (w + p["tail"]).rstrip()), params=_affix),
    Operation("short.pair with", _ON, "text", _on(lambda w, p: f"{w}, {p['word']}"), params=_word),
    Operation(
        "short.alphabetical pair",
        _ON,
        "list",
        _on(lambda w, p: ", ".join(sorted((w, p["word"]), key=str.lower)) if w.isascii() and w != p["word"] else None),
        params=_word,
    ),
)

CONDITIONS = (
    Condition(
        "short before m",
        _ON,
        lambda v, _: v.text[0].lower() < "m" if v.text[0].isascii() else None,
        ("the first letter comes before m in the alphabet", "it starts with one of a to l"),
        ("the first letter is m or later in the alphabet", "it starts with one of m to z"),
    ),
    Condition(
        "short long",
        _ON,
        lambda v, p: sum(c.isalpha() for c in v.text) > p["length"],
        ("{the} has more than {length} letters", "it is longer than {length} letters"),
        ("{the} has {length} letters or fewer", "it is at most {length} letters long"),
        params=picked(length=range(4, 8)),
    ),
    Condition(
        "short has letter",
        _ON,
        lambda v, p: p["letter"] in v.text.lower(),
        ('there is an "{letter}" in it', 'the letter "{letter}" occurs in {the}'),
        ('there is no "{letter}" in it', 'the letter "{letter}" is missing'),
        params=_letter,
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
