"""An adapter's folder: which files in it genlora wrote (those that the receipt lists, a refusal figure beside it), and
how Ctrl-C and SIGTERM wait while it is put in place, so that it is whole or absent.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from genlora.adapter import AdapterFiles
from genlora.errors import ManifestError
from genlora.files import old_files
from genlora.ownership import owned

from ._marks import read_refusals
from ._receipt import read_receipt

_HELD = (signal.SIGINT, signal.SIGTERM)


def own_adapter(folder: Path) -> list[str]:
    """Names of all files in an adapter's folder, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="an adapter")


def check_folder(folder: Path, *, force: bool) -> None:
    """Before long work: raise the `StorageError` that writing an adapter to `folder` would end in."""
    old_files(folder, own_adapter if force else None)


def _written(folder: Path) -> dict[str, str | None]:
    listed = read_receipt(folder / AdapterFiles.RECEIPT).get("files")
    if not isinstance(listed, dict):
        raise ManifestError(f"{folder / AdapterFiles.RECEIPT}: lists no files. Generate the adapter again.")
    measured = {} if read_refusals(folder) is None else {AdapterFiles.REFUSALS: None}
    return {**listed, AdapterFiles.RECEIPT: None, **measured}


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
