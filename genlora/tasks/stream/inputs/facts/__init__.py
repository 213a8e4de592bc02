"""Inputs: facts that everybody knows."""

from ..._parts import InputType
from . import _facts

_MODULES = (_facts,)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
