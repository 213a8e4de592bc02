"""Input types: how inputs of each kind are drawn and written, a room for each."""

from .._parts import InputType
from . import codes, facts, quantities, records, texts, times, words

_ROOMS = (
    codes,
    facts,
    quantities,
    records,
    texts,
    times,
    words,
)

ALL_INPUTS: tuple[InputType, ...] = tuple(x for room in _ROOMS for x in room.INPUTS)
