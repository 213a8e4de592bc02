"""The base behind the same-task test: loaded when first asked, one adapter on it at a time."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from genlora.adapter import AdapterState
from genlora.bank import Bank
from genlora.base import LoadedBase
from genlora.errors import BaseError, FetchError
from genlora.generators import Generated, Request, Rows, Vector
from genlora.progress import Progress

from ._scene import load_banks_base

log = logging.getLogger(__name__)


class BaseReader:
    """Asks a bank's base how probable rows are; `base` is None until somebody asks, or one in memory.

    Its numbers are float32 wherever it runs: what it says is part of receipts.
    """

    def __init__(self, bank: Bank, base: LoadedBase | None, progress: Progress) -> None:
        self.base = base
        self._bank = bank
        self._progress = progress
        self._lock = threading.Lock()

    def __call__(self, adapter: AdapterState, questions: Sequence[tuple[str | None, Rows]]) -> list[float]:
        """The mean log-probability of each (description, rows). Raises `_NoBase` where the base cannot be loaded."""
        from genlora.evaluate import read_descriptions

        with self._lock:
            if self.base is None:
                try:
                    self.base = load_banks_base(self._bank, dtype=torch.float32, lean=True, progress=self._progress)
                except (BaseError, FetchError) as err:
                    raise _NoBase from err
            return read_descriptions(self.base, adapter, questions)

    def answered(self, request: Request, engine: Any, vector: Vector | None) -> tuple[Request, Generated]:
        """What the engine makes of a request; the base is loaded when it is asked first. Without a base to ask,
        the request becomes a quick one, as its receipt says, and a warning is logged.
        """
        try:
            return request, engine.generate(request, vector)
        except _NoBase as err:
            log.warning(
                "the base is not at hand, so it was not asked whether the nearest expert's task is meant: a "
                "sibling may be taken for it (%s). genlora doctor tells what is missing",
                str(err.__cause__)[:160],
            )
            request = replace(request, quick=True)
            return request, engine.generate(request, vector)


class _NoBase(Exception):
    """The base was to be asked and is not at hand; its cause says why."""
