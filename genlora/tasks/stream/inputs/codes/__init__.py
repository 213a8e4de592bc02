"""Inputs: what developers paste: addresses, files, releases, logs."""

from ..._parts import InputType
from . import _files, _ids, _logs, _source, _web

_MODULES = (
    _files,
    _ids,
    _logs,
    _source,
    _web,
)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
