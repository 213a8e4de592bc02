"""Letters of whatever is one short word, so that no input of one word gives its task away."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from .._parts import Classifier, Condition, Operation, Params, Value
from .._tables import table
from ._places import ORDINALS

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
_TWO = ("two words",)


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
        "tail": draw.pick((".", "!", "?", ":", ";", " = ", ".txt", "_2", "...", " (new)", "/", "s?")),
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
        ("the first {n} letters of {the}",),
        params=_cut,
    ),
    Operation(
        "short.last n",
        _ON,
        "word",
        _on(lambda w, p: w[-p["n"] :] if len(w) > p["n"] and " " not in w[-p["n"] :] else None),
        ("keep only the last {n} letters", "write the ending of {the}: {n} letters", "give the final {n} letters"),
        ("the last {n} letters of {the}",),
        params=_cut,
    ),
    Operation(
        "short.nth letter",
        _ON,
        "word",
        _on(lambda w, p: w[p["n"] - 1].lower() if len(w) >= p["n"] and w[p["n"] - 1].isalpha() else None),
        ("give the {nth} letter, in lower case", "write letter number {n} of {the} as a small letter"),
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
        ("the number of letters in {the}",),
        ("how many letters does it have?",),
    ),
    Operation(
        "short.count letter",
        _ON,
        "number",
        _on(lambda w, p: str(w.lower().count(p["letter"]))),
        ('count how often "{letter}" occurs in {the}', "say how many times the letter {letter} is in it"),
        ('the number of times "{letter}" occurs in {the}',),
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
        ('{the} with "{other}" in place of "{letter}"',),
        params=_letter,
    ),
    Operation(
        "short.prepend",
        _ON,
        "code",
        _on(lambda w, p: p["head"] + w),
        ('put "{head}" directly in front of {the}', 'add "{head}" at the start and change nothing else'),
        ('{the} with "{head}" in front',),
        params=_affix,
    ),
    Operation(
        "short.append",
        _ON,
        "code",
        _on(lambda w, p: (w + p["tail"]).rstrip()),
        ('put "{tail}" directly after {the}', 'add "{tail}" at the end and change nothing else'),
        ('{the} followed by "{tail}"',),
        params=_affix,
    ),
    Operation(
        "short.pair with",
        _ON,
        "text",
        _on(lambda w, p: f"{w}, {p['word']}"),
        ('write {the}, a comma, and "{word}"', 'start a list: first {the}, then "{word}"'),
        ('{the} and "{word}", separated by a comma',),
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
        ),
        ('{the} and "{word}" in alphabetical order, comma-separated',),
        params=_word,
    ),
    Operation(
        "pair.longer",
        _TWO,
        "word",
        lambda v, _: None if len(v.data[0]) == len(v.data[1]) else max(v.data, key=len),
        ("give the longer word", "write whichever word has more letters", "compare the lengths and keep the longer"),
        ("the longer of {the}", "the word with more letters"),
        ("which word is longer?",),
    ),
    Operation(
        "pair.shorter",
        _TWO,
        "word",
        lambda v, _: None if len(v.data[0]) == len(v.data[1]) else min(v.data, key=len),
        ("give the shorter word", "write whichever word has fewer letters", "compare the lengths, keep the shorter"),
        ("the shorter of {the}", "the word with fewer letters"),
        ("which word is shorter?",),
    ),
    Operation(
        "pair.alphabet first",
        _TWO,
        "word",
        lambda v, _: None if v.data[0] == v.data[1] else min(v.data),
        ("give the word that comes first in the alphabet", "write the one a dictionary lists earlier"),
        ("the alphabetically first word", "the word that is listed earlier in a dictionary"),
        ("which word comes first alphabetically?",),
    ),
    Operation(
        "pair.alphabet last",
        _TWO,
        "word",
        lambda v, _: None if v.data[0] == v.data[1] else max(v.data),
        ("give the word that comes last in the alphabet", "write the one a dictionary lists later"),
        ("the alphabetically last word", "the word that is listed later in a dictionary"),
        ("which word comes last alphabetically?",),
    ),
    Operation(
        "pair.first",
        _TWO,
        "word",
        lambda v, _: v.data[0],
        ("give the first word only", "keep the left word", "ignore the second word"),
        ("the first of {the}",),
        ("which word comes first?",),
    ),
    Operation(
        "pair.second",
        _TWO,
        "word",
        lambda v, _: v.data[1],
        ("give the second word only", "keep the right word", "ignore the first word"),
        ("the second of {the}",),
        ("which word comes second?",),
    ),
    Operation(
        "pair.difference",
        _TWO,
        "number",
        lambda v, _: str(abs(len(v.data[0]) - len(v.data[1]))),
        (
            "say by how many letters the words differ in length",
            "subtract the shorter length from the longer one",
        ),
        ("the difference between the lengths of the words",),
        ("by how many letters is one word longer than the other?",),
    ),
    Operation(
        "pair.letters together",
        _TWO,
        "number",
        lambda v, _: str(len(v.data[0]) + len(v.data[1])),
        ("count the letters of both words together", "say how long the words are when put together"),
        ("the number of letters in both words together",),
        ("how many letters do the words have together?",),
    ),
    Operation(
        "pair.glue",
        _TWO,
        "word",
        lambda v, _: v.data[0] + v.data[1],
        ("write the words as one, without anything between", "make a compound: first word, second word, no space"),
        ("the two words written as one",),
    ),
    Operation(
        "pair.glue back",
        _TWO,
        "word",
        lambda v, _: v.data[1] + v.data[0],
        ("write the words as one, the second word in front", "make a compound that begins with the second word"),
        ("the two words written as one, the second in front",),
    ),
    Operation(
        "pair.hyphen",
        _TWO,
        "code",
        lambda v, _: f"{v.data[0]}-{v.data[1]}",
        ("join the words by a hyphen", "hyphenate the two words"),
        ("the two words with a hyphen between", "the hyphenated pair"),
    ),
    Operation(
        "pair.initials",
        _TWO,
        "code",
        lambda v, _: (v.data[0][0] + v.data[1][0]).upper(),
        ("write the two initials in capitals, without a space", "abbreviate the pair by its first letters (capitals)"),
        ("the initials of the two words, as capitals",),
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
    Condition(
        "pair same start",
        _TWO,
        lambda v, _: v.data[0][0] == v.data[1][0],
        ("both words start with the same letter", "the initials are equal"),
        ("the words start with different letters", "the initials differ"),
    ),
    Condition(
        "pair same end",
        _TWO,
        lambda v, _: v.data[0][-1] == v.data[1][-1],
        ("both words end with the same letter", "the last letters are equal"),
        ("the words end with different letters", "the last letters differ"),
    ),
    Condition(
        "pair same length",
        _TWO,
        lambda v, _: len(v.data[0]) == len(v.data[1]),
        ("both words have the same number of letters", "the words are equally long"),
        ("one word is longer than the other", "the words differ in length"),
    ),
    Condition(
        "pair equal",
        _TWO,
        lambda v, _: v.data[0] == v.data[1],
        ("the two words are the same", "the word is simply repeated"),
        ("the two words are different", "the second word is another one"),
    ),
    Condition(
        "pair inside",
        _TWO,
        lambda v, _: None if v.data[0] == v.data[1] else v.data[0] in v.data[1] or v.data[1] in v.data[0],
        ("one word is contained in the other", "the letters of one word stand together in the other"),
        ("neither word is contained in the other",),
    ),
    Condition(
        "pair in order",
        _TWO,
        lambda v, _: None if v.data[0] == v.data[1] else v.data[0] < v.data[1],
        ("the words are in alphabetical order", "the first word comes earlier in the dictionary"),
        ("the words are not in alphabetical order", "the second word comes earlier in the dictionary"),
    ),
    Condition(
        "pair first longer",
        _TWO,
        lambda v, _: None if len(v.data[0]) == len(v.data[1]) else len(v.data[0]) > len(v.data[1]),
        ("the first word is longer than the second",),
        ("the second word is longer than the first",),
    ),
)


def _longer(value: Value, _: Params) -> str:
    a, b = map(len, value.data)
    return "first" if a > b else "second" if b > a else "equal"


CLASSIFIERS = (
    Classifier(
        "pair lengths",
        _TWO,
        _longer,
        {
            "first": "the first word is longer",
            "second": "the second word is longer",
            "equal": "both words have the same length",
        },
        "which word is longer",
        {"first": "first", "second": "second", "equal": "equal"},
    ),
)
