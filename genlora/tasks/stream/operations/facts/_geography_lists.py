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
    Operation("geo.capitals", _LISTS, "list", _each("capital"), knowledge=True),
    Operation("geo.codes", _LISTS, "list", _each("code"), knowledge=True),
    Operation(
        "geo.on continent",
        _LISTS,
        "word",
        _there(lambda yes, no: yes[0] if len(yes) == 1 and no else None),
        params=continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.off continent",
        _LISTS,
        "word",
        _there(lambda yes, no: no[0] if len(no) == 1 and yes else None),
        params=continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.keep continent",
        _LISTS,
        "list",
        _there(lambda yes, no: _joined(yes) if no else None),
        params=continent_params,
        knowledge=True,
    ),
    Operation(
        "geo.count continent",
        _LISTS,
        "number",
        _there(lambda yes, no: str(len(yes))),
        params=continent_params,
        knowledge=True,
    ),
    Operation("geo.euro country", _LISTS, "word", _one_with("currency code", "EUR"), knowledge=True),
    Operation("geo.first capital", _LISTS, "word", lambda v, _: countries("capital").get(v.data[0]), knowledge=True),
    Operation("geo.last capital", _LISTS, "word", lambda v, _: countries("capital").get(v.data[-1]), knowledge=True),
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
