"""What a training run was begun with: written once, and compared whenever the run goes on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlora.errors import TrainingError
from genlora.files import atomic_write, canonical_json, read_json, storage_errors

CONFIG = "config.json"


def check_run(run: Path, identity: Mapping[str, Any]) -> None:
    """Write `RUN/config.json`, or raise `TrainingError` if the run was begun with another one."""
    identity = json.loads(canonical_json(dict(identity)))
    path = run / CONFIG
    if path.exists():
        found = read_json(path)
        if found != identity:
            gaps = "; ".join(_gaps(found, identity)) or "its config is not one of this program"
            raise TrainingError(
                f"{run}: the run was begun with other settings: {gaps}. Use a new run folder, or the settings it was "
                "begun with."
            )
        return
    with storage_errors(run):
        run.mkdir(parents=True, exist_ok=True)
    atomic_write(path, canonical_json(identity))


def _gaps(found: Any, now: Any, where: str = "") -> Iterator[str]:
    """`name=old (now new)` for every leaf that differs."""
    if isinstance(found, dict) and isinstance(now, dict):
        for key in sorted(found.keys() | now.keys()):
            yield from _gaps(found.get(key), now.get(key), f"{where}.{key}" if where else key)
    elif found != now:
        yield f"{where}={str(found)[:60]} (now {str(now)[:60]})"
