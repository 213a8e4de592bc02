"""Status codes, JSON values, quoted texts, and entries that may be malformed: what they hold and what is wrong."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.codes._web import STATUS_TEXT
from ..words._parts_of import part

_STATUS, _LITERAL, _QUOTED = ("status", "status line"), ("literal",), ("quoted",)
_MAIL, _IP, _VERSION = ("maybe email",), ("maybe ip",), ("maybe version",)
_ENTRY = (*_MAIL, *_IP, *_VERSION)
_PYTHON = {"null": "None", "true": "True", "false": "False"}


def _code(draw: Draw) -> Params:
    return {"code": draw.pick(("200", "301", "401", "403", "404", "500", "503"))}


def _inside(value: Value, place: int) -> str | None:
    return value.data["inside"][place] if value.data["balanced"] else None


def _fault(value: Value, _: Params) -> str | None:
    return value.data["fault"] or "fine"


def _ends(draw: Draw) -> Params:
    n = draw.between(2, 4)
    return {"n": n}


OPERATIONS = (
    part(
        "status.hundred",
        _STATUS,
        lambda v, _: f"{v.data[0]}xx",
        ("output the class as 2xx, 3xx, 4xx or 5xx", "replace the last two digits of the code by xx"),
        ("the class in the form 4xx", "the first digit followed by xx"),
        ("which class is it (2xx, 3xx, 4xx or 5xx)?",),
    ),
    part(
        "status.first",
        _STATUS,
        lambda v, _: v.data[0],
        ("give the first digit of the code", "write only the digit for the class"),
        ("the first digit of the code", "the leading digit of the status"),
        ("what is the first digit?",),
    ),
    part(
        "status.label",
        _STATUS,
        lambda v, _: f"status_{v.data}",
        ('write "status_" and the code', "make a metric name of it, as in status_200"),
        ("a name of the form status_200", "status_ followed by the three digits"),
    ),
    part(
        "status.json",
        _STATUS,
        lambda v, _: f'{{"status": {v.data}}}',
        ('write it as JSON: the key "status" and the bare number', 'put the code into {{"status": ...}}'),
        ('a JSON object with the code under "status"',),
    ),
    part(
        "status.constant",
        ("status line",),
        lambda v, _: STATUS_TEXT[v.data].upper().replace(" ", "_"),
        (
            "print the reason as a constant: capitals, underscores",
            "turn the words after the code into a name like NOT_FOUND",
        ),
        ("the reason in capitals with underscores", "a constant such as NOT_FOUND for {the}"),
    ),
    part(
        "literal.key",
        _LITERAL,
        "key",
        ("get the name before the colon", "write the key, not its value"),
        ("the name of the field", "the key before the colon"),
        ("what is the key?",),
    ),
    part(
        "literal.value",
        _LITERAL,
        "value",
        (
            "give the value exactly as it stands, quotes included",
            "write what stands behind the colon, or all if there is none",
        ),
        ("the bare value, quotes and brackets kept", "the value as written, without the key"),
        ("what is the value, exactly as written?",),
    ),
    part(
        "literal.unquoted",
        _LITERAL,
        lambda v, _: v.data["value"].strip('"') if v.data["kind"] == "string" else None,
        ("show the text without its quotes and without a key", "strip the quotation marks: the bare text only"),
        ("the text inside the quotes", "the string without its quotation marks"),
        ("which text is inside the quotes?",),
    ),
    part(
        "literal.python",
        _LITERAL,
        lambda v, _: _PYTHON.get(v.data["value"], v.data["value"]),
        (
            "write the value as Python does: True, False and None, everything else unchanged",
            "translate JSON to Python (true, false, null); give the value only",
        ),
        ("the value in Python notation, no key", "the value with True, False, None for true, false, null"),
    ),
    part(
        "quotes.first",
        _QUOTED,
        lambda v, _: _inside(v, 0),
        ("return the first text in quotes, without the quotes", "extract what the first pair of quotation marks holds"),
        ("the first quoted text, quotes removed", "what stands between the first two quotation marks"),
        ("what is in the first quotes?",),
        "text",
    ),
    part(
        "quotes.last",
        _QUOTED,
        lambda v, _: _inside(v, -1),
        ("give the last text in quotes, without the quotes", "extract what the last pair of quotation marks holds"),
        ("the last quoted text, quotes removed", "what stands between the last two quotation marks"),
        ("what is in the last quotes?",),
        "text",
    ),
    part(
        "quotes.none",
        _QUOTED,
        lambda v, _: v.text.replace(v.data["mark"], ""),
        ("remove all quotation marks", "output {the} without any quote character"),
        ("{the} without quotation marks", "the same text, quote characters deleted"),
    ),
    part(
        "quotes.other",
        _QUOTED,
        lambda v, _: v.text.replace(v.data["mark"], "'" if v.data["mark"] == '"' else '"'),
        (
            "turn double quotes into single ones and single ones into double",
            "use the other kind of quotation mark throughout",
        ),
        ("{the} with the other kind of quotation marks", "{the} after double and single quotes changed places"),
    ),
    Operation(
        "entry.start",
        _ENTRY,
        "code",
        lambda v, p: v.text[: p["n"]] if len(v.text) > p["n"] else None,
        ("output the first {n} characters of {the}", "cut {the} after {n} characters"),
        ("the first {n} characters", "the start of {the}, {n} characters long"),
        ("what are the first {n} characters?",),
        _ends,
    ),
    Operation(
        "entry.end",
        _ENTRY,
        "code",
        lambda v, p: v.text[-p["n"] :] if len(v.text) > p["n"] and " " not in v.text[-p["n"] :] else None,
        ("fetch the last {n} characters of {the}", "keep only {n} characters from the end"),
        ("the last {n} characters", "the end of {the}, {n} characters long"),
        ("what are the last {n} characters?",),
        _ends,
    ),
    part(
        "entry.dots",
        _ENTRY,
        lambda v, _: str(v.text.count(".")),
        ("count the dots", "say how many full stops are in {the}"),
        ("the number of dots in {the}", "how many dots {the} has"),
        ("how many dots are there?",),
        "number",
    ),
    part(
        "entry.digits",
        _ENTRY,
        lambda v, _: str(sum(c.isdigit() for c in v.text)),
        ("count the digits", "say how many characters of {the} are digits"),
        ("the number of digits in {the}", "how many digits {the} has"),
        ("how many digits are there?",),
        "number",
    ),
    part(
        "entry.capitals",
        (*_MAIL, *_VERSION),
        lambda v, _: t if (t := v.text.upper()) != v.text else None,
        ("write {the} in capitals", "change every letter of {the} to upper case"),
        ("{the} in upper case",),
    ),
    part(
        "entry.at signs",
        _MAIL,
        lambda v, _: str(v.text.count("@")),
        ("count the @ signs", "say how often @ occurs in {the}"),
        ("the number of @ signs", "how often @ occurs"),
        ("how many @ are there?",),
        "number",
    ),
    part(
        "entry.blocks",
        _IP,
        lambda v, _: str(len(v.data["blocks"])),
        ("count the blocks between the dots", "say how many parts {the} has when cut at its dots"),
        ("the number of blocks between dots", "how many parts the dots make"),
        ("how many blocks are there?",),
        "number",
    ),
    part(
        "entry.largest",
        _IP,
        lambda v, _: str(max(map(int, v.data["blocks"]))) if all(b.isdigit() for b in v.data["blocks"]) else None,
        ("give the largest of the numbers between the dots", "find the highest block of {the}"),
        ("the largest number in {the}", "the highest of the blocks"),
        ("which block is the largest?",),
        "number",
    ),
)

CONDITIONS = (
    Condition(
        "status is",
        _STATUS,
        lambda v, p: v.data == p["code"],
        ("the code is {code}", "{the} says {code}"),
        ("it is another code", "the code is not {code}"),
        params=_code,
    ),
    Condition(
        "quotes several",
        _QUOTED,
        lambda v, _: len(v.data["inside"]) > 1 if v.data["balanced"] else None,
        ("more than one text is quoted", "there are at least two pairs of quotation marks"),
        ("a single text is quoted", "there is just one pair of quotation marks"),
    ),
    Condition(
        "literal named",
        _LITERAL,
        lambda v, _: bool(v.data["key"]),
        ("a key stands before the value", "there is a name with a colon"),
        ("the value stands alone", "there is no key"),
    ),
    Condition(
        "entry digits",
        (*_IP, *_VERSION),
        lambda v, _: v.text[-1].isdigit(),
        ("the last character is a digit", "{the} ends in a digit"),
        ("the last character is no digit", "{the} ends in something else than a digit"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "email fault",
        _MAIL,
        lambda v, p: f if (f := _fault(v, p)) in ("fine", "no at", "two at", "no user") else None,
        {
            "fine": "it is a good e-mail address",
            "no at": "the @ is missing",
            "two at": "there are two @",
            "no user": "nothing stands before the @",
        },
        "the state of {the}",
        {"fine": "ok", "no at": "missing @", "two at": "double @", "no user": "no name"},
    ),
    Classifier(
        "ip fault",
        _IP,
        _fault,
        {
            "fine": "it is a good IPv4 address",
            "large": "a number is over 255",
            "few": "there are only three blocks",
            "many": "there are five blocks",
            "letters": "a block contains letters",
        },
        "the state of {the}",
        {"fine": "ok", "large": "range", "few": "short", "many": "long", "letters": "text"},
    ),
    Classifier(
        "version fault",
        _VERSION,
        lambda v, p: f if (f := _fault(v, p)) in ("fine", "few", "many") else None,
        {
            "fine": "it has three numbers (a -label may follow)",
            "few": "it has fewer than three numbers",
            "many": "it has four numbers",
        },
        "the state of {the}",
        {"fine": "ok", "few": "too short", "many": "too long"},
    ),
)
