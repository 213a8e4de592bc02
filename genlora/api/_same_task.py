"""The base behind the same-task test: loaded when first asked, one adapter on it at a time."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

import torch

from genlora.adapter import AdapterState
from genlora.bank import Bank
from genlora.base import LoadedBase
from genlora.errors import BaseError, FetchError
from genlora.generators import AdapterGenerator, AutoGenerator, Request, Rows, Vector
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
        """The mean log-probability of each (description, rows). Raises what `load_base` raises."""
        from genlora.evaluate import read_descriptions

        with self._lock:
            return read_descriptions(self._loaded(), adapter, questions)

    def _loaded(self) -> LoadedBase:
        if self.base is None:
            self.base = load_banks_base(self._bank, dtype=torch.float32, lean=True, progress=self._progress)
        return self.base

    def settled(self, request: Request, engine: AdapterGenerator, vector: Vector | None) -> Request:
        """The request as it can be answered here: without a base to ask it becomes a quick one, as its receipt says,
        and a warning is logged. Where the base would not be asked, it is not loaded.
        """
        if vector is None or not (isinstance(engine, AutoGenerator) and engine.reads(request, vector)):
            return request
        try:
            with self._lock:
                self._loaded()
        except (BaseError, FetchError) as err:
            log.warning(
                "the base is not at hand, so it was not asked whether the nearest expert's task is meant: a "
                "sibling may be taken for it (%s). genlora doctor tells what is missing",
                str(err)[:160],
            )
            return replace(request, quick=True)
        return request
