"""Operations on what developers paste: addresses, files, releases, logs."""

from ..._parts import Classifier, Condition, Operation
from . import (
    _branches,
    _checks,
    _commands,
    _config,
    _file_lists,
    _files,
    _ids,
    _logs,
    _mail,
    _names,
    _net,
    _pins,
    _plates,
    _releases,
    _sizes,
    _sql,
    _times,
    _urls,
    _urls_labels,
)

_MODULES = (
    _branches,
    _checks,
    _commands,
    _config,
    _file_lists,
    _files,
    _ids,
    _logs,
    _mail,
    _names,
    _net,
    _pins,
    _plates,
    _releases,
    _sizes,
    _sql,
    _times,
    _urls,
    _urls_labels,
)

OPERATIONS: tuple[Operation, ...] = tuple(x for m in _MODULES for x in m.OPERATIONS)
CONDITIONS: tuple[Condition, ...] = tuple(x for m in _MODULES for x in m.CONDITIONS)
CLASSIFIERS: tuple[Classifier, ...] = tuple(x for m in _MODULES for x in m.CLASSIFIERS)
