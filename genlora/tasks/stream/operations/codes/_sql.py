"""SQL statements and heads of functions."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..words._parts_of import part

_SQL, _HEAD = ("sql",), ("signature",)


def _rows(draw: Draw) -> Params:
    return {"n": draw.pick((3, 7, 15, 25, 200))}


def _table(draw: Draw) -> Params:
    return {"table": draw.pick(("users", "orders", "products", "invoices", "customers", "events"))}


def _nth(draw: Draw) -> Params:
    n = draw.between(0, 1)
    return {"n": n, "nth": ("first", "second")[n]}


def _selected(value: Value, p: Params) -> str | None:
    columns = value.data["columns"]
    return columns[p["n"]] if len(columns) > p["n"] else None


def _limited(value: Value, p: Params) -> str | None:
    if value.data["verb"] != "SELECT":
        return None
    return f"{value.data['start']} WHERE {value.data['condition']} LIMIT {p['n']}"


OPERATIONS = (
    part(
        "sql.table",
        _SQL,
        "table",
        ("show the table", "write which table is read or changed", "extract the table name from {the}"),
        ("the name of the table", "the table that {the} works on"),
        ("which table is used?",),
    ),
    part(
        "sql.verb",
        _SQL,
        "verb",
        ("return the SQL keyword at the start", "write the first word of {the}"),
        ("the keyword {the} starts with", "the SQL verb, in capitals"),
        ("with which keyword does {the} start?",),
    ),
    part(
        "sql.columns",
        _SQL,
        lambda v, _: ", ".join(v.data["columns"]) or None,
        ("list the selected columns, comma-separated", "write what is selected, column names only"),
        ("the selected columns, comma-separated", "the column names between SELECT and FROM"),
        ("which columns are selected?",),
        "code",
    ),
    Operation(
        "sql.nth column",
        _SQL,
        "code",
        _selected,
        ("give the {nth} selected column", "output the {nth} column after SELECT"),
        ("the {nth} of the selected columns", "the {nth} column name after SELECT"),
        ("what is the {nth} selected column?",),
        _nth,
    ),
    part(
        "sql.count columns",
        _SQL,
        lambda v, _: str(len(v.data["columns"])) if v.data["columns"] else None,
        ("count the selected columns", "say how many columns stand between SELECT and FROM"),
        ("the number of selected columns",),
        ("how many columns are selected?",),
        "number",
    ),
    part(
        "sql.column",
        _SQL,
        "column",
        ("output the column that WHERE tests", "write by which column the rows are filtered"),
        ("the column in the WHERE part", "the column that decides which rows are meant"),
        ("which column does WHERE test?",),
    ),
    part(
        "sql.value",
        _SQL,
        "value",
        (
            "fetch the value after the comparison in WHERE, without quotes",
            "write with what the WHERE column is compared",
        ),
        ("the value in the WHERE part, no quotes", "the right side of the comparison, quotes removed"),
        ("with which value is the WHERE column compared?",),
    ),
    part(
        "sql.condition",
        _SQL,
        "condition",
        (
            "give the condition after WHERE as it is",
            "extract the WHERE clause without the word WHERE and without a limit",
        ),
        ("the condition behind WHERE", "the test in the WHERE part, unchanged"),
        ("what is the WHERE condition?",),
    ),
    part(
        "sql.limit",
        _SQL,
        "limit",
        ("print the row limit, number only", "write how many rows may be returned at most"),
        ("the number after LIMIT", "the maximum number of rows"),
        ("how many rows are returned at most?",),
        "number",
    ),
    part(
        "sql.no where",
        _SQL,
        "start",
        ("cut {the} off before WHERE", "write {the} without its condition and limit"),
        ("{the} up to WHERE, which is left out", "the part of {the} before WHERE"),
        ("what does {the} say before WHERE?",),
    ),
    part(
        "sql.count query",
        _SQL,
        lambda v, _: f"SELECT COUNT(*) FROM {v.data['table']} WHERE {v.data['condition']}",
        (
            "write the query that counts the rows concerned: SELECT COUNT(*) FROM ... WHERE ..., same condition",
            "turn {the} into SELECT COUNT(*) on the same table with the same WHERE, no limit",
        ),
        ("the SELECT COUNT(*) query for the same table and condition",),
    ),
    Operation(
        "sql.new limit",
        _SQL,
        "code",
        _limited,
        ("set the limit to {n}, adding it if there is none", "end {the} with LIMIT {n} (replace another limit)"),
        ("{the} with LIMIT {n} at its end", "the same query for at most {n} rows"),
        params=_rows,
    ),
    part(
        "head.name",
        _HEAD,
        "name",
        ("give the name of the function", "print what stands before the parentheses, without a keyword"),
        ("the name of the function", "the word right before the parentheses"),
        ("what is the function called?",),
    ),
    part(
        "head.parameters",
        _HEAD,
        lambda v, _: ", ".join(v.data["parameters"]),
        (
            "list the parameters without default values, comma-separated",
            "write only the names in the parentheses, with commas",
        ),
        ("the parameter names, comma-separated, defaults left out",),
        ("which parameters are there, defaults left out?",),
        "code",
    ),
    Operation(
        "head.nth",
        _HEAD,
        "code",
        lambda v, p: v.data["parameters"][p["n"]] if len(v.data["parameters"]) > p["n"] else None,
        ("get the name of the {nth} parameter", "write the {nth} parameter without its default"),
        ("the name of the {nth} parameter", "the {nth} name in the parentheses"),
        ("what is the {nth} parameter called?",),
        _nth,
    ),
    part(
        "head.last",
        _HEAD,
        lambda v, _: v.data["parameters"][-1],
        ("give the name of the last parameter, no default", "write the final name in the parentheses"),
        ("the name of the last parameter", "the last name in the parentheses, default left out"),
        ("what is the last parameter called?",),
    ),
    part(
        "head.count",
        _HEAD,
        lambda v, _: str(len(v.data["parameters"])),
        ("count the parameters", "say how many arguments the function takes"),
        ("the number of parameters", "how many parameters are listed"),
        ("how many parameters are there?",),
        "number",
    ),
    part(
        "head.default",
        _HEAD,
        "default",
        ("show the default value", "output what stands after the equals sign"),
        ("the default value of the last parameter", "the value behind the equals sign"),
        ("which default value is given?",),
    ),
    part(
        "head.call",
        _HEAD,
        lambda v, _: f"{v.data['name']}({', '.join(v.data['parameters'])})",
        (
            "write the call with the same names: name(a, b), no defaults",
            "turn {the} into a call that passes every parameter",
        ),
        ("a call of the function with the parameter names as arguments",),
    ),
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
