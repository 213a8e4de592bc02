"""Status codes, JSON values, quoted texts, and entries that may be malformed: what they hold and what is wrong."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.codes._web import STATUS_TEXT
from ..words._parts_of import part

_STATUS, _LITERAL, _QUOTED = ("status", "status line"), ("literal",), ("quoted",)
_MAIL, _IP, _VERSION = ("maybe email",), ("maybe ip",), ("maybe version",)
_ENTRY = (*_MAIL, *_IP, *_VERSION)
_PYTHON = {"null": "None", "true": "True", "false": "False"}


_code = picked(code=("200", "301", "401", "403", "404", "500", "503"))


def _inside(value: Value, place: int) -> str | None:
    return value.data["inside"][place] if value.data["balanced"] else None


def _fault(value: Value, _: Params) -> str | None:
    return value.data["fault"] or "fine"


def _ends(draw: Draw) -> Params:
    n = draw.between(2, 4)
    return {"n": n}


OPERATIONS = (
    part("status.hundred", _STATUS, lambda v, _: f"{v.data[0]}xx"),
    part("status.first", _STATUS, lambda v, _: v.data[0]),
    part("status.label", _STATUS, lambda v, _: f"status_{v.data}"),
    part("status.json", _STATUS, lambda v, _: f'{{"status": {v.data}}}'),
    part("status.constant", ("status line",), lambda v, _: STATUS_TEXT[v.data].upper().replace(" ", "_")),
    part("literal.key", _LITERAL, "key"),
    part("literal.value", _LITERAL, "value"),
    part("literal.unquoted", _LITERAL, lambda v, _: v.data["value"].strip('"') if v.data["kind"] == "string" else None),
    part("literal.python", _LITERAL, lambda v, _: _PYTHON.get(v.data["value"], v.data["value"])),
    part("quotes.first", _QUOTED, lambda v, _: _inside(v, 0), answer="text"),
    part("quotes.last", _QUOTED, lambda v, _: _inside(v, -1), answer="text"),
    part("quotes.none", _QUOTED, lambda v, _: v.text.replace(v.data["mark"], "")),
    part("quotes.other", _QUOTED, lambda v, _: v.text.replace(v.data["mark"], "'" if v.data["mark"] == '"' else '"')),
    Operation(
        "entry.start", _ENTRY, "code", lambda v, p: v.text[: p["n"]] if len(v.text) > p["n"] else None, params=_ends
    ),
    Operation(
        "entry.end",
        _ENTRY,
        "code",
        lambda v, p: v.text[-p["n"] :] if len(v.text) > p["n"] and " " not in v.text[-p["n"] :] else None,
        params=_ends,
    ),
    part("entry.dots", _ENTRY, lambda v, _: str(v.text.count(".")), answer="number"),
    part("entry.digits", _ENTRY, lambda v, _: str(sum(c.isdigit() for c in v.text)), answer="number"),
    part("entry.capitals", (*_MAIL, *_VERSION), lambda v, _: t if (t := v.text.upper()) != v.text else None),
    part("entry.at signs", _MAIL, lambda v, _: str(v.text.count("@")), answer="number"),
    part("entry.blocks", _IP, lambda v, _: str(len(v.data["blocks"])), answer="number"),
    part(
        "entry.largest",
        _IP,
        lambda v, _: str(max(map(int, v.data["blocks"]))) if all(b.isdigit() for b in v.data["blocks"]) else None,
        answer="number",
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
