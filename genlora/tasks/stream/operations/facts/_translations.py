"""Common words and names to and from French, German, Spanish, Italian, Portuguese and Dutch."""

from collections.abc import Callable, Mapping
from functools import cache

from ..._facts import LANGUAGES, countries, named, translations, turned
from ..._parts import Classifier, Condition, Operation, Params, Value, picked

_KINDS = ("countries", "languages", "weekdays", "months")
_GREETING = {
    "French": "Bonjour",
    "German": "Hallo",
    "Spanish": "Hola",
    "Italian": "Ciao",
    "Portuguese": "Olá",
    "Dutch": "Hallo",
}


_language = picked(language=LANGUAGES)


@cache
def _names(language: str) -> Mapping[str, str]:
    """All English names to those of `language`."""
    return {english: own for kind in _KINDS for english, own in named(language, kind).items()}


@cache
def _home(table: str) -> Mapping[tuple[str, str], str]:
    """(word, language) to the English word, where there is one."""
    of = translations if table == "words" else _names
    return {(own, language): english for language in LANGUAGES for own, english in turned(of(language)).items()}


@cache
def _languages_of(table: str) -> Mapping[str, frozenset[str]]:
    """Word to the languages that have it."""
    of = translations if table == "words" else _names
    out: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for own in of(language).values():
            out.setdefault(own, set()).add(language)
    return {own: frozenset(languages) for own, languages in out.items()}


def _abroad(table: str) -> Callable[[Value, Params], str | None]:
    of = translations if table == "words" else _names
    return lambda value, p: of(p["language"]).get(value.data)


def _back(table: str) -> Callable[[Value, Params], str | None]:
    """The English word; None where the same spelling means something else in another of the languages."""

    def do(value: Value, _: Params) -> str | None:
        word, language = value.data
        meant = {_home(table).get((word, other)) for other in _languages_of(table).get(word, ())}
        return _home(table).get((word, language)) if len(meant) == 1 else None

    return do


def _which(table: str) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        languages = _languages_of(table).get(value.data[0], frozenset())
        return next(iter(languages)) if len(languages) == 1 else None

    return do


def _is(table: str) -> Callable[[Value, Params], bool | None]:
    def do(value: Value, p: Params) -> bool | None:
        languages = _languages_of(table).get(value.data[0], frozenset())
        return p["language"] in languages if languages else None

    return do


OPERATIONS = (
    Operation("translate.word", ("English word", "noun"), "word", _abroad("words"), params=_language, knowledge=True),
    Operation("translate.into English", ("foreign word",), "word", _back("words"), knowledge=True),
    Operation(
        "translate.name", ("English name", "country"), "word", _abroad("names"), params=_language, knowledge=True
    ),
    Operation("translate.name into English", ("foreign name",), "code", _back("names"), knowledge=True),
    Operation("translate.which language", ("foreign word",), "code", _which("words"), knowledge=True),
    Operation("translate.which language of name", ("foreign name",), "code", _which("names"), knowledge=True),
    Operation(
        "translate.two languages",
        ("English word",),
        "list",
        lambda v, p: f"{translations(p['first'])[v.data]}, {translations(p['second'])[v.data]}",
        params=lambda d: dict(zip(("first", "second"), d.some(LANGUAGES, 2), strict=True)),
        knowledge=True,
    ),
    Operation(
        "translate.greeting",
        ("country",),
        "word",
        lambda v, _: _GREETING.get(countries("language").get(v.data, "")),
        knowledge=True,
    ),
)


CONDITIONS = (
    Condition(
        "word is in language",
        ("foreign word",),
        _is("words"),
        ("{the} is {language}", "{the} could stand in a {language} text"),
        ("{the} is in another language than {language}", "{the} is not {language}"),
        params=_language,
        knowledge=True,
    ),
    Condition(
        "name is in language",
        ("foreign name",),
        _is("names"),
        ("it is written in {language}", "this is how one says it in {language}"),
        ("it is written in another language than {language}", "this is not how one says it in {language}"),
        params=_language,
        knowledge=True,
    ),
    Condition(
        "foreign accent",
        ("foreign word", "foreign name"),
        lambda v, _: not v.data[0].isascii(),
        ("there is an accent or a special letter in it", "it has a letter that English does not have"),
        ("it has plain letters only", "all of its letters are plain English ones"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "language family",
        ("foreign word",),
        lambda v, _: (
            None
            if len(found := _languages_of("words").get(v.data[0], frozenset())) != 1
            else "Germanic"
            if found & {"German", "Dutch"}
            else "Romance"
            if found & {"French", "Italian"}
            else "Iberian"
        ),
        {
            "Germanic": "it is German or Dutch",
            "Romance": "it is French or Italian",
            "Iberian": "it is Spanish or Portuguese",
        },
        "the language group of {the}",
        knowledge=True,
    ),
)
