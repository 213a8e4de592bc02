"""Words, and lists of words in the shapes that people paste."""

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value
from ..._tables import table

_SEPARATORS = (", ", ", ", "; ", " | ", " / ", " ", "\n", " - ")


def _lengths(draw: Draw) -> dict[str, object]:
    low = draw.between(3, 5)
    return {"sep": draw.pick(_SEPARATORS), "low": low, "high": low + draw.between(0, 3)}


def _list(name: str):  # noqa: ANN202 - a closure of the field's own type
    def drawn(draw: Draw, layout: Params) -> Value:
        words = tuple(draw.some(table(name), draw.between(layout["low"], layout["high"])))
        return Value(words, layout["sep"].join(words))

    return drawn


def _bullets(draw: Draw, layout: Params) -> Value:
    words = tuple(draw.some(table("nouns"), draw.between(layout["low"], layout["high"])))
    return Value(words, "\n".join(f"{layout['mark']} {w}" for w in words))


INPUTS = (
    InputType("word", "word", "a word", "the word", lambda d, _: Value(w := d.pick(table("words")), w)),
    InputType("word list", "words", "a list of words", "the list", _list("words"), _lengths),
    InputType("thing list", "words", "a list of things", "the list", _list("nouns"), _lengths),
    InputType(
        "bullets", "words", "a bulleted list", "the list", _bullets, lambda d: {**_lengths(d), "mark": d.pick("-*•")}
    ),
)
