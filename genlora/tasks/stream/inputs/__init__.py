"""Input types: how inputs of each kind are drawn and written."""

from .._parts import InputType
from . import _numbers, _words

ALL_INPUTS: tuple[InputType, ...] = (*_words.INPUTS, *_numbers.INPUTS)
