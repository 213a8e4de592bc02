"""Operations on facts that everybody knows."""

from ..._parts import Classifier, Condition, Operation
from . import _geography, _geography_lists, _lookups, _places, _translations

_MODULES = (
    _geography,
    _geography_lists,
    _lookups,
    _places,
    _translations,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
