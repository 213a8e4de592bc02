"""Lists of countries: capitals, codes, which lie on a continent."""

from collections.abc import Callable, Sequence

from ..._facts import countries
from ..._parts import Classifier, Condition, Operation, Params, Value
from ._geography import continent_params

_LISTS = ("countries",)


def _each(fact: str) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        found = [countries(fact).get(c) for c in value.data]
        return None if None in found else ", ".join(map(str, found))

    return do


def _split(value: Value, p: Params) -> tuple[list[str], list[str]] | None:
    """The countries on the continent and the others; None where one lies on two."""
    where = [countries("continent").get(c) for c in value.data]
    if None in where:
        return None
    there = [c for c, w in zip(value.data, where, strict=True) if w == p["continent"]]
    return there, [c for c in value.data if c not in there]


def _there(work: Callable[[list[str], list[str]], str | None]) -> Callable[[Value, Params], str | None]:
    def do(value: Value, p: Params) -> str | None:
        found = _split(value, p)
        return work(*found) if found else None

    return do


def _one_with(fact: str, wanted: str) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        found = [c for c in value.data if countries(fact).get(c) == wanted]
        return found[0] if len(found) == 1 and all(c in countries(fact) for c in value.data) else None

    return do


def _joined(items: Sequence[str]) -> str | None:
    return ", ".join(items) or None


OPERATIONS = (
    Operation(
        "geo.capitals",
        _LISTS,
        "list",
        _each("capital"),
        (
            "write the capitals of the countries, in the same order, comma-separated",
            "replace each country by its capital city",
            "list the capital of each country, keeping the order, commas between",
        ),
        (
            "the capitals of the countries, comma-separated",
            "the list of capitals, in the order of the countries",
        ),
        ("which capitals do these countries have, in order?",),
        knowledge=True,
    ),
    Operation(
        "geo.codes",
        _LISTS,
        "list",
        _each("code"),
        (
            "turn the countries into their two-letter codes, comma-separated",
            "write the ISO alpha-2 codes of the countries, in order",
            "compress the column of countries: ISO codes of two letters, comma-separated",
        ),
        (
            "the two-letter codes of the countries, comma-separated",
            "the ISO alpha-2 codes, in the order of the countries",
        ),
        ("which two-letter codes do these countries have, in order?",),
        knowledge=True,
    ),
    Operation(
        "geo.on continent",
        _LISTS,
        "word",
        _there(lambda yes, no: yes[0] if len(yes) == 1 and no else None),
        (
            "pick the {adjective} country",
            "find the only country of {the} that lies in {continent}",
            "write whichever country belongs to {continent}",
        ),
        ("the country that lies in {continent}", "the only {adjective} country in {the}"),
        ("which of the countries is in {continent}?",),
        continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.off continent",
        _LISTS,
        "word",
        _there(lambda yes, no: no[0] if len(no) == 1 and yes else None),
        (
            "pick the country that is not {adjective}",
            "find the only country of {the} outside {continent}",
            "name the one that does not belong to {continent}",
        ),
        ("the country that does not lie in {continent}", "the only country outside {continent}"),
        ("which of the countries is not in {continent}?",),
        continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.keep continent",
        _LISTS,
        "list",
        _there(lambda yes, no: _joined(yes) if no else None),
        (
            "keep only the {adjective} countries, comma-separated",
            "filter {the} for {continent}",
            "drop every country outside {continent}",
        ),
        ("the {adjective} countries in {the}", "those countries that lie in {continent}"),
        ("which of the countries are {adjective}?",),
        continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.count continent",
        _LISTS,
        "number",
        _there(lambda yes, no: str(len(yes))),
        (
            "count the {adjective} countries",
            "say how many of the countries lie in {continent}",
            "write how many entries of {the} belong to {continent}",
        ),
        ("the number of {adjective} countries in {the}", "how many of the countries are in {continent}"),
        ("how many of the countries are in {continent}?",),
        continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.euro country",
        _LISTS,
        "word",
        _one_with("currency code", "EUR"),
        (
            "pick the country that pays with the euro",
            "find the only member of the euro area in {the}",
            "say for which of these countries prices are in euros",
        ),
        (
            "the country that uses the euro",
            "the only euro country in {the}",
        ),
        ("which of the countries uses the euro?",),
        knowledge=True,
    ),
    Operation(
        "geo.first capital",
        _LISTS,
        "word",
        lambda v, _: countries("capital").get(v.data[0]),
        (
            "give the capital of the first country",
            "take the country at the start of {the} and name its capital",
            "ignore all countries but the first and write its capital",
        ),
        (
            "the capital of the first country",
            "the capital that belongs to the country at the start of {the}",
        ),
        ("what is the capital of the first country?",),
        knowledge=True,
    ),
    Operation(
        "geo.last capital",
        _LISTS,
        "word",
        lambda v, _: countries("capital").get(v.data[-1]),
        (
            "give the capital of the last country",
            "take the country at the end of {the} and name its capital",
            "ignore all countries but the last and write its capital",
        ),
        (
            "the capital of the last country",
            "the capital that belongs to the country at the end of {the}",
        ),
        ("what is the capital of the last country?",),
        knowledge=True,
    ),
)

CONDITIONS = (
    Condition(
        "one continent",
        _LISTS,
        lambda v, _: (
            len({countries("continent").get(c) for c in v.data}) == 1
            if all(c in countries("continent") for c in v.data)
            else None
        ),
        ("all countries of {the} lie on the same continent",),
        ("the countries of {the} lie on more than one continent",),
        knowledge=True,
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
