"""Input types: how inputs of each kind are drawn and written."""

from .._parts import InputType
from . import (
    _codes_files,
    _codes_ids,
    _codes_logs,
    _codes_source,
    _codes_web,
    _facts,
    _listpairs,
    _numbers,
    _quantities_money,
    _records,
    _rows,
    _singlewords,
    _texts,
    _texts_dates,
    _texts_deals,
    _texts_people,
    _thinglists,
    _times_calendar,
    _times_clock,
    _times_dates,
    _wordlists,
    _words,
)

_MODULES = (
    _numbers,
    _words,
    _texts,
    _times_dates,
    _records,
    _rows,
    _singlewords,
    _wordlists,
    _codes_web,
    _times_calendar,
    _times_clock,
    _codes_files,
    _thinglists,
    _texts_deals,
    _texts_dates,
    _listpairs,
    _codes_source,
    _codes_logs,
    _quantities_money,
    _codes_ids,
    _texts_people,
    _facts,
)

ALL_INPUTS: tuple[InputType, ...] = tuple(t for m in _MODULES for t in m.INPUTS)
