"""Ctrl-C and SIGTERM wait while an output folder is being put in place, so that it is whole or absent."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_HELD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM after the block instead of inside it. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    before = {s: signal.getsignal(s) for s in _HELD}
    for s, handler in before.items():
        if callable(handler):  # an ignored or default signal stays as it is
            signal.signal(s, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        for s, handler in before.items():
            if callable(handler):
                signal.signal(s, handler)
    for number, frame in arrived[:1]:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
