"""The one door to diffusers, which only the extra `image` brings."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from genlora.extras import require_extra


def diffusers_class(name: str) -> Any:
    """A class of diffusers. It is untyped on purpose: annotations there name other classes than are accepted.

    Raises:
        MissingExtraError: without the extra.
    """
    require_extra("image", "diffusers", what="a text-to-image model")
    return getattr(import_module("diffusers"), name)


@contextmanager
def no_bars() -> Iterator[None]:
    """Bars of diffusers and transformers are off while the context lasts: loading takes a second, and is not theirs."""
    logs = [import_module(f"{name}.utils.logging") for name in ("diffusers", "transformers")]
    shown = [log.is_progress_bar_enabled() for log in logs]
    for log in logs:
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, was in zip(logs, shown, strict=True):
            if was:
                log.enable_progress_bar()
