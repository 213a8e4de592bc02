"""Operations on records and rows."""

from ..._parts import Classifier, Condition, Operation
from . import _edits, _records, _rows

_MODULES = (
    _edits,
    _records,
    _rows,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
