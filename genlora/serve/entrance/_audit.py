"""One line for each request: who asked for what and how much of it, never what was said."""

import json
import logging
import logging.handlers
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genlora.errors import ConfigError


class Audit:
    """Appends JSON lines to a file that only this user may read; a rotated file is left and a new one begun.

    Raises `ConfigError` for a file that cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
            self._handler = logging.handlers.WatchedFileHandler(path, encoding="ascii")
        except OSError as err:
            raise ConfigError(
                f"{path}: cannot be written ({err.strerror}). Name another file for the audit lines."
            ) from err
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def write(self, fields: dict[str, Any]) -> None:
        """Append a line; fields that are None are left out."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        kept = {name: value for name, value in fields.items() if value is not None}
        line = json.dumps({"time": now, **kept}, separators=(",", ":"))
        self._handler.handle(logging.LogRecord("genlora.audit", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
