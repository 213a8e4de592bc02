"""Input types: how inputs of each kind are drawn and written."""

from .._parts import InputType
from . import _numbers, _texts, _words

_MODULES = (
    _numbers,
    _words,
    _texts,
)

ALL_INPUTS: tuple[InputType, ...] = tuple(t for m in _MODULES for t in m.INPUTS)
