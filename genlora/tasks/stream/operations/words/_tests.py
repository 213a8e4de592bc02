"""Yes or no about the letters of a word: labels, and keep, drop, count, find over lists."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import table

_VOWELS = "aeiou"
_PAIRS = ("er", "in", "st", "an", "or", "le", "re", "ch", "oo", "ea", "en", "ar", "on", "ti", "sh", "th")
_ENDINGS = ("er", "e", "on", "al", "le", "nt", "y", "t", "et", "or", "in", "st")


def _word(draw: Draw) -> Params:
    return {"other": draw.pick(table("labels"))}


def _length(draw: Draw) -> Params:
    n = draw.between(4, 7)
    return {"n": n, "more": n + 1}


_pair = picked(pair=_PAIRS, ending=_ENDINGS)


def _range(draw: Draw) -> Params:
    first = draw.between(0, 18)
    last = first + draw.between(4, 8)
    abc = "abcdefghijklmnopqrstuvwxyz"
    return {"from": abc[first], "to": abc[min(last, 25)]}


def _letters(draw: Draw) -> Params:
    first, second = draw.some("aeiorstln", 2)
    return {"first": first, "second": second}


def _vowels(draw: Draw) -> Params:
    n = draw.between(2, 3)
    return {"n": n, "number": ("two", "three")[n - 2]}


def _low(value: Value) -> str:
    return value.data.lower()


OPERATIONS: tuple[Operation, ...] = ()

CONDITIONS = (
    Condition(
        "exact length",
        ("word",),
        lambda v, p: len(v.data) == p["n"],
        ("{the} has exactly {n} letters", "{the} is {n} letters long"),
        ("{the} does not have {n} letters", "it has fewer or more than {n} letters"),
        ("with exactly {n} letters", "that are {n} letters long"),
        ("with exactly {n} letters", "that is {n} letters long"),
        _length,
    ),
    Condition(
        "length range",
        ("word",),
        lambda v, p: p["n"] <= len(v.data) <= p["more"],
        ("{the} has {n} or {more} letters", "its length is {n} or {more}"),
        ("{the} has fewer than {n} or more than {more} letters", "its length is neither {n} nor {more}"),
        ("with {n} or {more} letters",),
        ("with {n} or {more} letters",),
        _length,
    ),
    Condition(
        "after word",
        ("word",),
        lambda v, p: None if _low(v) == p["other"] else _low(v) > p["other"],
        ('{the} comes after "{other}" in the alphabet', 'a dictionary lists it after "{other}"'),
        ('{the} comes before "{other}" in the alphabet', 'a dictionary lists it before "{other}"'),
        ('that come after "{other}" in the alphabet', 'listed after "{other}" in a dictionary'),
        ('that comes after "{other}" in the alphabet', 'listed after "{other}" in a dictionary'),
        _word,
    ),
    Condition(
        "before word",
        ("word",),
        lambda v, p: None if _low(v) == p["other"] else _low(v) < p["other"],
        ('{the} comes before "{other}" in the alphabet', 'it would be sorted in front of "{other}"'),
        ('{the} comes after "{other}" in the alphabet', 'it would be sorted behind "{other}"'),
        ('that come before "{other}" in the alphabet', 'sorted in front of "{other}"'),
        ('that comes before "{other}" in the alphabet', 'sorted in front of "{other}"'),
        _word,
    ),
    Condition(
        "longer than word",
        ("word",),
        lambda v, p: None if len(v.data) == len(p["other"]) else len(v.data) > len(p["other"]),
        ('{the} is longer than "{other}"', '{the} has more letters than "{other}"'),
        ('{the} is shorter than "{other}"', '{the} has fewer letters than "{other}"'),
        ('longer than the word "{other}"', 'with more letters than "{other}"'),
        ('longer than the word "{other}"', 'with more letters than "{other}"'),
        _word,
    ),
    Condition(
        "shares initial",
        ("word",),
        lambda v, p: _low(v)[0] == p["other"][0],
        ('{the} starts with the same letter as "{other}"', 'its initial is that of "{other}"'),
        ('{the} starts with another letter than "{other}"', 'its initial differs from that of "{other}"'),
        ('that start with the same letter as "{other}"', 'with the initial of "{other}"'),
        ('that starts with the same letter as "{other}"', 'with the initial of "{other}"'),
        _word,
    ),
    Condition(
        "contains pair",
        ("word",),
        lambda v, p: p["pair"] in _low(v),
        ('{the} contains "{pair}"', 'the letters "{pair}" stand together in it'),
        ('{the} does not contain "{pair}"', 'the letters "{pair}" do not stand together in it'),
        ('that contain "{pair}"', 'with "{pair}" in them'),
        ('that contains "{pair}"', 'with "{pair}" in it'),
        _pair,
    ),
    Condition(
        "ending",
        ("word",),
        lambda v, p: _low(v).endswith(p["ending"]),
        ('{the} ends in "{ending}"', '"{ending}" is at its end'),
        ('{the} does not end in "{ending}"', '"{ending}" is not at its end'),
        ('that end in "{ending}"', 'with "{ending}" at the end'),
        ('that ends in "{ending}"', 'with "{ending}" at the end'),
        _pair,
    ),
    Condition(
        "initial range",
        ("word",),
        lambda v, p: p["from"] <= _low(v)[0] <= p["to"],
        ("{the} starts with a letter from {from} to {to}", "it belongs in the drawer {from}-{to}"),
        ("{the} starts with a letter outside {from} to {to}", "it does not belong in the drawer {from}-{to}"),
        ("that start with a letter from {from} to {to}", "for the index section {from}-{to}"),
        ("that starts with a letter from {from} to {to}", "for the index section {from}-{to}"),
        _range,
    ),
    Condition(
        "both letters",
        ("word",),
        lambda v, p: p["first"] in _low(v) and p["second"] in _low(v),
        ('{the} has both an "{first}" and an "{second}"', "both {first} and {second} occur in it"),
        ('{the} lacks "{first}" or "{second}" or both', "at least one of {first} and {second} does not occur in it"),
        ("with both {first} and {second} in them", "that have the letters {first} and {second}"),
        ("with both {first} and {second} in it", "that has the letters {first} and {second}"),
        _letters,
    ),
    Condition(
        "either letter",
        ("word",),
        lambda v, p: p["first"] in _low(v) or p["second"] in _low(v),
        ("{first} or {second} occurs in {the}", '{the} has an "{first}" or an "{second}" or both'),
        ("neither {first} nor {second} occurs in {the}", '{the} has no "{first}" and no "{second}"'),
        ("with {first} or {second} (or both) in them", "that have the letter {first} or the letter {second}"),
        ("with {first} or {second} (or both) in it", "that has the letter {first} or the letter {second}"),
        _letters,
    ),
    Condition(
        "vowel end",
        ("word",),
        lambda v, _: _low(v)[-1] in _VOWELS,
        ("{the} ends in a vowel", "the last letter is a, e, i, o or u"),
        ("{the} ends in a consonant", "the last letter is none of a, e, i, o and u"),
        ("that end in a vowel", "with a vowel at the end"),
        ("that ends in a vowel", "with a vowel at the end"),
    ),
    Condition(
        "vowel second",
        ("word",),
        lambda v, _: _low(v)[1] in _VOWELS,
        ("the second letter of {the} is a vowel", "it has a vowel in second place"),
        ("the second letter of {the} is a consonant", "it has a consonant in second place"),
        ("with a vowel in second place",),
        ("with a vowel in second place",),
    ),
    Condition(
        "many vowels",
        ("word",),
        lambda v, p: sum(c in _VOWELS for c in _low(v)) >= p["n"],
        ("{the} has at least {number} vowels", "there are {number} or more vowels in it"),
        ("{the} has fewer than {number} vowels", "there are not as many as {number} vowels in it"),
        ("with at least {number} vowels",),
        ("with at least {number} vowels",),
        _vowels,
    ),
    Condition(
        "all different letters",
        ("word",),
        lambda v, _: len(set(_low(v))) == len(v.data),
        ("all letters of {the} are different", "no letter occurs twice in it"),
        ("a letter of {the} is repeated", "some letter occurs twice in it"),
        ("without a repeated letter", "in which no letter occurs twice"),
        ("without a repeated letter", "in which no letter occurs twice"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "length class",
        ("word",),
        lambda v, _: "short" if len(v.data) < 5 else "medium" if len(v.data) < 7 else "long",
        {
            "short": "it has up to four letters",
            "medium": "it has five or six letters",
            "long": "it has seven letters or more",
        },
        "the length class of {the}",
        {"short": "short", "medium": "medium", "long": "long"},
    ),
    Classifier(
        "alphabet third",
        ("word",),
        lambda v, _: "A-H" if _low(v)[0] <= "h" else "I-P" if _low(v)[0] <= "p" else "Q-Z",
        {
            "A-H": "the first letter is one of a to h",
            "I-P": "the first letter is one of i to p",
            "Q-Z": "the first letter is one of q to z",
        },
        "the index section for {the}",
        {"A-H": "A-H", "I-P": "I-P", "Q-Z": "Q-Z"},
    ),
    Classifier(
        "vowel count class",
        ("word",),
        lambda v, _: (
            None if not (n := sum(c in _VOWELS for c in _low(v))) else "one" if n == 1 else "two" if n == 2 else "more"
        ),
        {
            "one": "there is exactly one vowel (a, e, i, o, u)",
            "two": "there are exactly two vowels",
            "more": "there are three vowels or more",
        },
        "the number of vowels in {the}",
        {"one": "one", "two": "two", "more": "more"},
    ),
)
