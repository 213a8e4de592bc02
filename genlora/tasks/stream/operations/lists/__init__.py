"""Operations on lists of words."""

from ..._parts import Classifier, Condition, Operation
from . import _checklists, _edits, _item, _kinds, _letters, _lists, _repeats, _sequences, _sets, _votes

_MODULES = (
    _checklists,
    _edits,
    _item,
    _kinds,
    _letters,
    _lists,
    _repeats,
    _sequences,
    _sets,
    _votes,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
