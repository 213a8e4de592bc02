"""Packages that only some uses need: an extra of genlora brings them, and their absence is said in one way."""

import importlib.util

from genlora.errors import MissingExtraError


def require_extra(extra: str, *packages: str, what: str) -> None:
    """Raise `MissingExtraError` unless all `packages` can be found.

    Args:
        extra: the extra of genlora that brings them.
        packages: names as they are imported; of one inside another, the outer ones are imported.
        what: the subject of the message, such as "serving over HTTP".
    """
    absent = [name for name in packages if not _found(name)]
    if absent:
        raise missing_extra(extra, *absent, what=what)


def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # what it is inside of
        return False


def missing_extra(extra: str, *absent: str, what: str) -> MissingExtraError:
    """The error of `require_extra`, for packages that are there and cannot be imported."""
    return MissingExtraError(f"{what} needs {' and '.join(absent)}. Install it with: pip install 'genlora[{extra}]'")
