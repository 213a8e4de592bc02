"""Spelling, cutting and comparing single words."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked

_VOWELS = "aeiou"
_LETTERS = "aeioustrnlmpcd"


def _on(edit: Callable[[str], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: edit(value.data)


_letter = picked(letter=_LETTERS)


def _count(draw: Draw) -> Params:
    n = draw.between(2, 4)
    return {"n": n}


_length = picked(n=range(4, 8))


_affix = picked(
    affix=("un", "re", "pre", "my", "over", "x", "super", "non", "mega", "go"),
    tail=("ly", "ness", "er", "able", "ish", "123", "x", "!", "s", "_id"),
)


def _swap(draw: Draw) -> Params:
    old, new = draw.some("aeiou", 2)
    return {"old": old, "new": new}


OPERATIONS = (
    Operation("spell.first letter", ("word",), "word", _on(lambda w: w[0])),
    Operation("spell.reverse", ("word",), "word", _on(lambda w: w[::-1] if len(w) <= 7 else None)),
    Operation("spell.letters", ("word",), "code", _on(lambda w: "-".join(w))),
    Operation(
        "spell.first n",
        ("word",),
        "word",
        lambda v, p: v.data[: p["n"]] if len(v.data) > p["n"] else None,
        params=_count,
    ),
    Operation(
        "spell.last n",
        ("word",),
        "word",
        lambda v, p: v.data[-p["n"] :] if len(v.data) > p["n"] else None,
        params=_count,
    ),
    Operation("spell.without first", ("word",), "word", _on(lambda w: w[1:] if len(w) > 3 else None)),
    Operation("spell.without last", ("word",), "word", _on(lambda w: w[:-1] if len(w) > 3 else None)),
    Operation("spell.double", ("word",), "text", _on(lambda w: f"{w} {w}")),
    Operation("spell.count letters", ("word",), "number", _on(lambda w: str(len(w)))),
    Operation("spell.count vowels", ("word",), "number", _on(lambda w: str(sum(c in _VOWELS for c in w)))),
    Operation("spell.only vowels", ("word",), "word", _on(lambda w: "".join(c for c in w if c in _VOWELS) or None)),
    Operation("spell.no vowels", ("word",), "word", _on(lambda w: "".join(c for c in w if c not in _VOWELS) or None)),
    Operation(
        "spell.swap vowel",
        ("word",),
        "word",
        lambda v, p: v.data.replace(p["old"], p["new"]) if p["old"] in v.data else None,
        params=_swap,
    ),
    Operation("spell.prefix", ("word",), "word", lambda v, p: p["affix"] + v.data, params=_affix),
    Operation("spell.suffix", ("word",), "word", lambda v, p: v.data + p["tail"], params=_affix),
    Operation("spell.capitals", ("word",), "code", _on(str.upper)),
    Operation("spell.last capital", ("word",), "code", _on(lambda w: w[:-1] + w[-1].upper())),
    Operation("spell.middle", ("word",), "word", _on(lambda w: w[len(w) // 2] if len(w) % 2 else None)),
    Operation("spell.ends", ("word",), "word", _on(lambda w: w[0] + w[-1])),
    Operation("spell.next letter", ("word",), "word", _on(lambda w: chr(ord(w[-1]) + 1) if w[-1] != "z" else None)),
)

CONDITIONS = (
    Condition(
        "vowel start",
        ("word",),
        lambda v, _: v.data[0].lower() in _VOWELS,
        ("{the} starts with a vowel", "the first letter is a vowel"),
        ("{the} starts with a consonant", "it begins with a consonant"),
        ("that start with a vowel", "beginning with a, e, i, o or u"),
        ("that starts with a vowel", "beginning with a, e, i, o or u"),
    ),
    Condition(
        "has letter",
        ("word",),
        lambda v, p: p["letter"] in v.data.lower(),
        ('{the} contains the letter "{letter}"', "there is an {letter} in it"),
        ('{the} has no "{letter}"', "{letter} does not occur"),
        ('that contain "{letter}"', "with the letter {letter}"),
        ('that contains "{letter}"', "with the letter {letter}"),
        _letter,
    ),
    Condition(
        "lacks letter",
        ("word",),
        lambda v, p: p["letter"] not in v.data.lower(),
        ('{the} has no letter "{letter}"', "{letter} is not among its letters"),
        ('it contains "{letter}"', "{the} has an {letter}"),
        ('without the letter "{letter}"',),
        ('without the letter "{letter}"',),
        _letter,
    ),
    Condition(
        "starts with",
        ("word",),
        lambda v, p: v.data.lower().startswith(p["letter"]),
        ("{the} starts with {letter}", "the first letter is {letter}"),
        ("it starts with another letter", "the first letter is not {letter}"),
        ("that start with {letter}", "beginning with {letter}"),
        ("that starts with {letter}", "beginning with {letter}"),
        _letter,
    ),
    Condition(
        "ends with",
        ("word",),
        lambda v, p: v.data.lower().endswith(p["letter"]),
        ("{the} ends in {letter}", "the last letter is {letter}"),
        ("it ends in another letter", "the last letter is not {letter}"),
        ("that end in {letter}", "with {letter} as the last letter"),
        ("that ends in {letter}", "with {letter} as the last letter"),
        _letter,
    ),
    Condition(
        "longer",
        ("word",),
        lambda v, p: len(v.data) > p["n"],
        ("{the} has more than {n} letters", "it is longer than {n} letters"),
        ("{the} has {n} letters or fewer", "it is not longer than {n} letters"),
        ("with more than {n} letters", "longer than {n} letters"),
        ("with more than {n} letters", "longer than {n} letters"),
        _length,
    ),
    Condition(
        "even letters",
        ("word",),
        lambda v, _: len(v.data) % 2 == 0,
        ("the number of letters is even", "{the} has an even number of letters"),
        ("the number of letters is odd", "{the} has an odd length"),
        ("with an even number of letters",),
        ("with an even number of letters",),
    ),
    Condition(
        "double letter",
        ("word",),
        lambda v, _: any(a == b for a, b in zip(v.data, v.data[1:], strict=False)),
        ("{the} has the same letter twice in a row", "it contains a double letter"),
        ("{the} has no double letter", "no letter is doubled"),
        ("with a double letter",),
        ("with a double letter",),
    ),
    Condition(
        "same ends",
        ("word",),
        lambda v, _: v.data[0] == v.data[-1],
        ("{the} begins and ends with the same letter",),
        ("its first and last letters differ",),
        ("that begin and end with the same letter",),
        ("that begins and ends with the same letter",),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
