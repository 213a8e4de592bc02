"""Inputs: dates, times, spans."""

from ..._parts import InputType
from . import _calendar, _clock, _dates

_MODULES = (
    _calendar,
    _clock,
    _dates,
)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
