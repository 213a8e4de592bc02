"""Operations on numbers, amounts, measures."""

from ..._parts import Classifier, Condition, Operation
from . import (
    _counts,
    _lines,
    _measures,
    _money,
    _money_bounds,
    _more,
    _numbers,
    _prices,
    _ranges,
    _scores,
    _units,
    _whole_numbers,
)

_MODULES = (
    _counts,
    _lines,
    _measures,
    _money,
    _money_bounds,
    _more,
    _numbers,
    _prices,
    _ranges,
    _scores,
    _units,
    _whole_numbers,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
