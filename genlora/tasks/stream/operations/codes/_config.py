"""Settings, JSON values, quotation marks, SQL statements, heads of functions."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..records._shapes import two_parts
from ..words._parts_of import part

_SWITCH, _LIMIT, _LITERAL, _QUOTED = ("switch",), ("limit",), ("literal",), ("quoted",)


def _truth(value: Value, flipped: bool = False) -> str:
    return "true" if value.data["on"] != flipped else "false"


def _piece(value: Value, name: str) -> str | None:
    return value.data[name] or None


def _words(draw: Draw) -> Params:
    on, off = draw.pick(
        (("on", "off"), ("yes", "no"), ("1", "0"), ("enabled", "disabled"), ("True", "False"), ("Y", "N"))
    )
    return {"on": on, "off": off}


def _bound(draw: Draw) -> Params:
    return {"n": draw.pick((30, 60, 100, 120, 200, 250, 300, 400, 500))}


OPERATIONS = (
    part(
        "switch.truth",
        _SWITCH,
        lambda v, _: _truth(v),
        (
            "say whether it is switched on: true or false",
            "normalise the value (yes/on/1/enabled ...) to true or false",
            "write only true for any kind of yes and false for any kind of no",
        ),
        ("true or false for the value of {the}", "the value as a boolean, true or false"),
        ("is it switched on, true or false?",),
    ),
    part(
        "switch.flipped",
        _SWITCH,
        lambda v, _: _truth(v, flipped=True),
        ("write the opposite of the value, as true or false", "negate the value: true becomes false, in these words"),
        ("the opposite of the value, as true or false", "the negated value (true or false)"),
        ("what is the opposite of its value, true or false?",),
    ),
    Operation(
        "switch.words",
        _SWITCH,
        "code",
        lambda v, p: p["on"] if v.data["on"] else p["off"],
        (
            'translate the value: "{on}" for any kind of yes, "{off}" for any kind of no',
            "convert yes/on/1/true to {on}, the rest to {off}",
        ),
        ('"{on}" or "{off}", depending on the value', "the value written as {on} or {off}"),
        params=_words,
    ),
    part(
        "switch.key",
        _SWITCH,
        "key",
        ("show the name of the setting", "print what is switched, without its value"),
        ("the name of the setting", "the key, value left out"),
        ("which setting is it?",),
    ),
    part(
        "switch.word",
        _SWITCH,
        "word",
        ("return the value as it is written", "repeat the value, without the name"),
        ("the value, exactly as written", "the word behind the name"),
        ("how is the value written?",),
    ),
    part(
        "switch.json",
        _SWITCH,
        lambda v, _: f'{{"{v.data["key"]}": {_truth(v)}}}',
        ("write {the} as JSON with a real boolean", "convert it to a JSON object: the name and true or false"),
        ("a JSON object with the name and a boolean", "{the} in JSON, true or false unquoted"),
        ("what is {the} in JSON, with a real boolean?",),
    ),
    part(
        "switch.flag",
        _SWITCH,
        lambda v, _: f"--{'' if v.data['on'] else 'no-'}{v.data['key'].replace('_', '-')}",
        (
            "write it as a flag: --name if it is on, --no-name if it is off (hyphens for underscores)",
            "convert {the} to --name or --no-name, underscores to hyphens",
        ),
        ("the flag --name or --no-name for {the}, hyphens for underscores",),
    ),
    part(
        "limit.key",
        _LIMIT,
        "key",
        ("give the name of the setting", "write the key only, no value and no comment"),
        ("the name of the setting", "the key on the left"),
        ("which setting is it?",),
    ),
    part(
        "limit.number",
        _LIMIT,
        "number",
        ("output the value, without name and comment", "extract the number that is set"),
        ("the number that is set", "the value of the setting"),
        ("which value is set?",),
        "number",
    ),
    part(
        "limit.comment",
        _LIMIT,
        lambda v, _: v.data["note"].removeprefix("# ") or None,
        ("fetch the comment, without the #", "output what is remarked after the value"),
        ("the text of the comment, no #", "the remark at the end of {the}"),
        ("what does the comment say?",),
        "text",
    ),
    part(
        "limit.clean",
        _LIMIT,
        lambda v, _: f"{v.data['key']}={v.data['number']}",
        ("write name=value without spaces and without the comment", "clean {the}: name=value, nothing else"),
        ("the setting as name=value, comment and spaces removed",),
        ("what is {the} as plain name=value?",),
    ),
    part(
        "limit.double",
        _LIMIT,
        lambda v, _: f"{v.data['key']}={2 * int(v.data['number'])}" if int(v.data["number"]) < 300 else None,
        ("double the value, as name=value without comment", "write name=value with a value twice as high"),
        ("the setting as name=value with twice the value",),
    ),
    part(
        "limit.json",
        _LIMIT,
        lambda v, _: f'{{"{v.data["key"]}": {v.data["number"]}}}',
        ("print the setting as a JSON object", "convert name and value to JSON, number unquoted"),
        ("a JSON object with the name and the number",),
    ),
    part(
        "limit.export",
        _LIMIT,
        lambda v, _: f"export {v.data['key'].upper()}={v.data['number']}",
        ("write the shell line that exports it: export NAME=value", "turn {the} into export NAME=value, no comment"),
        ("an export line for the shell, name in capitals",),
    ),
    two_parts("limit.shaped", _LIMIT, _piece, ("key", "number")),
    part(
        "quotes.count",
        _QUOTED,
        lambda v, _: str(v.data["marks"]),
        ("count the quotation marks", "say how many quote characters are in {the}"),
        ("the number of quote characters", "how many quotation marks {the} has"),
        ("how many quotation marks are there?",),
        "number",
    ),
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
