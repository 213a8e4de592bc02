"""Packages that only some uses need: an extra of genlora brings them, and their absence is said in one way."""

import importlib.util

from genlora.errors import MissingExtraError


def require_extra(extra: str, *packages: str, what: str) -> None:
    """Raise `MissingExtraError` unless all `packages` can be found; nothing is imported.

    Args:
        extra: the extra of genlora that brings them.
        packages: top-level names, as they are imported.
        what: the subject of the message, such as "serving over HTTP".
    """
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    if absent:
        raise missing_extra(extra, *absent, what=what)


def missing_extra(extra: str, *absent: str, what: str) -> MissingExtraError:
    """The error of `require_extra`, for packages that are there and cannot be imported."""
    return MissingExtraError(f"{what} needs {' and '.join(absent)}. Install it with: pip install 'genlora[{extra}]'")
