"""Operations on single words: spelled, cut, inflected, compared."""

from ..._parts import Classifier, Condition, Operation
from . import _alphabets, _letters, _morphology, _pairs, _short, _slices, _tests, _verb_forms

_MODULES = (
    _alphabets,
    _letters,
    _morphology,
    _pairs,
    _short,
    _slices,
    _tests,
    _verb_forms,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
