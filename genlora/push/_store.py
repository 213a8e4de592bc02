"""The store that servers read adapters from: immutable folders named by content, and leases that keep them.

`adapters/<digest>/` and `gguf/<digest>/` hold what a server loads, `leases/<digest>/<server>.json` says who loaded it.
A server that still knows a name may read its folder again at any time, and vLLM ends its whole engine when the folder
is gone. So nothing is removed while a lease is open, and for a while after it ended.
"""

import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from genlora.cache import cache_dir
from genlora.errors import ConfigError, DigestError, GenloraError, StorageError
from genlora.files import (
    at_home,
    atomic_write,
    canonical_json,
    publish_folder,
    read_json,
    sha256_bytes,
    sha256_file,
    storage_errors,
)

DIGITS = 32
"""Hex digits of a SHA-256 that name a folder: 128 bits."""
KINDS = ("adapters", "gguf", "grammars")
GRACE_S = 3600.0
_MAX_PATH = 1024


def content_digest(files: Mapping[str, bytes]) -> str:
    """Name of a folder by what is in it: the first 32 hex digits of a SHA-256 over every name and its SHA-256."""
    return sha256_bytes(canonical_json({name: sha256_bytes(data) for name, data in files.items()}))[:DIGITS]


def process_mark() -> dict[str, Any]:
    """What tells this process from others that share the store: host, process id, and the ids' namespace."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path that could be followed
    except OSError:
        space = ""
    return {"host": socket.gethostname(), "pid": os.getpid(), "pid_namespace": space}


def _gone(lease: Mapping[str, Any]) -> bool:
    """Whether the lease's process has certainly ended: only a process of this very namespace can be judged."""
    own = process_mark()
    pid = lease.get("pid")
    if type(pid) is not int or not own["pid_namespace"]:
        return False
    if lease.get("host") != own["host"] or lease.get("pid_namespace") != own["pid_namespace"]:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True)
class Lease:
    """One server's hold on a folder."""

    server: str
    open: bool
    quiet_s: float
    """Seconds since it ended; 0 while it is open."""


class AdapterStore:
    """A folder that this machine writes and a server reads. Safe to share between processes."""

    def __init__(self, root: Path) -> None:
        self.root = at_home(root).absolute()
        text = str(self.root)
        if len(text) > _MAX_PATH or not text.isprintable() or '"' in text:
            raise ConfigError(
                f"store {text[:80]!r}: a path that servers are given must be at most {_MAX_PATH} printable characters "
                "without double quotes. Choose another folder with --store."
            )

    def place(self, digest: str, kind: str = "adapters") -> Path:
        """Where the folder with this digest lies, or would lie."""
        return self.root / kind / digest

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: nobody may collect between a lease and the folder that it keeps."""
        lock = FileLock(self.root / ".lock", mode=0o644)
        with storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def publish(
        self, files: Mapping[str, bytes], *, named_by: Mapping[str, bytes] | None = None, kind: str = "adapters"
    ) -> Path:
        """Write `files` as a folder named by the content of `named_by` (all by default), durable and in one rename.

        A folder that is there already is compared and left alone. Raises `DigestError` if it holds something else, and
        `StorageError` where the disk refuses.
        """
        identity = dict(files if named_by is None else named_by)
        folder = self.place(content_digest(identity), kind)
        with self._locked():
            if not folder.exists():
                publish_folder(dict(files), folder)
            else:
                self._compare(folder, identity)
        return folder

    @staticmethod
    def _compare(folder: Path, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            found = sha256_file(folder / name) if (folder / name).is_file() else "no such file"
            if found != sha256_bytes(data):
                raise DigestError(
                    f"{folder / name}: is not the file that the folder's name stands for ({found[:16]}). Something "
                    "changed the store; stop the servers that read it, remove that folder, and push again."
                )

    def _lease_file(self, digest: str, server: str) -> Path:
        return self.root / "leases" / digest / f"{sha256_bytes(server.encode())[:16]}.json"

    def lease(self, digest: str, server: str) -> None:
        """Note that `server` may read the folder. Called before a server is told its path."""
        with self._locked():
            self._write_lease(digest, server)

    def hold(self, digest: str, server: str) -> Path | None:
        """The folder, leased to `server`, which is this process: the lease ends with it. None where there is none."""
        folder = self.place(digest)
        with self._locked():
            if not folder.is_dir():
                return None
            self._write_lease(digest, server, process_mark())
        return folder

    def _write_lease(self, digest: str, server: str, mark: Mapping[str, Any] | None = None) -> None:
        body = {"digest": digest, "server": server, "since": int(time.time()), **(mark or {})}
        atomic_write(self._lease_file(digest, server), canonical_json(body))

    def release(self, digest: str, server: str) -> bool:
        """Note that `server` has let go; False if it held no lease. The folder stays for the grace period."""
        path = self._lease_file(digest, server)
        with self._locked():
            if not path.is_file():
                return False
            body = {**read_json(path), "ended": int(time.time())}
            atomic_write(path, canonical_json(body))
        return True

    def leases(self, digest: str) -> list[Lease]:
        """Every lease on a folder, open or ended. One that cannot be read counts as open."""
        found = []
        folder = self.root / "leases" / digest
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            try:
                body = read_json(path)
                ended = body.get("ended")
                server = str(body.get("server"))[:200]
            except (GenloraError, AttributeError):
                found.append(Lease(path.name, open=True, quiet_s=0.0))
                continue
            if _gone(body):
                found.append(Lease(server, open=False, quiet_s=float("inf")))
            elif isinstance(ended, int):
                found.append(Lease(server, open=False, quiet_s=max(0.0, time.time() - ended)))
            else:
                found.append(Lease(server, open=True, quiet_s=0.0))
        return found

    def digests(self, kind: str = "adapters") -> list[str]:
        """Names of the folders in the store."""
        folder = self.root / kind
        return sorted(p.name for p in folder.iterdir() if p.name[0] != ".") if folder.is_dir() else []

    def collect(self, *, grace_s: float = GRACE_S, dry_run: bool = False) -> list[Path]:
        """Remove the folders that no server lists any more; returns what was removed, or would be with `dry_run`.

        A folder goes only if it is older than `grace_s` seconds, no lease on it is open, and the last one ended at
        least `grace_s` ago.
        """
        if grace_s < 0:
            raise ConfigError(f"grace_s must be 0 or more, got {grace_s}. Choose a number of seconds.")
        removed = []
        with self._locked():
            for kind in KINDS:
                for digest in self.digests(kind):
                    folder = self.place(digest, kind)
                    if self._kept(folder, digest, grace_s):
                        continue
                    if not dry_run:
                        self._remove(folder)
                        shutil.rmtree(self.root / "leases" / digest, ignore_errors=True)
                    removed.append(folder)
        return removed

    def _kept(self, folder: Path, digest: str, grace_s: float) -> bool:
        if time.time() - folder.stat().st_mtime < grace_s:
            return True
        return any(lease.open or lease.quiet_s < grace_s for lease in self.leases(digest))

    @staticmethod
    def _remove(folder: Path) -> None:
        # Renamed first: a reader finds the whole folder or none, and a kill leaves only a hidden leftover.
        bin_ = folder.parent / f".old-{folder.name}"
        with storage_errors(folder), suppress(FileNotFoundError):
            shutil.rmtree(bin_, ignore_errors=True)
            folder.rename(bin_)
            shutil.rmtree(bin_)


def default_store() -> Path:
    """The store that is used when none is named: `$GENLORA_STORE`, else `served` in the cache."""
    own = os.environ.get("GENLORA_STORE")
    return at_home(own) if own else cache_dir() / "served"


def check_free(folder: Path, needed: int) -> None:
    """Raise `StorageError` unless `needed` bytes are free where `folder` is to lie, with a tenth to spare."""
    for parent in (folder, *folder.parents):
        if parent.is_dir():
            free = shutil.disk_usage(parent).free
            break
    else:
        return
    if free < needed + needed // 10:
        raise StorageError(f"{folder}: {needed:,} bytes needed, {free:,} bytes free. Free some space and push again.")
