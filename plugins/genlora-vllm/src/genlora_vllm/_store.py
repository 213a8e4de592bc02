"""The store that `genlora push` and this plugin share, as the plugin uses it.

`ids/<id>` says which folder an id of the service stands for. Nothing is deleted here: vLLM ends its whole engine when
the folder of a name that it knows is gone.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from genlora.files import atomic_write
from genlora.push import DIGITS, AdapterStore

from ._folder import KEPT, LOADED, Unfit


class Store:
    """One store folder, used by one server process."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._store, self._max_bytes = AdapterStore(root), max_bytes
        self.server = f"vllm on {socket.gethostname()}, process {os.getpid()}"

    def lease(self, digest: str) -> Path | None:
        """The folder with this content, which now stays; None where there is none."""
        return self._store.hold(digest, self.server)

    def find(self, name: str) -> str | None:
        """The digest of the folder that a digest, or an id of the service, stands for."""
        if len(name) == DIGITS and self._store.place(name).is_dir():
            return name
        try:
            digest = self._id(name).read_text().strip()
        except (OSError, ValueError):
            return None
        known = len(digest) == DIGITS and digest.isalnum() and self._store.place(digest).is_dir()
        return digest if known else None

    def put(self, name: str, files: Mapping[str, bytes]) -> str:
        """Lay a fetched adapter into the store, whole or not at all, and note its id; returns its digest.

        Raises `Unfit` where the store would grow beyond its limit: the operator then removes what nobody uses.
        """
        kept: dict[str, bytes] = {n: files[n] for n in KEPT}
        if self._size() + sum(map(len, kept.values())) > self._max_bytes:
            raise Unfit(
                f"the store is full ({self._max_bytes:,} bytes): free some with `genlora push --collect`, or raise "
                "GENLORA_VLLM_MAX_BYTES"
            )
        loaded: dict[str, bytes] = {n: kept[n] for n in LOADED}
        digest = self._store.publish(kept, named_by=loaded).name
        atomic_write(self._id(name), f"{digest}\n".encode())
        return digest

    def _id(self, name: str) -> Path:
        return self._store.root / "ids" / name

    def _size(self) -> int:
        folder = self._store.root / "adapters"
        return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0
