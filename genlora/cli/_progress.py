"""Progress on stderr, one display for all commands: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click

from ._text import plain, shorten

TELL_EVERY_S = 30.0
"""Between two lines of one stage where standard error is no terminal."""
_BYTES = 10**6
"""Totals from here on are taken for bytes: nothing else that a command counts is as large."""


class Show(Protocol):
    """How far a stage is: also the `Progress` that the library takes."""

    def __call__(self, what: str, done: float, total: float, note: str = "") -> None:
        """`done` of `total` (0: unknown) of the stage `what`; `note` is shown beside it."""
        ...


@contextmanager
def progress_bars() -> Iterator[Show]:
    """A display for any number of stages, each called by what it does; gone when the block ends."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        stages: dict[str, Any] = {}

        def draw(what: str, done: float, total: float, note: str = "") -> None:
            if what not in stages:
                stages[what] = bars.add_task(escape(plain(what)), total=None, amount="", note="")
            said = escape(plain(shorten(note, 60)))
            bars.update(stages[what], completed=done, total=total or None, amount=amount(done, total), note=said)

        yield draw


class _Lines:
    """A line when a stage begins, and one every half minute."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, what: str, done: float, total: float, note: str = "") -> None:
        now = time.monotonic()
        if now - self._told.get(what, -TELL_EVERY_S) < TELL_EVERY_S:
            return
        first = what not in self._told
        self._told[what] = now
        if first and total >= _BYTES:  # a download: its size says more than that it has just begun
            click.echo(f"genlora: {plain(what)} ({total / 1e6:.0f} MB)", err=True)
            return
        parts = [plain(what), *([amount(done, total)] if total else []), *([plain(note)] if note else [])]
        click.echo(f"genlora: {', '.join(parts)}", err=True)


def amount(done: float, total: float) -> str:
    """`3/12`, in megabytes where so many must be bytes, in percent for shares; empty where the end is not known."""
    if not total:
        return ""
    if total >= _BYTES:
        return f"{done / 1e6:.0f}/{total / 1e6:.0f} MB"
    whole = float(done).is_integer() and float(total).is_integer()
    return f"{done:.0f}/{total:.0f}" if whole else f"{done / total:.0%}"


def span(seconds: float) -> str:
    """Time left in words: minutes, or hours and minutes."""
    if seconds == float("inf"):
        return "unknown time"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
