"""Small look-ups that people do every day: abbreviations, units, spellings, opposites, states, symbols, animals."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._facts import emoji, general, general_back
from ..._lexicon import sounds
from ..._parts import AnswerKind, Classifier, Condition, Operation, Params, Value


def _there(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: general(name).get(value.data)


def _back(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: general_back(name).get(value.data)


def _op(
    name: str,
    on: tuple[str, ...],
    do: Callable[[Value, Params], str | None],
    answer: AnswerKind = "word",
) -> Operation:
    return Operation(f"look.{name}", on, answer, do, knowledge=True)


OPERATIONS = (
    _op("young", ("animal", "noun"), _there("young")),
    _op("sound", ("animal",), _there("animal sounds")),
    _op("element symbol", ("element",), _there("elements"), answer="code"),
    _op("element name", ("element symbol",), _back("elements"), answer="code"),
    _op("unit symbol", ("unit name",), _there("units"), answer="code"),
    _op("unit name", ("unit symbol",), _back("units")),
    _op("state code", ("state",), _there("states"), answer="code"),
    _op("state name", ("state code",), _back("states")),
    _op("expand", ("abbreviation",), _there("abbreviations")),
    _op("abbreviate", ("long form",), _back("abbreviations")),
    _op("to American", ("British",), _there("spelling")),
    _op("to British", ("American",), _back("spelling")),
    _op("American word", ("British term",), _there("british words"), answer="text"),
    Operation("look.full form", ("contraction",), "text", _there("contractions")),
    _op("opposite", ("opposed", "word", "adjective"), _there("antonyms")),
    _op("feminine", ("gendered",), _there("feminine")),
    _op("agent", ("deed",), _there("agents")),
    _op("verb noun", ("deed",), _there("nouns of verbs")),
    _op("currency name", ("currency",), _there("currency names"), answer="text"),
    _op("currency sign", ("currency",), _there("currency symbols"), answer="code"),
    _op("symbol name", ("sign",), _there("symbols"), answer="text"),
    _op("emoji", ("emoji",), lambda v, _: emoji().get(v.data)),
)


def _two(test: Callable[[str, str], bool | None]) -> Callable[[Value, Params], bool | None]:
    return lambda value, _: test(*value.data)


def _rhyme(a: str, b: str) -> bool | None:
    known = sounds("rhymes")
    return known[a] == known[b] if a in known and b in known and a != b else None


def _syllables(value: Value, p: Params) -> bool | None:
    n = sounds("syllables").get(value.data)
    return None if n is None else int(n) == p["n"]


def _number(draw: Draw) -> Params:
    n = draw.between(1, 3)
    return {"n": n, "count": ("one syllable", "two syllables", "three syllables")[n - 1]}


CONDITIONS = (
    Condition(
        "rhyme",
        ("two words",),
        _two(_rhyme),
        ("the two words rhyme", "they end in the same sound"),
        ("the two words do not rhyme", "they end in different sounds"),
        knowledge=True,
    ),
    Condition(
        "syllables",
        ("word", "noun", "verb"),
        _syllables,
        ("{the} has exactly {count}", "{the} is spoken in {count}"),
        ("{the} has another number of syllables", "{the} does not have {count}"),
        params=_number,
        knowledge=True,
    ),
)


def _count(value: Value, _: Params) -> str | None:
    n = sounds("syllables").get(value.data)
    return None if n is None else {1: "one", 2: "two"}.get(int(n), "more")


CLASSIFIERS = (
    Classifier(
        "number of syllables",
        ("word", "noun", "verb"),
        _count,
        {
            "one": "it has one syllable",
            "two": "it has two syllables",
            "more": "it has three or more syllables",
        },
        "the number of syllables of {the}",
        {"one": "one", "two": "two", "more": "more"},
        knowledge=True,
    ),
)
