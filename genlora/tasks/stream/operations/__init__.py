"""Operations, conditions and classifiers, by what they are asked of: each module has three tables."""

from .._parts import Classifier, Condition, Operation
from . import (
    _codes_file_lists,
    _codes_files,
    _codes_mail,
    _codes_net,
    _codes_pins,
    _codes_releases,
    _codes_sizes,
    _codes_urls,
    _codes_urls_labels,
    _kinds,
    _letters,
    _lists,
    _morphology,
    _numbers,
    _records,
    _records_edits,
    _rows,
    _texts_roles,
    _times_ages,
    _times_bounds,
    _times_dates,
    _times_formats,
    _times_months,
    _times_spans,
    _verb_forms,
)

_MODULES = (
    _letters,
    _lists,
    _numbers,
    _texts_roles,
    _records,
    _rows,
    _records_edits,
    _times_dates,
    _times_formats,
    _times_bounds,
    _morphology,
    _verb_forms,
    _codes_urls,
    _codes_urls_labels,
    _codes_mail,
    _codes_net,
    _times_spans,
    _times_months,
    _times_ages,
    _codes_files,
    _codes_sizes,
    _codes_file_lists,
    _codes_releases,
    _codes_pins,
    _kinds,
)

ALL_OPERATIONS: tuple[Operation, ...] = tuple(o for m in _MODULES for o in m.OPERATIONS)
ALL_CONDITIONS: tuple[Condition, ...] = tuple(c for m in _MODULES for c in m.CONDITIONS)
ALL_CLASSIFIERS: tuple[Classifier, ...] = tuple(c for m in _MODULES for c in m.CLASSIFIERS)
