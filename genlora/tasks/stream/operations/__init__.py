"""Operations, conditions and classifiers, a room for each thing they are asked of."""

from .._parts import Classifier, Condition, Operation
from . import codes, facts, lists, office, quantities, records, texts, times, words

_ROOMS = (
    codes,
    facts,
    lists,
    office,
    quantities,
    records,
    texts,
    times,
    words,
)

ALL_OPERATIONS: tuple[Operation, ...] = tuple(x for room in _ROOMS for x in room.OPERATIONS)
ALL_CONDITIONS: tuple[Condition, ...] = tuple(x for room in _ROOMS for x in room.CONDITIONS)
ALL_CLASSIFIERS: tuple[Classifier, ...] = tuple(x for room in _ROOMS for x in room.CLASSIFIERS)
