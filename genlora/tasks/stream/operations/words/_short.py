"""Letters of whatever is one short word, so that no input of one word gives its task away."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
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


def _letter(draw: Draw) -> Params:
    return {"letter": draw.pick("aeiourstnl"), "other": draw.pick("hkmpdg")}


def _affix(draw: Draw) -> Params:
    return {
        "head": draw.pick(("my_", "#", "@", "non-", "pre-", "~", "new ", "re-", "a.", "no ", "1. ", "- ")),
        "tail": draw.pick((".", "!", "?", ":", ";", ".txt", "_2", "...", " (new)", "/")),
    }


def _word(draw: Draw) -> Params:
    return {"word": draw.pick(table("labels"))}


OPERATIONS = (
    Operation(
        "short.capitals",
        _ON,
        "code",
        _on(lambda w, _: w.upper()),
        ("write {the} in capital letters", "convert the input to upper case", "put it in caps for a heading"),
        ("{the} in capitals", "the upper-case form"),
        ("how does {the} look in capitals?",),
    ),
    Operation(
        "short.first n",
        _ON,
        "word",
        _on(lambda w, p: w[: p["n"]] if len(w) > p["n"] and " " not in w[: p["n"] + 1] else None),
        (
            "keep only the first {n} letters",
            "shorten {the} to {n} letters",
            "cut off everything after letter {n}",
        ),
        (
            "the first {n} letters of {the}",
            "a prefix of {n} letters",
        ),
        ("what are the first {n} letters?",),
        params=_cut,
    ),
    Operation(
        "short.last n",
        _ON,
        "word",
        _on(lambda w, p: w[-p["n"] :] if len(w) > p["n"] and " " not in w[-p["n"] :] else None),
        ("keep only the last {n} letters", "write the ending of {the}: {n} letters", "give the final {n} letters"),
        (
            "the last {n} letters of {the}",
            "an ending of {n} letters",
        ),
        ("what are the last {n} letters?",),
        params=_cut,
    ),
    Operation(
        "short.nth letter",
        _ON,
        "code",
        _on(lambda w, p: w[p["n"] - 1].lower() if len(w) >= p["n"] and w[p["n"] - 1].isalpha() else None),
        (
            "give the {nth} letter, in lower case",
            "write letter number {n} of {the} as a small letter",
            "skip to letter {n} and write only that one, small",
        ),
        ("the {nth} letter of {the}, in lower case", "letter number {n}, small"),
        ("what is the {nth} letter (small)?",),
        _cut,
    ),
    Operation(
        "short.count letters",
        _ON,
        "number",
        _on(lambda w, _: str(sum(c.isalpha() for c in w))),
        ("count the letters", "say how many letters {the} has", "measure the length of {the} in letters"),
        (
            "the number of letters in {the}",
            "the length of {the} in letters",
        ),
        ("how many letters does it have?",),
    ),
    Operation(
        "short.count letter",
        _ON,
        "number",
        _on(lambda w, p: str(w.lower().count(p["letter"]))),
        (
            'count how often "{letter}" occurs in {the}',
            "say how many times the letter {letter} is in it",
            "look for the letter {letter} and write the number of hits",
        ),
        (
            'the number of times "{letter}" occurs in {the}',
            "the count of the letter {letter}",
        ),
        ("how many {letter}s are in {the}?",),
        _letter,
    ),
    Operation(
        "short.replace letter",
        _ON,
        "word",
        _on(lambda w, p: w.replace(p["letter"], p["other"]) if p["letter"] in w else None),
        (
            'replace every "{letter}" by "{other}"',
            "write {other} wherever {the} has the letter {letter}",
            "misspell it on purpose: {other} for {letter}",
        ),
        (
            '{the} with "{other}" in place of "{letter}"',
            '{the} misspelled, "{other}" for "{letter}"',
        ),
        ('what is {the} with "{other}" instead of "{letter}"?',),
        params=_letter,
    ),
    Operation(
        "short.prepend",
        _ON,
        "code",
        _on(lambda w, p: p["head"] + w),
        (
            'put "{head}" directly in front of {the}',
            'add "{head}" at the start and change nothing else',
            'write "{head}" and then {the}, with nothing between them',
        ),
        (
            '{the} with "{head}" in front',
            '"{head}" and then {the}',
        ),
        ('how does it look with "{head}" in front?',),
        params=_affix,
    ),
    Operation(
        "short.append",
        _ON,
        "code",
        _on(lambda w, p: (w + p["tail"]).rstrip()),
        (
            'put "{tail}" directly after {the}',
            'add "{tail}" at the end and change nothing else',
            'write {the} and then "{tail}", with nothing between them',
        ),
        (
            '{the} followed by "{tail}"',
            '{the} and then "{tail}"',
        ),
        ('how does it look with "{tail}" after it?',),
        params=_affix,
    ),
    Operation(
        "short.pair with",
        _ON,
        "text",
        _on(lambda w, p: f"{w}, {p['word']}"),
        (
            'write {the}, a comma, and "{word}"',
            'start a list: first {the}, then "{word}"',
            "make it a list of two: {the}, {word}",
        ),
        (
            '{the} and "{word}", separated by a comma',
            'a list of two: {the}, then "{word}"',
        ),
        ('how does a list of {the} and "{word}" look, with a comma?',),
        params=_word,
    ),
    Operation(
        "short.alphabetical pair",
        _ON,
        "list",
        _on(lambda w, p: ", ".join(sorted((w, p["word"]), key=str.lower)) if w.isascii() and w != p["word"] else None),
        (
            'write {the} and "{word}" in alphabetical order, comma between',
            'sort these two from A to Z: {the} and "{word}"',
            'put "{word}" before or after {the}, as the alphabet demands, with a comma between',
        ),
        (
            '{the} and "{word}" in alphabetical order, comma-separated',
            'a sorted list of two: {the} and "{word}"',
        ),
        ('what is the alphabetical order of {the} and "{word}", with a comma?',),
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
        params=lambda d: {"length": d.between(4, 7)},
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
