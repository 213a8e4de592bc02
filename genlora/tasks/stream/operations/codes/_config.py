"""Settings, JSON values, quotation marks, SQL statements, heads of functions."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..records._shapes import two_parts
from ..words._parts_of import part

_SWITCH, _LIMIT, _LITERAL, _QUOTED = ("switch",), ("limit",), ("literal",), ("quoted",)


def _truth(value: Value, flipped: bool = False) -> str:
    return "true" if value.data["on"] != flipped else "false"


def _words(draw: Draw) -> Params:
    on, off = draw.pick(
        (("on", "off"), ("yes", "no"), ("1", "0"), ("enabled", "disabled"), ("True", "False"), ("Y", "N"))
    )
    return {"on": on, "off": off}


_bound = picked(n=(30, 60, 100, 120, 200, 250, 300, 400, 500))


OPERATIONS = (
    part("switch.truth", _SWITCH, lambda v, _: _truth(v)),
    part("switch.flipped", _SWITCH, lambda v, _: _truth(v, flipped=True)),
    Operation("switch.words", _SWITCH, "code", lambda v, p: p["on"] if v.data["on"] else p["off"], params=_words),
    part("switch.key", _SWITCH, "key"),
    part("switch.word", _SWITCH, "word"),
    part("switch.json", _SWITCH, lambda v, _: f'{{"{v.data["key"]}": {_truth(v)}}}'),
    part("switch.flag", _SWITCH, lambda v, _: f"--{'' if v.data['on'] else 'no-'}{v.data['key'].replace('_', '-')}"),
    part("limit.key", _LIMIT, "key"),
    part("limit.number", _LIMIT, "number", answer="number"),
    part("limit.comment", _LIMIT, lambda v, _: v.data["note"].removeprefix("# ") or None, answer="text"),
    part("limit.clean", _LIMIT, lambda v, _: f"{v.data['key']}={v.data['number']}"),
    part(
        "limit.double",
        _LIMIT,
        lambda v, _: f"{v.data['key']}={2 * int(v.data['number'])}" if int(v.data["number"]) < 300 else None,
    ),
    part("limit.json", _LIMIT, lambda v, _: f'{{"{v.data["key"]}": {v.data["number"]}}}'),
    part("limit.export", _LIMIT, lambda v, _: f"export {v.data['key'].upper()}={v.data['number']}"),
    two_parts("limit.shaped", _LIMIT, ("key", "number")),
    part("quotes.count", _QUOTED, lambda v, _: str(v.data["marks"]), answer="number"),
)

CONDITIONS = (
    Condition(
        "switch on",
        _SWITCH,
        lambda v, _: v.data["on"],
        ("{the} is switched on", "the value means yes (on, 1, true, enabled ...)"),
        ("{the} is switched off", "the value means no (off, 0, false, disabled ...)"),
    ),
    Condition(
        "limit over",
        _LIMIT,
        lambda v, p: int(v.data["number"]) > p["n"],
        ("the value is over {n}", "more than {n} is set"),
        ("the value is {n} or less", "at most {n} is set"),
        params=_bound,
    ),
    Condition(
        "limit comment",
        _LIMIT,
        lambda v, _: bool(v.data["note"]),
        ("there is a comment", "a remark follows the value"),
        ("there is no comment", "{the} ends with the value"),
    ),
    Condition(
        "literal string",
        _LITERAL,
        lambda v, _: v.data["kind"] == "string",
        ("the value is a string (in quotes)", "the value stands in quotation marks"),
        ("the value is no string", "the value has no quotation marks of its own"),
    ),
    Condition(
        "literal number",
        _LITERAL,
        lambda v, _: v.data["kind"] in ("integer", "float"),
        ("the value is a number without quotes", "one can calculate with the value as it stands"),
        ("the value is something else", "the value is no bare number"),
    ),
    Condition(
        "quotes balanced",
        _QUOTED,
        lambda v, _: v.data["balanced"],
        ("every quotation mark has its partner", "the number of quotation marks is even"),
        ("a quotation mark is missing", "the number of quotation marks is odd"),
    ),
    Condition(
        "quotes broken",
        _QUOTED,
        lambda v, _: not v.data["balanced"],
        ("a quote is opened or closed without its counterpart", "{the} lacks a quotation mark"),
        ("all quotes are closed properly", "the quotation marks come in pairs"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "literal type",
        _LITERAL,
        lambda v, _: v.data["kind"],
        {
            "integer": "it is a whole number",
            "float": "it is a decimal number",
            "boolean": "it is true or false without quotes",
            "string": "it is in quotes",
            "null": "it is null without quotes",
            "list": "it stands in square brackets",
        },
        "the type of the value",
        {"integer": "int", "float": "float", "boolean": "bool", "string": "string", "null": "null", "list": "list"},
    ),
)
