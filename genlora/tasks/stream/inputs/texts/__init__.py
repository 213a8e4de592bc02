"""Inputs: running text."""

from ..._parts import InputType
from . import _chat, _clauses, _dates, _deals, _general, _mail, _people, _sloppy

_MODULES = (
    _chat,
    _clauses,
    _dates,
    _deals,
    _general,
    _mail,
    _people,
    _sloppy,
)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
