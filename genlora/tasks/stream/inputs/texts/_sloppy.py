"""Messages typed carelessly: all in capitals, or all in small letters, without the mark at the end."""

import re

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ._chat import ACTS, said, upper_first
from ._frames import style

_PROPER = re.compile(r"\bI\b|\d")
_WHO = ("name", "city", "day", "time", "amount")


def _typed(draw: Draw, layout: Params) -> Value | None:
    found = said(draw, layout)
    if found is None or any(k in found[1].data["slots"] for k in _WHO) or _PROPER.search(found[1].text):
        return None  # names and "I" keep their capitals: nothing to be guessed
    act, value = found
    bare = value.text.rstrip(".?!")
    mark = "?" if act == "question" else "."
    typed = bare.upper() if layout["shout"] else bare.lower()
    return Value({"slots": {}, "raw": {}, "act": act, "bare": bare, "fixed": f"{upper_first(bare)}{mark}"}, typed)


def _layout(shout: bool, draw: Draw) -> Params:
    return {**style(draw), "shout": shout, "acts": tuple(a for a in ACTS if a != "thanks")}


INPUTS = (
    InputType(
        "shouted message",
        "shouted text",
        "a message typed in capitals",
        "the message",
        _typed,
        lambda d: _layout(True, d),
    ),
    InputType(
        "careless message",
        "careless text",
        "a carelessly typed message",
        "the message",
        _typed,
        lambda d: _layout(False, d),
    ),
)
