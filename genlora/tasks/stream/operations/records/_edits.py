"""Rewriting records: one field renamed, changed, dropped or added, and the record in another notation."""

import re
from collections.abc import Callable, Mapping

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.records._records import DOMAINS, KEYS, as_json, sample
from ._records import ANY

_LINE = ("record", "json record")
_RENAMED = {
    "name": ("customer", "person", "title"),
    "city": ("town", "place"),
    "email": ("mail", "contact"),
    "id": ("number", "ref", "key"),
    "item": ("product", "article"),
    "qty": ("quantity", "amount", "count"),
    "price": ("cost", "unit_price"),
    "status": ("state", "stage"),
    "team": ("group", "unit"),
    "owner": ("assignee", "user"),
    "color": ("colour", "shade"),
    "stock": ("available", "in_stock"),
    "lang": ("language", "locale"),
    "role": ("position", "job"),
    "host": ("server", "machine"),
    "env": ("environment", "stage"),
    "due": ("deadline", "due_date"),
    "year": ("published", "released"),
    "priority": ("urgency", "prio"),
}
_CHANGED = (
    "status",
    "city",
    "team",
    "role",
    "priority",
    "env",
    "plan",
    "lang",
    "color",
    "size",
    "region",
    "qty",
    "port",
)
_ADDED = (
    ("source", "web"),
    ("checked", "yes"),
    ("country", "NO"),
    ("type", "b2b"),
    ("group", "A"),
    ("origin", "import"),
    ("currency", "EUR"),
    ("state", "new"),
    ("tag", "vip"),
    ("kind", "test"),
    ("unit", "kg"),
)


def _edited(edit: Callable[[dict[str, str], Params], dict[str, str] | None]) -> Callable[[Value, Params], str | None]:
    """The edited record as the input type writes it; None where nothing changes or nothing is left."""

    def do(value: Value, p: Params) -> str | None:
        fields = edit(dict(value.data), p)
        if not fields:
            return None
        written = value.data.write(fields)
        return None if written == value.text else written

    return do


def _rename(fields: dict[str, str], p: Params) -> dict[str, str] | None:
    if p["key"] not in fields or p["new"] in fields:
        return None
    return {p["new"] if k == p["key"] else k: v for k, v in fields.items()}


def _change(fields: dict[str, str], p: Params) -> dict[str, str] | None:
    return {**fields, p["key"]: p["value"]} if p["key"] in fields else None


def _drop(fields: dict[str, str], p: Params) -> dict[str, str] | None:
    return {k: v for k, v in fields.items() if k != p["key"]} if p["key"] in fields else None


def _keep(fields: dict[str, str], p: Params) -> dict[str, str] | None:
    kept = {k: v for k, v in fields.items() if k in (p["one"], p["two"])}
    return kept if len(kept) == 2 else None


def _written(write: Callable[[Mapping[str, str], Params], str | None]) -> Callable[[Value, Params], str | None]:
    """The record in another notation; None where it is already written so, or has an empty field."""

    def do(value: Value, p: Params) -> str | None:
        if not all(value.data.values()):
            return None
        written = write(value.data, p)
        return None if written == value.text else written

    return do


def _renamed(draw: Draw) -> Params:
    key = draw.pick(tuple(_RENAMED))
    return {"key": key, "new": draw.pick(_RENAMED[key])}


def _changed(draw: Draw) -> Params:
    key = draw.pick(_CHANGED)
    return {"key": key, "value": sample(key, draw)}


def _added(draw: Draw) -> Params:
    key, value = draw.pick(_ADDED)
    return {"key": key, "value": value}


def _two_keys(draw: Draw) -> Params:
    one, two = draw.some(draw.pick(DOMAINS), 2)
    return {"one": one, "two": two}


def _joints(draw: Draw) -> Params:
    sep, called = draw.pick(
        (("&", '"&"'), (";", '";"'), (", ", "a comma and a space"), (" ", "a space"), ("|", '"|"'), (",", "a comma"))
    )
    eq = draw.pick(("=", ":"))
    return {"sep": sep, "between": called, "eq": eq, "pattern": f"name{eq}value"}


def _json(fields: Mapping[str, str], _: Params) -> str | None:
    return None if any(re.fullmatch(r"\d+\.\d+", v) for v in fields.values()) else as_json(fields)


def _sorted(fields: dict[str, str], _: Params) -> dict[str, str]:
    return dict(sorted(fields.items()))


OPERATIONS = (
    Operation("record.rename", _LINE, "code", _edited(_rename), params=_renamed),
    Operation("record.change", _LINE, "code", _edited(_change), params=_changed),
    Operation("record.drop", _LINE, "code", _edited(_drop), params=picked(key=KEYS)),
    Operation("record.keep", _LINE, "code", _edited(_keep), params=_two_keys),
    Operation(
        "record.add last",
        _LINE,
        "code",
        _edited(lambda f, p: None if p["key"] in f else {**f, p["key"]: p["value"]}),
        params=_added,
    ),
    Operation(
        "record.add first",
        _LINE,
        "code",
        _edited(lambda f, p: None if p["key"] in f else {p["key"]: p["value"], **f}),
        params=_added,
    ),
    Operation("record.sort keys", _LINE, "code", _edited(_sorted)),
    Operation("record.reverse", _LINE, "code", _edited(lambda f, _: dict(reversed(f.items())))),
    Operation("record.upper keys", _LINE, "code", _edited(lambda f, _: {k.upper(): v for k, v in f.items()})),
    Operation("record.drop empty", _LINE, "code", _edited(lambda f, _: {k: v for k, v in f.items() if v})),
    Operation("record.to json", ("record", "record lines"), "code", _written(_json)),
    Operation(
        "record.to pairs",
        ANY,
        "code",
        _written(lambda f, p: p["sep"].join(f"{k}{p['eq']}{v}" for k, v in f.items())),
        params=_joints,
    ),
    Operation("record.to csv", ANY, "code", _written(lambda f, _: ",".join(f.values()))),
    Operation("record.to header", ANY, "code", _written(lambda f, _: ",".join(f))),
    Operation("record.to flags", ANY, "code", _written(lambda f, _: " ".join(f"--{k} {v}" for k, v in f.items()))),
    Operation("record.to env", ANY, "code", _written(lambda f, _: " ".join(f"{k.upper()}={v}" for k, v in f.items()))),
    Operation("record.to filter", ANY, "code", _written(lambda f, _: " AND ".join(f"{k}='{v}'" for k, v in f.items()))),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
