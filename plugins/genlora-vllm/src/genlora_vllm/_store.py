"""The store that `genlora push` and this plugin share.

`adapters/<digest>/` are immutable folders named by content, `leases/<digest>/` says which server may read them, and
`ids/<id>` says which folder an id of the service stands for. Nothing is deleted here: vLLM ends its whole engine when
the folder of a name that it knows is gone.
"""

import fcntl
import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ._folder import CONFIG, DIGITS, RECEIPT, WEIGHTS, Unfit, content_digest

_KEPT = (CONFIG, WEIGHTS, RECEIPT)


class Store:
    """One store folder, used by one server process."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self.root, self.max_bytes = root, max_bytes
        self.server = f"vllm on {socket.gethostname()}, process {os.getpid()}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def lease(self, digest: str) -> Path | None:
        """The folder with this content, which now stays; None where there is none."""
        folder = self.root / "adapters" / digest
        if not folder.is_dir():
            return None
        with self._locked():
            if not folder.is_dir():  # collected meanwhile
                return None
            name = hashlib.sha256(self.server.encode()).hexdigest()[:16]
            body = {"digest": digest, "server": self.server, "since": int(time.time()), **_mark()}
            _write(self.root / "leases" / digest / f"{name}.json", _json(body))
        return folder

    def find(self, name: str) -> str | None:
        """The digest of the folder that a digest, or an id of the service, stands for."""
        if len(name) == DIGITS and (self.root / "adapters" / name).is_dir():
            return name
        try:
            digest = (self.root / "ids" / name).read_text().strip()
        except (OSError, ValueError):
            return None
        known = len(digest) == DIGITS and digest.isalnum() and (self.root / "adapters" / digest).is_dir()
        return digest if known else None

    def put(self, name: str, files: Mapping[str, bytes]) -> str:
        """Lay a fetched adapter into the store, whole or not at all, and note its id; returns its digest.

        Raises `Unfit` where the store would grow beyond its limit: the operator then removes what nobody uses.
        """
        kept = {n: files[n] for n in _KEPT if n in files}
        digest = content_digest(kept)
        folder = self.root / "adapters" / digest
        with self._locked():
            if not folder.is_dir():
                needed = sum(map(len, kept.values()))
                if self._size() + needed > self.max_bytes:
                    raise Unfit(
                        f"the store is full ({self.max_bytes:,} bytes): free some with `genlora push --collect`, or "
                        "raise GENLORA_VLLM_MAX_BYTES"
                    )
                _publish(kept, folder)
            _write(self.root / "ids" / name, f"{digest}\n".encode())
        return digest

    def _size(self) -> int:
        folder = self.root / "adapters"
        return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0


def _mark() -> dict[str, Any]:
    """Which process this is, so that a collector can tell that it has ended."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path that could be followed
    except OSError:
        space = ""
    return {"host": socket.gethostname(), "pid": os.getpid(), "pid_namespace": space}


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2) + "\n").encode()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _write(path: Path, data: bytes) -> None:
    """Readers see the old bytes or all of the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".tmp-", dir=path.parent))
    try:
        _write_file(stage / "file", data)
        (stage / "file").replace(path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    _sync(path.parent)


def _publish(files: Mapping[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".tmp-", dir=folder.parent))
    try:
        stage.chmod(0o755)
        for name, data in files.items():
            _write_file(stage / name, data)
        _sync(stage)
        stage.rename(folder)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    _sync(folder.parent)
