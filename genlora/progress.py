"""What long work tells whoever waits for it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as `progress(what, done, total)`, now and then, from one thread at a time: bytes, steps or experts."""


def silent(what: str, done: int, total: int) -> None:
    """A `Progress` that shows nothing."""
