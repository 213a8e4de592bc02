"""Reading fields of records by their names."""

import re
from collections.abc import Callable, Mapping

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.records._records import DOMAINS, KEYS, NUMERIC
from ._shapes import two_parts

ANY = ("record", "json record", "record lines")
_NTH = ("first", "second", "third")
_TYPES: Mapping[str, str] = {
    "an e-mail address": r"[^@\s]+@[^@\s]+",
    "a date": r"\d{4}-\d\d-\d\d",
    "true or false": r"true|false",
}
_BOUNDS: Mapping[str, tuple[int, ...]] = {
    "age": (30, 40, 50, 65),
    "qty": (5, 10, 20, 25),
    "stock": (5, 10, 20, 30),
    "total": (100, 250, 500),
    "price": (20, 50, 75, 100),
    "weight": (5, 10, 20),
    "pages": (200, 300, 400),
    "year": (2005, 2010, 2015, 2020),
}
_PAIRED = (("stock", "qty"), ("qty", "stock"), ("adults", "children"), ("children", "adults"), ("total", "stock"))


_key = picked(key=KEYS)


def _paired(draw: Draw) -> Params:
    one, two = draw.pick(_PAIRED)
    return {"one": one, "two": two}


def _bound(draw: Draw) -> Params:
    key = draw.pick(tuple(_BOUNDS))
    return {"key": key, "n": draw.pick(_BOUNDS[key])}


def _expected(draw: Draw) -> Params:
    key, values = draw.pick(
        (
            ("status", ("open", "closed", "pending")),
            ("priority", ("low", "high")),
            ("env", ("prod", "dev")),
            ("plan", ("free", "pro")),
            ("paid", ("true", "false")),
            ("active", ("true", "false")),
            ("size", ("M", "L")),
            ("lang", ("en", "de")),
            ("port", ("443", "8080")),
            ("role", ("admin", "guest")),
        )
    )
    return {"key": key, "value": draw.pick(values)}


def _numbers(value: Value) -> dict[str, int]:
    return {k: int(v) for k, v in value.data.items() if k in NUMERIC and v}


def _extreme(best: Callable[..., int], named: bool) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        numbers = _numbers(value)
        others = [k for k, v in value.data.items() if v.replace(".", "").isdigit() and k not in numbers]
        if len(numbers) < 2 or others:
            return None
        wanted = best(numbers.values())
        found = [k for k, n in numbers.items() if n == wanted]
        return None if len(found) != 1 else found[0] if named else str(wanted)

    return do


def _typed(value: Value, p: Params) -> str | None:
    found = [k for k, v in value.data.items() if re.fullmatch(_TYPES[p["type"]], v)]
    return found[0] if len(found) == 1 else None


def _total(value: Value, p: Params) -> str | None:
    one, two = value.data.get(p["one"]), value.data.get(p["two"])
    return str(int(one) + int(two)) if one and two else None


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 3)
    return {"n": n, "nth": _NTH[n - 1]}


def _empty(value: Value) -> list[str]:
    return [k for k, v in value.data.items() if not v]


OPERATIONS = (
    Operation("record.field", ANY, "code", lambda v, p: v.data.get(p["key"]), params=_key),
    two_parts("record.two", ANY, *DOMAINS),
    Operation("record.count", ANY, "number", lambda v, _: str(len(v.data))),
    Operation("record.count filled", ANY, "number", lambda v, _: str(len(v.data) - len(_empty(v)))),
    Operation("record.names", ANY, "code", lambda v, _: ", ".join(v.data)),
    Operation("record.values", ANY, "code", lambda v, _: ", ".join(v.data.values()) if not _empty(v) else None),
    Operation(
        "record.nth name",
        ANY,
        "code",
        lambda v, p: tuple(v.data)[p["n"] - 1] if len(v.data) >= p["n"] else None,
        params=_nth,
    ),
    Operation(
        "record.nth value",
        ANY,
        "code",
        lambda v, p: tuple(v.data.values())[p["n"] - 1] if len(v.data) >= p["n"] else None,
        params=_nth,
    ),
    Operation("record.last value", ANY, "code", lambda v, _: tuple(v.data.values())[-1]),
    Operation("record.largest name", ANY, "code", _extreme(max, named=True)),
    Operation("record.smallest name", ANY, "code", _extreme(min, named=True)),
    Operation("record.largest", ANY, "number", _extreme(max, named=False)),
    Operation("record.typed", ANY, "code", _typed, params=lambda d: {"type": d.pick(tuple(_TYPES))}),
    Operation("record.empty", ANY, "code", lambda v, _: next(iter(_empty(v)), "none")),
    Operation("record.total", ANY, "number", _total, params=_paired),
)

CONDITIONS = (
    Condition(
        "record has",
        ANY,
        lambda v, p: p["key"] in v.data,
        ('{the} has a field "{key}"', "the key {key} is present"),
        ("there is no {key}", 'the field "{key}" is missing'),
        params=picked(key=("name", "city", "id", "item", "price", "status", "team", "owner", "lang")),
    ),
    Condition(
        "record equals",
        ANY,
        lambda v, p: v.data[p["key"]] == p["value"] if v.data.get(p["key"]) else None,
        ("the {key} is {value}", '"{key}" is set to "{value}"'),
        ("the {key} is anything else", "{key} has another value"),
        params=_expected,
    ),
    Condition(
        "record over",
        ANY,
        lambda v, p: float(v.data[p["key"]]) > p["n"] if v.data.get(p["key"]) else None,
        ("the {key} is over {n}", "{key} is more than {n}"),
        ("the {key} is {n} or less", "{key} is at most {n}"),
        params=_bound,
    ),
    Condition(
        "record under",
        ANY,
        lambda v, p: float(v.data[p["key"]]) < p["n"] if v.data.get(p["key"]) else None,
        ("the {key} is under {n}", "{key} is less than {n}"),
        ("the {key} is {n} or more", "{key} is at least {n}"),
        params=_bound,
    ),
    Condition(
        "record more",
        ANY,
        lambda v, p: (
            int(v.data[p["one"]]) > int(v.data[p["two"]]) if v.data.get(p["one"]) and v.data.get(p["two"]) else None
        ),
        ("the {one} is higher than the {two}", "{one} > {two}"),
        ("the {one} is not higher than the {two}", "{one} <= {two}"),
        params=_paired,
    ),
    Condition(
        "record complete",
        ANY,
        lambda v, _: not _empty(v),
        ("every field has a value", "no field of {the} is empty"),
        ("a field is empty", "{the} has a field without a value"),
    ),
    Condition(
        "record wide",
        ANY,
        lambda v, p: len(v.data) > p["n"],
        ("{the} has more than {n} fields", "there are at least {m} fields"),
        ("{the} has {n} fields or fewer", "there are at most {n} fields"),
        params=lambda d: {"n": (n := d.between(2, 3)), "m": n + 1},
    ),
)


def _field(key: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: value.data.get(key) or None


def _stock(value: Value, _: Params) -> str | None:
    stock = value.data.get("stock")
    return None if not stock else "none" if stock == "0" else "few" if int(stock) < 10 else "many"


def _age(value: Value, _: Params) -> str | None:
    age = value.data.get("age")
    return None if not age else "young" if int(age) < 30 else "middle" if int(age) < 60 else "old"


CLASSIFIERS = (
    Classifier(
        "record priority",
        ANY,
        _field("priority"),
        {k: f"the priority is {k}" for k in ("low", "medium", "high")},
        "the time to deal with {the}",
        {"low": "later", "medium": "today", "high": "now"},
    ),
    Classifier(
        "record status",
        ANY,
        _field("status"),
        {k: f"the status is {k}" for k in ("open", "closed", "pending")},
        "a code for the status",
        {"open": "O", "closed": "C", "pending": "P"},
    ),
    Classifier(
        "record env",
        ANY,
        _field("env"),
        {"dev": "env is dev", "staging": "env is staging", "prod": "env is prod"},
        "the treatment of {the}",
        {"dev": "ignore", "staging": "log", "prod": "alert"},
    ),
    Classifier(
        "record stock",
        ANY,
        _stock,
        {"none": "the stock is 0", "few": "the stock is between 1 and 9", "many": "the stock is 10 or more"},
        "the stock level",
        {"none": "sold out", "few": "low", "many": "in stock"},
    ),
    Classifier(
        "record age",
        ANY,
        _age,
        {"young": "the age is under 30", "middle": "the age is 30 to 59", "old": "the age is 60 or more"},
        "the age group",
        {"young": "A", "middle": "B", "old": "C"},
    ),
)
