"""The refusal figure that may stand beside a receipt, and what is said of an adapter that it marks."""

import logging
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterFiles
from genlora.errors import DigestError, ManifestError
from genlora.files import read_json, sha256_file
from genlora.policy import REFUSALS_FORMAT

log = logging.getLogger(__name__)


def read_refusals(adapter: Path) -> dict[str, Any] | None:
    """The figure kept in an adapter folder; None where it was not measured.

    Raises `ManifestError` for a file that is not one, `DigestError` for one that was measured on other weights.
    """
    path = adapter / AdapterFiles.REFUSALS
    if not path.is_file():
        return None
    found = read_format(path)
    if not isinstance(found.get("marked"), bool) or not isinstance(found.get("drop_points"), int | float):
        raise ManifestError(
            f"{path}: not a whole refusal measurement. Measure again: genlora evaluate --refusals --adapter"
        )
    if found.get("adapter") != sha256_file(adapter / AdapterFiles.WEIGHTS):
        raise DigestError(
            f"{path}: was measured on other weights than the folder holds. Measure again: "
            "genlora evaluate --refusals --adapter"
        )
    return found


def read_format(path: Path) -> dict[str, Any]:
    """A file that says of itself that it is a refusal measurement; else `ManifestError`."""
    found = read_json(path)
    if not isinstance(found, dict) or found.get("format") != REFUSALS_FORMAT:
        raise ManifestError(f"{path}: not a refusal measurement of genlora. Move it out of the folder.")
    return found


def warn_of_marks(adapter: Path) -> None:
    """Log a warning if the adapter was measured to decline less than its base, or if that figure cannot be trusted."""
    try:
        found = read_refusals(adapter)
    except (ManifestError, DigestError) as err:
        log.warning("%s", err)
        return
    if found is not None and found["marked"]:
        log.warning(
            "%s is marked: with it the base declines %.1f points fewer harmful requests than alone",
            adapter,
            found["drop_points"],
        )
