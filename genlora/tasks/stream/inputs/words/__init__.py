"""Inputs: single words: spelled, cut, inflected, compared."""

from ..._parts import InputType
from . import _listpairs, _singlewords, _thinglists, _wordlists, _words

_MODULES = (
    _listpairs,
    _singlewords,
    _thinglists,
    _wordlists,
    _words,
)

INPUTS: tuple[InputType, ...] = tuple(x for m in _MODULES for x in m.INPUTS)
