"""What the operations on texts share: slots read, names swapped, kinds grouped."""

import re
from collections.abc import Callable

from genlora.tasks import Draw

from ..._parts import Params, Value
from ...inputs.texts._frames import texts

Answer = Callable[[Value, Params], str | None]


def slot(name: str) -> Answer:
    """The slot `name` as it is written in the text."""
    return lambda value, _: value.data["slots"].get(name)


def raw(name: str) -> Callable[[Value], int | None]:
    """What the slot `name` means, where that is a number."""

    def found(value: Value) -> int | None:
        n = value.data["raw"].get(name)
        return n if isinstance(n, int) else None

    return found


def shaped(template: str) -> Answer:
    """The slots put into `template`; None where one is missing."""

    def written(value: Value, _: Params) -> str | None:
        try:
            return template.format(**value.data["slots"])
        except KeyError:
            return None

    return written


def mentioned(value: Value, names: tuple[str, ...], place: int) -> str | None:
    """The slot among `names` that comes at `place` in the text."""
    found = [n for n in value.data["order"] if n in names]
    return value.data["slots"][found[place]] if len(set(found)) == len(found) >= 2 else None


def exchanged(text: str, one: str, other: str) -> str | None:
    """`text` with both words exchanged; None where either does not stand in it exactly once."""
    found = [re.findall(rf"\b{re.escape(x)}\b", text) for x in (one, other)]
    if any(len(f) != 1 for f in found):
        return None
    return re.sub(rf"\b({re.escape(one)}|{re.escape(other)})\b", lambda m: other if m.group() == one else one, text)


def put(slot_name: str, param: str) -> Answer:
    """The text with another value in the slot."""

    def written(value: Value, p: Params) -> str | None:
        old, new = value.data["slots"].get(slot_name), p[param]
        if old is None or new in value.text or len(re.findall(rf"\b{re.escape(old)}\b", value.text)) != 1:
            return None
        return re.sub(rf"\b{re.escape(old)}\b", new, value.text)

    return written


def some_name(draw: Draw) -> Params:
    return {"name": draw.pick(texts("first names"))}


def some_city(draw: Draw) -> Params:
    return {"city": draw.pick(texts("cities"))}


def clean_words(text: str) -> list[str]:
    """The words without the marks around them."""
    return [w for x in text.split() if (w := x.strip(".,;:!?()[]<>\"'|#")) and any(c.isalnum() for c in w)]


_NOTES = (
    "trip note text",
    "price text",
    "order text",
    "stock text",
    "meeting text",
    "move text",
    "pair text",
    "person text",
)
_SAID = (
    "utterance text",
    "chat text",
    "chat log text",
    "sms text",
    "subject text",
    "quote text",
    "language text",
    "shouted text",
    "careless text",
)
_SENTENCES = ("payment text", "transfer text", "trip text", "hours text", "clause text", "diary text", "headline text")
_LONG = ("letter text", "memo text", "ticket text", "review text", "opinion text", "news text")
_TASKS = ("todo text", "check todo text", "ranked todo text")

PROSE = (*_NOTES, *_SAID, *_SENTENCES, *_LONG, *_TASKS, "contact text", "address text")
"""Kinds whose texts are words in a row."""


def prose(*without: str) -> tuple[str, ...]:
    """All of PROSE but the kinds (given without " text") that leave an operation nothing to do."""
    return tuple(k for k in PROSE if k.removesuffix(" text") not in without)


def kinds(*names: str) -> tuple[str, ...]:
    """Kinds of texts by their names without " text"."""
    return tuple(f"{n} text" for n in names)
