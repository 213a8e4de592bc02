"""Rewriting records: one field renamed, changed, dropped or added, and the record in another notation."""

import re
from collections.abc import Callable, Mapping

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
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
    Operation(
        "record.rename",
        _LINE,
        "code",
        _edited(_rename),
        (
            'rename the field "{key}" to "{new}"',
            "write {the} again with {new} in place of the key {key}",
            "let the key {key} be called {new}, the rest as it is",
            "change the field name {key} into {new}, values untouched",
        ),
        ('{the} with "{key}" renamed to "{new}"', "the same data with the key {key} called {new}"),
        params=_renamed,
    ),
    Operation(
        "record.change",
        _LINE,
        "code",
        _edited(_change),
        (
            "set {key} to {value}",
            "output {the} again with {value} as its {key}",
            "replace the value of {key} by {value}, keep everything else",
            "update {the}: {key} becomes {value}",
        ),
        ("{the} with {key} set to {value}", "the same data after {key} was changed to {value}"),
        params=_changed,
    ),
    Operation(
        "record.drop",
        _LINE,
        "code",
        _edited(_drop),
        (
            "remove the field {key} from {the}",
            "write {the} without its {key}",
            "delete {key} with its value, keeping the other fields",
            "leave out the {key} when you copy {the}",
        ),
        ("{the} without the field {key}", "everything but the {key}, in the same notation"),
        ("what is left of {the} without {key}, in the same notation?",),
        params=lambda d: {"key": d.pick(KEYS)},
    ),
    Operation(
        "record.keep",
        _LINE,
        "code",
        _edited(_keep),
        (
            "keep only the fields {one} and {two}, in the order of {the}",
            "strip {the} down to {one} and {two}, same notation and order",
            "remove every field but {one} and {two}",
        ),
        ("{the} with no fields but {one} and {two}", "a version of {the} with {one} and {two} alone, in their order"),
        params=_two_keys,
    ),
    Operation(
        "record.add last",
        _LINE,
        "code",
        _edited(lambda f, p: None if p["key"] in f else {**f, p["key"]: p["value"]}),
        (
            'add a field "{key}" with the value "{value}" at the end',
            "append {key} = {value} as the last field, in the notation of {the}",
            "extend {the} by {key}, set to {value}, behind the other fields",
        ),
        ('{the} with "{key}" ("{value}") added at the end',),
        params=_added,
    ),
    Operation(
        "record.add first",
        _LINE,
        "code",
        _edited(lambda f, p: None if p["key"] in f else {p["key"]: p["value"], **f}),
        (
            'add a field "{key}" with the value "{value}" at the start',
            "put {key} = {value} in front as the first field, in the notation of {the}",
            "extend {the} by {key}, set to {value}, before the other fields",
        ),
        ('{the} with "{key}" ("{value}") added at the start',),
        params=_added,
    ),
    Operation(
        "record.sort keys",
        _LINE,
        "code",
        _edited(_sorted),
        (
            "sort the fields by name",
            "put the key-value pairs into alphabetical order of their keys",
            "order the fields of {the} from a to z so that records can be compared",
        ),
        ("{the} with its fields in alphabetical order", "a version of {the} sorted by key"),
    ),
    Operation(
        "record.reverse",
        _LINE,
        "code",
        _edited(lambda f, _: dict(reversed(f.items()))),
        ("reverse the order of the fields", "write {the} with the last field first and the first field last"),
        ("{the} with its fields in reverse order", "a version of {the} that runs from last field to first"),
    ),
    Operation(
        "record.upper keys",
        _LINE,
        "code",
        _edited(lambda f, _: {k.upper(): v for k, v in f.items()}),
        ("print the field names in capitals, values unchanged", "change only the keys of {the} to upper case"),
        ("{the} with its keys in capitals", "the same data with upper case field names"),
    ),
    Operation(
        "record.drop empty",
        _LINE,
        "code",
        _edited(lambda f, _: {k: v for k, v in f.items() if v}),
        ("remove the field that has no value", "clean {the}: leave out whatever is empty"),
        ("{the} without its empty field", "a version of {the} in which only the filled fields are left"),
    ),
    Operation(
        "record.to json",
        ("record", "record lines"),
        "code",
        _written(_json),
        (
            "convert {the} to JSON on one line, numbers and true/false without quotes",
            "write {the} as one JSON object; whole numbers and true/false stay unquoted",
            "turn the fields into a JSON object (numbers and booleans bare, everything else in quotes)",
        ),
        ("{the} as a JSON object, numbers and booleans unquoted", "one line of JSON with the same fields"),
    ),
    Operation(
        "record.to pairs",
        ANY,
        "code",
        _written(lambda f, p: p["sep"].join(f"{k}{p['eq']}{v}" for k, v in f.items())),
        (
            "write the fields as {pattern} with {between} between them, values unquoted",
            "convert {the} to {pattern} pairs, separated by {between}, without quotes",
            "flatten {the}: {pattern}, joined by {between}, no quotes",
        ),
        (
            "{the} as {pattern} pairs with {between} between them",
            "a line with each field as {pattern}, joined by {between}",
        ),
        params=_joints,
    ),
    Operation(
        "record.to csv",
        ANY,
        "code",
        _written(lambda f, _: ",".join(f.values())),
        (
            "write the values as one CSV line, without header and without spaces",
            "convert {the} to a comma-separated row: values only, no spaces after the commas",
        ),
        ("a CSV row of the values, without spaces", "one line for our CSV file: the values, commas between, no spaces"),
    ),
    Operation(
        "record.to header",
        ANY,
        "code",
        _written(lambda f, _: ",".join(f)),
        (
            "output the CSV header that fits {the}, no spaces",
            "make a header line of the field names: commas between, no spaces",
        ),
        ("the header line of a CSV file with these fields, no spaces", "a header of the form name,name,name"),
    ),
    Operation(
        "record.to flags",
        ANY,
        "code",
        _written(lambda f, _: " ".join(f"--{k} {v}" for k, v in f.items())),
        (
            "write each field as a command line flag: --name value",
            "convert {the} to flags of the form --name value, separated by spaces",
        ),
        ("{the} as command line flags (--name value)", "a string of --name value flags, one for each field"),
        ("what do the fields look like as flags (--name value)?",),
    ),
    Operation(
        "record.to env",
        ANY,
        "code",
        _written(lambda f, _: " ".join(f"{k.upper()}={v}" for k, v in f.items())),
        (
            "write each field as an environment variable: NAME=value, a space between two",
            "convert {the} to NAME=value pairs on one line, names in capitals, values as they are",
        ),
        ("a line of environment variables (NAME=value) made from {the}", "{the} as NAME=value, a space between two"),
        ("how do the fields look as NAME=value on one line?",),
    ),
    Operation(
        "record.to filter",
        ANY,
        "code",
        _written(lambda f, _: " AND ".join(f"{k}='{v}'" for k, v in f.items())),
        (
            "write {the} as an SQL condition: name='value' joined by AND, every value in single quotes",
            "make the WHERE part of a query that finds {the} (name='value' AND ...)",
        ),
        (
            "a condition that lists the fields as name='value', joined by AND",
            "an SQL filter for {the}: name='value' AND ...",
        ),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
