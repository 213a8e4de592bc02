"""Where a bank's files lie, and what an empty one holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlora.adapter import BaseLayout
from genlora.errors import BankError
from genlora.files import canonical_json, fsync_folder, sha256_bytes

from ._db import connect, immediate, sqlite_errors
from ._transaction import put_meta

if TYPE_CHECKING:
    from genlora.base import Fingerprint


@dataclass(frozen=True)
class BankFiles:
    """Where things lie under a bank's folder."""

    root: Path

    @property
    def database(self) -> Path:
        """Metadata, embeddings and provenance."""
        return self.root / "bank.sqlite"

    @property
    def checksum(self) -> Path:
        """Digest of the whole database file, for `bank verify`."""
        return self.root / "bank.sum"

    @property
    def blobs(self) -> Path:
        """Content-addressed factors."""
        return self.root / "blobs"

    @property
    def index(self) -> Path:
        """The index cache; may be deleted at any time."""
        return self.root / "cache" / "index.bin"


def check_shape(layout: BaseLayout, rank: int, targets: Sequence[str]) -> None:
    """Refuse a rank or targets that no adapter of `layout` can have."""
    if not 1 <= rank <= 256:
        raise BankError(f"rank must be in [1, 256], got {rank}. The default is 8.")
    leaves = {m.leaf for m in layout.modules}
    wrong = [t for t in targets if t not in leaves]
    if wrong or not targets or len(set(targets)) != len(targets):
        raise BankError(
            f"targets {', '.join(targets) or '(none)'}: expected different projections of {layout.name}: "
            f"{', '.join(sorted(leaves))}."
        )


def fill(files: BankFiles, layout: BaseLayout, fingerprint: "Fingerprint", rank: int, targets: Sequence[str]) -> None:
    """Write an empty bank's files."""
    files.root.chmod(0o755)
    files.blobs.mkdir()
    db = connect(files.database, create=True)
    try:
        with sqlite_errors(files.database), immediate(db):
            put_meta(db, "layout", layout.to_json())
            put_meta(db, "fingerprint", fingerprint.to_json())
            shape: Mapping[str, Any] = {"rank": rank, "targets": list(targets)}
            put_meta(db, "bank", shape)
            seed = sha256_bytes(canonical_json([layout.to_json(), shape]))
            put_meta(db, "state", {"generation": 0, "revision": seed, "removed": 0})
    finally:
        db.close()
    fsync_folder(files.root)
