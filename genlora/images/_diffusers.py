"""The one door to diffusers, which only the extra `image` brings."""

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
