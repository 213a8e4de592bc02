"""Countries and what stands for them: capital, continent, currency, codes, language; lists of countries."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._facts import countries
from ..._parts import Classifier, Condition, Operation, Params, Value, picked

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
    *,
    on: tuple[str, ...] = _ONE,
    shape: str = "{}",
) -> Operation:
    kind = "code" if "code" in fact or fact in ("domain", "currency") else "word"
    return Operation(f"geo.{name}", on, kind, _fact(fact, shape), knowledge=True)


def continent_params(draw: Draw) -> Params:
    continent = draw.pick(_CONTINENTS)
    return {"continent": continent, "adjective": _ADJECTIVES[continent]}


def _is(fact: str, key: str) -> Callable[[Value, Params], bool | None]:
    return lambda value, p: None if (found := countries(fact).get(value.data)) is None else found == p[key]


_language = picked(language=("Spanish", "Arabic", "English", "French", "German", "Portuguese", "Dutch"))


OPERATIONS = (
    Operation("geo.country", ("country sign", "capital"), "word", lambda v, _: v.data, knowledge=True),
    Operation("geo.extract country", ("country",), "word", lambda v, _: v.data),
    _lookup("capital", "capital", on=("country", "country sign")),
    _lookup("continent", "continent"),
    _lookup("currency", "currency"),
    _lookup("currency code", "currency code"),
    _lookup("calling code", "calling code", on=("country", "capital"), shape="+{}"),
    _lookup("domain", "domain", on=("country", "capital")),
    _lookup("code", "code", on=("country", "capital")),
    _lookup("code3", "code3"),
    _lookup("demonym", "demonym", on=("country", "capital")),
    _lookup("language", "language"),
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
