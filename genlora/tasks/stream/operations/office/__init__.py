"""Operations on what an office writes: deals, meetings, stock, tickets, things to do, trips, telephone numbers."""

from ..._parts import Classifier, Condition, Operation
from . import _deals, _meetings, _phones, _stock, _tickets, _todo, _trips

_MODULES = (_deals, _meetings, _phones, _stock, _tickets, _todo, _trips)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
