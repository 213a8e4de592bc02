"""Versions of everything whose arithmetic or format an output depends on."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

_DISTRIBUTIONS = ("genlora", "torch", "numpy", "transformers", "sentence-transformers", "tokenizers", "safetensors")


@cache
def versions() -> dict[str, str]:
    """Versions of everything whose arithmetic or format an output depends on."""
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a checkout that was never installed
            found[name] = "unknown"
    return found
