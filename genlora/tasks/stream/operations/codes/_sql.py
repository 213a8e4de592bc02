"""SQL statements and heads of functions."""

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from .._work import first_or_second
from ..words._parts_of import part

_SQL, _HEAD = ("sql",), ("signature",)


_rows = picked(n=(3, 7, 15, 25, 200))


_table = picked(table=("users", "orders", "products", "invoices", "customers", "events"))


def _selected(value: Value, p: Params) -> str | None:
    columns = value.data["columns"]
    return columns[p["n"]] if len(columns) > p["n"] else None


def _limited(value: Value, p: Params) -> str | None:
    if value.data["verb"] != "SELECT":
        return None
    return f"{value.data['start']} WHERE {value.data['condition']} LIMIT {p['n']}"


OPERATIONS = (
    part("sql.table", _SQL, "table"),
    part("sql.verb", _SQL, "verb"),
    part("sql.columns", _SQL, lambda v, _: ", ".join(v.data["columns"]) or None, answer="code"),
    Operation("sql.nth column", _SQL, "code", _selected, params=first_or_second),
    part(
        "sql.count columns",
        _SQL,
        lambda v, _: str(len(v.data["columns"])) if v.data["columns"] else None,
        answer="number",
    ),
    part("sql.column", _SQL, "column"),
    part("sql.value", _SQL, "value"),
    part("sql.condition", _SQL, "condition"),
    part("sql.limit", _SQL, "limit", answer="number"),
    part("sql.no where", _SQL, "start"),
    part("sql.count query", _SQL, lambda v, _: f"SELECT COUNT(*) FROM {v.data['table']} WHERE {v.data['condition']}"),
    Operation("sql.new limit", _SQL, "code", _limited, params=_rows),
    part("head.name", _HEAD, "name"),
    part("head.parameters", _HEAD, lambda v, _: ", ".join(v.data["parameters"]), answer="code"),
    Operation(
        "head.nth",
        _HEAD,
        "code",
        lambda v, p: v.data["parameters"][p["n"]] if len(v.data["parameters"]) > p["n"] else None,
        params=first_or_second,
    ),
    part("head.last", _HEAD, lambda v, _: v.data["parameters"][-1]),
    part("head.count", _HEAD, lambda v, _: str(len(v.data["parameters"])), answer="number"),
    part("head.default", _HEAD, "default"),
    part("head.call", _HEAD, lambda v, _: f"{v.data['name']}({', '.join(v.data['parameters'])})"),
)

CONDITIONS = (
    Condition(
        "sql reads",
        _SQL,
        lambda v, _: v.data["verb"] == "SELECT",
        ("{the} only reads (SELECT)", "no row is changed by {the}"),
        ("{the} changes or deletes rows", "it is a DELETE or an UPDATE"),
    ),
    Condition(
        "sql limit",
        _SQL,
        lambda v, _: bool(v.data["limit"]),
        ("there is a LIMIT", "the number of rows is limited"),
        ("there is no LIMIT", "the number of rows is not limited"),
    ),
    Condition(
        "sql table",
        _SQL,
        lambda v, p: v.data["table"] == p["table"],
        ("the table is {table}", "{the} works on {table}"),
        ("the table is another one", "{table} is not touched"),
        params=_table,
    ),
    Condition(
        "head default",
        _HEAD,
        lambda v, _: bool(v.data["default"]),
        ("a parameter has a default value", "there is an equals sign in the parentheses"),
        ("no parameter has a default", "there is no equals sign"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "sql verb",
        _SQL,
        lambda v, _: v.data["verb"],
        {"SELECT": "it is a SELECT", "UPDATE": "it is an UPDATE", "DELETE": "it is a DELETE"},
        "the effect of {the}",
        {"SELECT": "read", "UPDATE": "change", "DELETE": "remove"},
    ),
)
