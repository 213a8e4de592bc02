"""Whole sentences: careless typing put right, the first or last sentence of several, sentences counted."""

import re
from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._chat import upper_first
from ._parts import kinds

_TYPED = kinds("shouted", "careless")
_SEVERAL = kinds("review", "sms")
_END = re.compile(r"(?<=[.!?])\s+")


def _sentences(value: Value) -> list[str]:
    return _END.split(value.text.strip())


def _one_of_several(place: int) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        parts = _sentences(value)
        return parts[place] if len(parts) > 1 else None

    return found


OPERATIONS = (
    Operation("typed.fix", _TYPED, "code", lambda v, _: v.data["fixed"]),
    Operation("typed.sentence case", _TYPED, "code", lambda v, _: upper_first(v.data["bare"])),
    Operation("typed.mark", _TYPED, "code", lambda v, _: v.data["fixed"][-1]),
    Operation("typed.small", kinds("shouted"), "code", lambda v, _: v.text.lower()),
    Operation("typed.loud", kinds("careless"), "code", lambda v, _: v.text.upper() + "!"),
    Operation("sentence.first", _SEVERAL, "text", _one_of_several(0)),
    Operation("sentence.last", _SEVERAL, "text", _one_of_several(-1)),
    Operation("sentence.count", _SEVERAL, "number", lambda v, _: str(len(_sentences(v)))),
    Operation(
        "sentence.first of last",
        _SEVERAL,
        "word",
        lambda v, _: _sentences(v)[-1].split()[0].strip(",.:;!?") if len(_sentences(v)) > 1 else None,
    ),
    Operation(
        "sentence.last of first",
        _SEVERAL,
        "word",
        lambda v, _: _sentences(v)[0].split()[-1].strip(",.:;!?") if len(_sentences(v)) > 1 else None,
    ),
)

CONDITIONS = (
    Condition(
        "typed question",
        _TYPED,
        lambda v, _: v.data["act"] == "question",
        ("{the} is a question", "a question mark is missing at the end", "the writer wants to know something"),
        ("{the} is not a question", "it needs a full stop rather than a question mark"),
    ),
    Condition(
        "typed order",
        _TYPED,
        lambda v, _: v.data["act"] == "request",
        ("{the} tells somebody to do something", "{the} is a request or an order"),
        ("{the} asks or states something", "{the} gives no order"),
    ),
    Condition(
        "sentence several",
        _SEVERAL,
        lambda v, _: len(_sentences(v)) > 1,
        ("{the} has more than one sentence", "there are two or more sentences"),
        ("{the} is one sentence", "there is a single sentence"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "typed act",
        _TYPED,
        lambda v, _: v.data["act"],
        {
            "question": "it asks something",
            "request": "it tells somebody to do something",
            "statement": "it states something",
        },
        "the kind of sentence",
        {"question": "question", "request": "command", "statement": "statement"},
    ),
)
