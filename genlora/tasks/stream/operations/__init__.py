"""Operations, conditions and classifiers, by what they are asked of."""

from .._parts import Classifier, Condition, Operation
from . import _letters, _lists, _numbers

ALL_OPERATIONS: tuple[Operation, ...] = (*_lists.OPERATIONS, *_letters.OPERATIONS, *_numbers.OPERATIONS)
ALL_CONDITIONS: tuple[Condition, ...] = (*_letters.CONDITIONS, *_numbers.CONDITIONS)
ALL_CLASSIFIERS: tuple[Classifier, ...] = (*_numbers.CLASSIFIERS,)
