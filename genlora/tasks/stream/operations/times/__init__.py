"""Operations on dates, times, spans."""

from ..._parts import Classifier, Condition, Operation
from . import _agenda, _ages, _bounds, _clock, _dates, _durations, _formats, _hours, _months, _spans, _stamps

_MODULES = (
    _agenda,
    _ages,
    _bounds,
    _clock,
    _dates,
    _durations,
    _formats,
    _hours,
    _months,
    _spans,
    _stamps,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
