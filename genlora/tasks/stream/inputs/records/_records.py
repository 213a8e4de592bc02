"""Records of named fields in the shapes that people paste: pairs, JSON, query strings, CSV and tables with a header.

Fields differ from input to input, so that a field is found by its name and not by its place.
"""

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value
from ..._tables import table


class Record(dict[str, str]):
    """Field names and values, and how its input type writes such a record."""

    write: Callable[[Mapping[str, str]], str]


def _word(name: str) -> Callable[[Draw], str]:
    return lambda draw: draw.pick(table(name, of="codes"))


def _whole(low: int, high: int) -> Callable[[Draw], str]:
    return lambda draw: str(draw.between(low, high))


def _of(*values: str) -> Callable[[Draw], str]:
    return lambda draw: draw.pick(values)


def _date(draw: Draw) -> str:
    return f"{draw.between(2021, 2027)}-{draw.between(1, 12):02}-{draw.between(1, 28):02}"


def _email(draw: Draw) -> str:
    return f"{_word('users')(draw)}@{_word('domains')(draw)}"


def _version(draw: Draw) -> str:
    return f"{draw.between(0, 9)}.{draw.between(0, 19)}.{draw.between(0, 9)}"


_FIELDS: dict[str, Callable[[Draw], str]] = {
    "name": _word("names"),
    "surname": _word("surnames"),
    "city": _word("cities"),
    "age": _whole(18, 79),
    "email": _email,
    "contact": _email,
    "team": _word("teams"),
    "role": _word("roles"),
    "id": _whole(100, 9999),
    "status": _of("open", "closed", "pending"),
    "item": _word("items"),
    "qty": _whole(1, 40),
    "price": lambda d: f"{d.between(2, 120)}.{d.pick(('00', '50', '90', '99'))}",
    "total": _whole(20, 900),
    "date": _date,
    "due": _date,
    "since": _date,
    "owner": _word("users"),
    "priority": _of("low", "medium", "high"),
    "color": _word("colors"),
    "size": _word("sizes"),
    "stock": lambda d: str(d.between(0, 60)) if d.chance(0.8) else "0",
    "weight": _whole(1, 30),
    "host": lambda d: f"{d.pick(('web', 'db', 'api', 'cache'))}{d.between(1, 9)}",
    "port": _of("80", "443", "3000", "5432", "8080", "9000"),
    "env": _of("dev", "staging", "prod"),
    "region": _word("regions"),
    "version": _version,
    "adults": _whole(1, 6),
    "children": _whole(0, 4),
    "room": _whole(101, 420),
    "plan": _word("plans"),
    "lang": _word("langs"),
    "active": _of("true", "false"),
    "paid": _of("true", "false"),
    "year": _whole(1995, 2026),
    "rating": _whole(1, 5),
    "pages": _whole(80, 600),
}
DOMAINS: tuple[tuple[str, ...], ...] = (
    ("name", "surname", "city", "age", "team", "role", "email"),
    ("name", "id", "since", "plan", "active", "lang"),
    ("id", "item", "qty", "price", "status", "city", "paid"),
    ("id", "owner", "priority", "status", "contact", "due"),
    ("item", "color", "size", "price", "stock", "weight"),
    ("host", "port", "env", "region", "version", "contact"),
    ("name", "date", "city", "adults", "children", "room", "paid"),
    ("item", "stock", "qty", "price", "total", "status"),
    ("name", "year", "lang", "rating", "pages", "price"),
)
"""Fields that go together."""
KEYS = tuple(dict.fromkeys(key for domain in DOMAINS for key in domain))
NUMERIC = frozenset(k for k in KEYS if k in {"age", "qty", "total", "stock", "weight", "adults", "children", "pages"})
"""Fields with amounts: ids, years and ports are numbers that nobody compares."""


def sample(key: str, draw: Draw) -> str:
    """A value that the field `key` could have."""
    return _FIELDS[key](draw)


def _layout(**choices: tuple[object, ...]) -> Callable[[Draw], Params]:
    def drawn(draw: Draw) -> Params:
        picked: dict[str, object] = {name: draw.pick(of) for name, of in choices.items()}
        return {**picked, "low": 2, "high": draw.between(4, 5)}

    return drawn


def _records(style: Callable[[Mapping[str, str], Params], str], most: int = 5) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        domain = draw.pick(DOMAINS)
        keys = draw.some(domain, draw.between(layout["low"], min(layout["high"], most)))
        record = Record((k, _FIELDS[k](draw)) for k in keys)
        if draw.chance(0.1):
            record[draw.pick(keys)] = ""
        record.write = lambda fields: style(fields, layout)
        return Value(record, record.write(record))

    return drawn


def typed(value: str) -> object:
    """A value as JSON would have it: whole numbers and true/false without quotes."""
    if value.isascii() and value.isdigit():
        return int(value)
    return {"true": True, "false": False}.get(value, value)


def as_json(fields: Mapping[str, str]) -> str:
    """One line of JSON; decimals stay strings, as money is often kept."""
    return json.dumps({k: typed(v) for k, v in fields.items()})


def _pairs(fields: Mapping[str, str], p: Params) -> str:
    return p["sep"].join(f"{k}{p['eq']}{v}" for k, v in fields.items())


def _lines(fields: Mapping[str, str], p: Params) -> str:
    return "\n".join(f"{k}{p['eq']}{v}" for k, v in fields.items())


def _query(fields: Mapping[str, str], p: Params) -> str:
    return p["lead"] + "&".join(f"{k}={quote_plus(v, safe='@')}" for k, v in fields.items())


def _attributes(fields: Mapping[str, str], p: Params) -> str:
    inside = " ".join(f'{k}="{v}"' for k, v in fields.items())
    return f"<{p['tag']} {inside}/>"


def _literal(fields: Mapping[str, str], _: Params) -> str:
    return str({k: typed(v) for k, v in fields.items()})


def _csv(fields: Mapping[str, str], p: Params) -> str:
    return f"{p['sep'].join(fields)}\n{p['sep'].join(fields.values())}"


def _table(fields: Mapping[str, str], _: Params) -> str:
    return f"| {' | '.join(fields)} |\n| {' | '.join(fields.values())} |"


INPUTS = (
    InputType(
        "record pairs",
        "record",
        "a record",
        "the record",
        _records(_pairs),
        _layout(sep=("; ", ", ", " | ", "; "), eq=(": ", ": ", "=", "=")),
    ),
    InputType(
        "record words",
        "record",
        "a line of key=value pairs",
        "the line",
        _records(_pairs),
        _layout(sep=(" ",), eq=("=",)),
    ),
    InputType(
        "query string", "record", "a query string", "the query string", _records(_query), _layout(lead=("", "?", "?"))
    ),
    InputType(
        "attributes",
        "record",
        "an XML element",
        "the element",
        _records(_attributes),
        _layout(tag=("row", "entry", "record", "node", "data")),
    ),
    InputType(
        "json record", "json record", "a JSON object", "the object", _records(lambda f, _: as_json(f)), _layout()
    ),
    InputType("dict literal", "json record", "a Python dict", "the dict", _records(_literal), _layout()),
    InputType(
        "ini lines", "record lines", "a block of settings", "the block", _records(_lines), _layout(eq=("=", " = "))
    ),
    InputType("yaml lines", "record lines", "a YAML snippet", "the snippet", _records(_lines), _layout(eq=(": ",))),
    InputType(
        "csv with header",
        "record lines",
        "a CSV row under its header",
        "the row",
        _records(_csv, most=4),
        _layout(sep=(",", ",", ";")),
    ),
    InputType(
        "table row",
        "record lines",
        "a Markdown table row under its header",
        "the row",
        _records(_table, most=4),
        _layout(),
    ),
)
