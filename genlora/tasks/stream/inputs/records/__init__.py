"""Inputs: records and rows."""

from ..._parts import InputType
from . import _records, _rows

_MODULES = (
    _records,
    _rows,
)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
