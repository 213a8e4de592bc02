"""A run's folder: what the run was begun with, written once and compared whenever it goes on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlora.errors import ConfigError
from genlora.files import atomic_write, canonical_json, read_json, storage_errors


def begin_run(folder: Path, identity: Mapping[str, Any], *, name: str = "run.json") -> None:
    """Write `identity`, which JSON can hold, as `folder/name`; if the run was begun before, compare with that.

    Raises `ConfigError` for a run that was begun with another identity, and names every setting that differs;
    `ManifestError` for a damaged file, `StorageError` where the disk refuses.
    """
    now = json.loads(canonical_json(dict(identity)))
    path = folder / name
    if not path.exists():
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, canonical_json(now))
        return
    found = read_json(path)
    if found != now:
        gaps = "; ".join(_gaps(found, now)) or "its record is not one of this program"
        raise ConfigError(
            f"{folder}: the run was begun with other settings: {gaps}. Use a new run folder, or the settings it was "
            "begun with."
        )


def _gaps(found: Any, now: Any, where: str = "") -> Iterator[str]:
    """`name=old (now new)` for every leaf that differs."""
    if isinstance(found, dict) and isinstance(now, dict):
        for key in sorted(found.keys() | now.keys()):
            yield from _gaps(found.get(key), now.get(key), f"{where}.{key}" if where else key)
    elif found != now:
        yield f"{where}={str(found)[:60]} (now {str(now)[:60]})"
