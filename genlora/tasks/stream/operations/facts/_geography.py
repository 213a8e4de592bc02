"""Countries and what stands for them: capital, continent, currency, codes, language; lists of countries."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._facts import countries
from ..._parts import Classifier, Condition, Operation, Params, Value

_ONE = ("country", "country sign", "capital")


_CONTINENTS = ("Europe", "Asia", "Africa", "South America")


_ADJECTIVES = {"Europe": "European", "Asia": "Asian", "Africa": "African", "South America": "South American"}


def _fact(name: str, shape: str = "{}") -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        found = countries(name).get(value.data)
        return None if found is None else shape.format(found)

    return do


def _lookup(
    name: str,
    fact: str,
    say: tuple[str, ...],
    noun: tuple[str, ...],
    ask: tuple[str, ...],
    *,
    on: tuple[str, ...] = _ONE,
    shape: str = "{}",
) -> Operation:
    kind = "code" if "code" in fact or fact in ("domain", "currency") else "word"
    return Operation(f"geo.{name}", on, kind, _fact(fact, shape), say, noun, ask, knowledge=True)


def continent_params(draw: Draw) -> Params:
    continent = draw.pick(_CONTINENTS)
    return {"continent": continent, "adjective": _ADJECTIVES[continent]}


def _is(fact: str, key: str) -> Callable[[Value, Params], bool | None]:
    return lambda value, p: None if (found := countries(fact).get(value.data)) is None else found == p[key]


def _language(draw: Draw) -> Params:
    return {"language": draw.pick(("Spanish", "Arabic", "English", "French", "German", "Portuguese", "Dutch"))}


OPERATIONS = (
    Operation(
        "geo.country",
        ("country sign", "capital"),
        "word",
        lambda v, _: v.data,
        ("name {the}", "say in English which country is meant", "write the name of {the}"),
        ("the name of {the}", "the country that is meant"),
        ("which country is meant?",),
        knowledge=True,
    ),
    Operation(
        "geo.extract country",
        ("country",),
        "word",
        lambda v, _: v.data,
        ("write only the name of the country", "extract the country", "copy the country and nothing around it"),
        ("the name of the country", "the country that is mentioned"),
        ("which country is it about?",),
    ),
    _lookup(
        "capital",
        "capital",
        (
            "give the capital of {the}",
            "name the city from which {the} is governed",
            "look up the capital of {the}",
            "say which city is the capital there",
        ),
        ("the capital of {the}", "the capital city"),
        ("what is the capital of {the}?",),
        on=("country", "country sign"),
    ),
    _lookup(
        "continent",
        "continent",
        (
            "say on which continent {the} lies",
            "name the continent of {the}",
            "sort {the} under its continent: Europe, Asia, Africa, North America, South America or Oceania",
        ),
        ("the continent on which {the} lies", "the continent of {the}"),
        ("on which continent is {the}?",),
    ),
    _lookup(
        "currency",
        "currency",
        (
            "name the currency used in {the}, in lower case and without the country",
            "say what people pay with in {the} (e.g. euro, dollar, peso)",
            "give the currency of {the}, one lower-case word",
        ),
        ("the currency of {the}, one lower-case word", "what one pays with in {the}, such as peso"),
        ("which currency is used in {the}?",),
    ),
    _lookup(
        "currency code",
        "currency code",
        (
            "give the three-letter code of the currency of {the}, such as USD",
            "write the ISO code of the money used in {the}",
            "say which currency code an invoice to {the} needs (ISO 4217)",
        ),
        ("the ISO 4217 code of the currency of {the}", "the three-letter currency code for {the}"),
        ("which three-letter currency code belongs to {the}?",),
    ),
    _lookup(
        "calling code",
        "calling code",
        (
            "give the international calling code of {the}, with a plus sign",
            "write the phone prefix of {the} as +NN",
            "say which dialling code (with +) a number in {the} starts with",
        ),
        ("the calling code of {the}, such as +49", "the phone prefix of {the} with the plus sign"),
        ("which calling code does {the} have?",),
        on=("country", "capital"),
        shape="+{}",
    ),
    _lookup(
        "domain",
        "domain",
        (
            "give the internet domain of {the}, with the dot",
            "write the country domain of {the}, such as .de",
            "say which ending web addresses of {the} have",
        ),
        (
            "the country-code domain of {the}, with its dot",
            "the ending of web addresses in {the}, with the dot",
        ),
        ("which internet domain belongs to {the}?",),
        on=("country", "capital"),
    ),
    _lookup(
        "code",
        "code",
        (
            "give the two-letter code of {the}",
            "write the ISO 3166 alpha-2 code of {the}",
            "abbreviate {the} for the country column: two capital letters",
        ),
        ("the two-letter ISO code of {the}", "the alpha-2 country code"),
        ("what is the two-letter code of {the}?",),
        on=("country", "capital"),
    ),
    _lookup(
        "code3",
        "code3",
        (
            "give the three-letter code of {the}",
            "write the ISO 3166 alpha-3 code of {the}",
            "abbreviate {the} with three capital letters, as ISO does",
        ),
        ("the three-letter ISO code of {the}", "the alpha-3 country code"),
        ("what is the three-letter code of {the}?",),
    ),
    _lookup(
        "demonym",
        "demonym",
        (
            "say what people from {the} are called, as an adjective: French, Dutch ...",
            "give the adjective of nationality for {the}",
            "write what a passport of {the} states as nationality",
        ),
        ("the nationality of people from {the}", "the adjective for {the}, such as French"),
        ("which adjective of nationality belongs to {the}?",),
        on=("country", "capital"),
    ),
    _lookup(
        "language",
        "language",
        (
            "name the main language of {the}",
            "say in which language a letter to {the} should be written",
            "give the language most people speak in {the}",
        ),
        ("the main language of {the}", "the language spoken in {the}"),
        ("which language is mostly spoken in {the}?",),
    ),
)

CONDITIONS = (
    Condition(
        "in continent",
        _ONE,
        _is("continent", "continent"),
        ("{the} lies in {continent}", "{the} is a part of {continent}"),
        ("{the} lies on another continent", "{the} is outside {continent}"),
        params=continent_params,
        knowledge=True,
    ),
    Condition(
        "uses euro",
        _ONE,
        lambda v, _: None if (c := countries("currency code").get(v.data)) is None else c == "EUR",
        ("one pays with euros in {the}", "{the} uses the euro"),
        ("{the} has another currency than the euro", "one cannot pay with euros in {the}"),
        knowledge=True,
    ),
    Condition(
        "speaks",
        _ONE,
        _is("language", "language"),
        ("{language} is the main language of {the}", "people in {the} mostly speak {language}"),
        ("the main language of {the} is not {language}", "people in {the} mostly speak another language"),
        params=_language,
        knowledge=True,
    ),
)

CLASSIFIERS = (
    Classifier(
        "region",
        _ONE,
        lambda v, _: c if (c := countries("continent").get(v.data)) in _CONTINENTS else None,
        {c: f"the country is in {c}" for c in _CONTINENTS},
        "the region of {the}",
        {c: c for c in _CONTINENTS},
        knowledge=True,
    ),
)
