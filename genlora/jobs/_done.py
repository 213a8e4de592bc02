"""Which jobs are done: lines of a file, one a job, by the digest of everything that decides the job's result."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from genlora.errors import GenloraError
from genlora.files import canonical_json, parse_json, sha256_bytes, storage_errors, write_all


def job_digest(kind: str, content: Mapping[str, Any]) -> str:
    """SHA-256 of a job: `content` is all that decides its result, and JSON can hold it."""
    return sha256_bytes(canonical_json({"kind": kind, **content}))


class DoneJobs:
    """What became of jobs, kept in a file that only grows.

    A line is whole or it is not believed: one that a kill or a power cut left torn has another digest than it says.
    It tells that a result was written, not that it is still there; who asks looks at the result itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, dict[str, Any]] = {}
        data = path.read_bytes() if path.is_file() else b""
        self._start = b"\n" if data and not data.endswith(b"\n") else b""
        """What a new line needs before it, behind a torn one."""
        for line in data.splitlines():
            with suppress(GenloraError, KeyError, TypeError):
                entry = parse_json(line, where=str(path))
                if entry["sha256"] == _digest(entry["job"], entry["result"]):
                    self._known[entry["job"]] = entry["result"]

    def __len__(self) -> int:
        return len(self._known)

    def get(self, job: str) -> dict[str, Any] | None:
        """The result of a job, None where it is not done."""
        return self._known.get(job)

    def put(self, job: str, result: Mapping[str, Any]) -> None:
        """A job is done. Not synced: a line that is lost costs making the job again. Raises `StorageError`."""
        line = {"job": job, "result": dict(result), "sha256": _digest(job, result)}
        data = json.dumps(line, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with storage_errors(self.path, len(data)):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                write_all(fd, self._start + data)
            finally:
                os.close(fd)
        self._known[job], self._start = dict(result), b""


def _digest(job: str, result: Mapping[str, Any]) -> str:
    return job_digest("done", {"job": job, "result": dict(result)})
