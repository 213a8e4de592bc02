"""Operations on running text."""

from ..._parts import Classifier, Condition, Operation
from . import (
    _chat,
    _clauses,
    _groups,
    _joined,
    _lines,
    _mail,
    _pairs,
    _people,
    _postal,
    _quotes,
    _reviews,
    _roles,
    _sentences,
    _when,
    _words,
)

_MODULES = (
    _chat,
    _clauses,
    _groups,
    _joined,
    _lines,
    _mail,
    _pairs,
    _people,
    _postal,
    _quotes,
    _reviews,
    _roles,
    _sentences,
    _when,
    _words,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
