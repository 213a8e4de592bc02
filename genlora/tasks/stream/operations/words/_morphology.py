"""Inflection: plural and singular, articles, comparatives, adverbs, opposites by prefix."""

from collections.abc import Callable

from ..._lexicon import forms, inverse
from ..._parts import Classifier, Condition, Operation, Params, Value

_Do = Callable[[Value, Params], str | None]
_NOUN, _ADJECTIVE = ("word", "noun"), ("word", "adjective")


def _look(name: str) -> _Do:
    """The form that the table holds for the word."""
    return lambda value, _: forms(name).get(value.data)


def _back(name: str) -> _Do:
    return lambda value, _: inverse(name).get(value.data)


def _a(word: str) -> str | None:
    """The word with a or an; None where the sound does not follow from the first letter."""
    if word.startswith(("u", "eu", "one", "hour", "hono", "hones", "heir")):
        return None
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def _article(value: Value, _: Params) -> str | None:
    return _a(value.data) if value.data in forms("plurals") else None


OPERATIONS = (
    Operation("form.plural", _NOUN, "word", _look("plurals")),
    Operation("form.singular", ("plural",), "word", _back("plurals")),
    Operation("form.article", _NOUN, "text", _article),
    Operation(
        "form.which article",
        _NOUN,
        "word",
        lambda v, p: None if (found := _article(v, p)) is None else found.split()[0],
    ),
    Operation(
        "form.the plural",
        _NOUN,
        "text",
        lambda v, _: None if (f := forms("plurals").get(v.data)) is None else f"the {f}",
    ),
    Operation(
        "form.two", _NOUN, "text", lambda v, _: None if (f := forms("plurals").get(v.data)) is None else f"two {f}"
    ),
    Operation(
        "form.one of",
        ("plural",),
        "text",
        lambda v, p: None if (one := inverse("plurals").get(v.data)) is None else f"one {one}",
    ),
    Operation(
        "form.possessive",
        _NOUN,
        "text",
        lambda v, _: f"the {v.data}'s" if v.data in forms("plurals") and v.data[-1] != "s" else None,
    ),
    Operation("form.comparative", _ADJECTIVE, "word", _look("comparatives")),
    Operation(
        "form.than",
        _ADJECTIVE,
        "text",
        lambda v, _: None if (f := forms("comparatives").get(v.data)) is None else f"{f} than",
    ),
    Operation(
        "form.positive",
        ("adjective form",),
        "word",
        lambda v, _: inverse("comparatives").get(v.data) or inverse("adverbs").get(v.data),
    ),
    Operation("form.adverb", _ADJECTIVE, "word", _look("adverbs")),
    Operation("form.opposite prefix", _ADJECTIVE, "word", _look("negated"), knowledge=True),
    Operation(
        "form.plural each",
        ("things", "odd words"),
        "list",
        lambda v, _: (
            ", ".join(forms("plurals")[w] for w in v.data) if all(w in forms("plurals") for w in v.data) else None
        ),
    ),
    Operation(
        "form.article each",
        ("things", "odd words"),
        "list",
        lambda v, _: (
            ", ".join(str(_a(w)) for w in v.data) if all(w in forms("plurals") and _a(w) for w in v.data) else None
        ),
    ),
)


def _formed(value: Value, _: Params) -> bool:
    tables = [forms(name) for name in ("plurals", "comparatives", "adverbs", "negated")]
    return any(t.get(one) == other for t in tables for one, other in (value.data, value.data[::-1]))


CONDITIONS = (
    Condition(
        "takes an",
        _NOUN,
        lambda v, p: None if (found := _article(v, p)) is None else found.startswith("an "),
        ('{the} takes "an"', "an goes before it"),
        ('{the} takes "a"', "a goes before it"),
    ),
    Condition(
        "is form",
        ("two words",),
        _formed,
        ("one word is formed from the other", "one is the plural, comparative, adverb or negation of the other"),
        ("neither word is formed from the other", "the words are not forms of each other"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = (
    Classifier(
        "plural ending",
        _NOUN,
        lambda v, _: None if (f := forms("plurals").get(v.data)) is None else _ending(v.data, f),
        {
            "s": "the plural only adds s",
            "es": "the plural adds es",
            "ies": "the plural changes y to ies",
        },
        "the way the plural of {the} is made",
        {"s": "s", "es": "es", "ies": "ies"},
    ),
)


def _ending(word: str, plural: str) -> str | None:
    added = {word + "s": "s", word + "es": "es", word[:-1] + "ies": "ies"}
    return added.get(plural)
