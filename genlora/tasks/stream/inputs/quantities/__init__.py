"""Inputs: numbers, amounts, measures."""

from ..._parts import InputType
from . import _measures, _money, _numbers, _whole_numbers

_MODULES = (
    _measures,
    _money,
    _numbers,
    _whole_numbers,
)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
