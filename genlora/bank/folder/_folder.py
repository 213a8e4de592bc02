"""Making and opening a bank that is a folder of its own."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genlora.adapter import BaseLayout
from genlora.errors import BankError
from genlora.files import TEMPORARY, fsync_folder, storage_errors

from .._create import put_identity
from .._database import BankParts
from ._blobs import BlobStore
from ._db import connect
from ._files import BankFiles
from ._snapshot import Snapshots
from ._sqlite import SqliteDatabase

if TYPE_CHECKING:
    from genlora.base import Fingerprint


def create_folder(
    root: Path, layout: BaseLayout, fingerprint: "Fingerprint", *, rank: int, targets: Sequence[str]
) -> None:
    """Make an empty bank as the folder `root`, in one rename."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise BankError(f"{root}: is there already and not empty; nothing was changed. Choose another folder.")
    with storage_errors(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=root.parent))
        try:
            _fill(BankFiles(stage), layout, fingerprint, rank, targets)
            stage.rename(root)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        fsync_folder(root.parent)


def _fill(files: BankFiles, layout: BaseLayout, fingerprint: "Fingerprint", rank: int, targets: Sequence[str]) -> None:
    """Write an empty folder bank's files."""
    files.root.chmod(0o755)
    files.blobs.mkdir()
    connect(files.database, create=True).close()
    database = SqliteDatabase(files, readonly=False)
    try:
        with database.writing():
            put_identity(database, layout, fingerprint, rank, targets)
    finally:
        database.close()
    fsync_folder(files.root)


def open_folder(root: Path, readonly: bool) -> BankParts:
    """The parts of a folder bank."""
    files = BankFiles(root)
    database = SqliteDatabase(files, readonly=readonly)
    return BankParts(root, database, BlobStore(files.blobs), Snapshots(database))
