"""Blobs that many machines share: a folder or an object store, through fsspec, with a read cache on this machine."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from genlora.errors import BankDamagedError, BankError, ConfigError, GenloraError, MissingExtraError, StorageError
from genlora.extras import require_extra
from genlora.files import at_home, atomic_write, canonical_json, parse_json, sha256_bytes

from ..folder import BLOB_NAME, sweep_temporary
from ._cache import BlobCache

log = logging.getLogger(__name__)

MARKER = "genlora-bank.json"
"""Says which bank the place belongs to, so that an empty mount point is not taken for a bank without blobs."""


class SharedBlobs:
    """A `Blobs` at any fsspec URL. Blobs are written once, before the row that names them, and checked on every read.

    A folder that this machine can reach as a path is written with fsync and rename, and read without the cache.
    """

    def __init__(self, url: str, *, cache: BlobCache | None = None) -> None:
        self.url = url
        self._fs, root = _filesystem(url)
        self.root = str(root).rstrip("/")
        self.local = _is_local(self._fs)
        self._cache = None if self.local else cache or BlobCache.default()

    def __repr__(self) -> str:
        return f"SharedBlobs({self.url})"

    def path(self, digest: str) -> str:
        """Where the blob of `digest` is or would be."""
        return f"{self.url.rstrip('/')}/{digest}.safetensors"

    def _key(self, name: str) -> str:
        return f"{self.root}/{name}"

    # ---- whose it is

    def claim(self, bank_id: str) -> None:
        """Make the place a bank's own. One that is another's is refused."""
        owner = self._owner()
        if owner is not None:
            raise BankError(
                f"{self.url}: holds the blobs of another bank ({MARKER}), and nothing was changed. Choose an empty "
                "place, or delete that file if it is left from an attempt that was killed."
            )
        self._write(MARKER, canonical_json({"bank": bank_id}))

    def check_owner(self, bank_id: str) -> None:
        """Refuse a place that is not there, or not this bank's."""
        owner = self._owner()
        if owner is None:
            raise BankError(
                f"{self.url}: the bank's blobs are not there (no {MARKER}). Is the share mounted, or the store "
                "reachable? If it has another name on this machine, set GENLORA_BLOBS to it."
            )
        if owner != bank_id:
            raise BankError(
                f"{self.url}: holds the blobs of another bank. Set GENLORA_BLOBS to the place of this bank's."
            )

    def disown(self) -> None:
        """Take back a `claim` whose bank did not come to be."""
        with self._errors("remove", MARKER):
            self._fs.rm_file(self._key(MARKER))

    def _owner(self) -> str | None:
        data = self._bytes(MARKER)
        if data is None:
            return None
        value = parse_json(data, where=f"{self.url}/{MARKER}")
        return str(value.get("bank")) if isinstance(value, dict) else ""

    # ---- bytes

    @contextmanager
    def _errors(self, what: str, name: str) -> Iterator[None]:
        try:
            yield
        except GenloraError:
            raise
        except Exception as err:  # every store has its own kinds, and none of them may end as a traceback
            why = " ".join(str(err).split())[:200] or type(err).__name__
            raise StorageError(
                f"{self.url}: cannot {what} {name} ({type(err).__name__}: {why}). Check that the store is there and "
                "that this machine's credentials for it allow this."
            ) from err

    def _bytes(self, name: str) -> bytes | None:
        """A file's bytes, or None if there is no such file."""
        with self._errors("read", name):
            try:
                return bytes(self._fs.cat_file(self._key(name)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _write(self, name: str, data: bytes) -> None:
        if self.local:
            atomic_write(Path(self._key(name)), data)
            return
        with self._errors("write", name):
            self._fs.pipe_file(self._key(name), data)
            self._fs.invalidate_cache()
            stored = self._fs.info(self._key(name))["size"]
        if stored != len(data):
            raise StorageError(f"{self.url}: {name} has {stored:,} of {len(data):,} bytes after writing. Run it again.")

    def put(self, data: bytes, *, durable: bool = True) -> tuple[str, bool]:
        """Store `data` at once: (digest, whether it is new). What is there under its name already must be whole.

        Object stores show an object only when all of it is there. Elsewhere a killed writer may leave half a file; no
        row names it, and the next `put` of the same bytes, or the next sweep, sees to it.
        """
        digest = sha256_bytes(data)
        name = f"{digest}.safetensors"
        there = self._bytes(name)
        if there is not None and sha256_bytes(there) == digest:
            return digest, False
        self._write(name, data)
        return digest, True

    def sync(self) -> None:
        """Nothing to do."""

    def read(self, digest: str) -> bytes:
        """The verified bytes, from this machine's cache if it has them. Missing or changed: `BankDamagedError`."""
        if self._cache is not None and (kept := self._cache.get(digest)) is not None:
            return kept
        data = self.stored(digest)
        found = sha256_bytes(data)
        if found != digest:
            raise BankDamagedError(
                f"{self.path(digest)}: damaged, its SHA-256 is {found[:16]}... Restore it from a copy, or remove its "
                "experts; genlora bank verify names them"
            )
        if self._cache is not None:
            self._cache.put(digest, data)
        return data

    def stored(self, digest: str) -> bytes:
        """What lies in the store itself under that digest, unchecked and past the cache."""
        data = self._bytes(f"{digest}.safetensors")
        if data is None:
            raise BankDamagedError(f"{self.path(digest)}: is missing. Restore it from a copy; see: genlora bank verify")
        return data

    def digests(self) -> Iterator[str]:
        """Every blob in the store."""
        with self._errors("list", "it"):
            self._fs.invalidate_cache()
            try:
                names = [str(entry).rsplit("/", 1)[-1] for entry in self._fs.ls(self.root, detail=False)]
            except FileNotFoundError:
                names = []
        for name in sorted(names):
            if match := BLOB_NAME.fullmatch(name):
                yield match[1]

    def tidy(self) -> int:
        """Delete temporary files of killed writers; how many. Needs the bank's write lock."""
        return sweep_temporary(Path(self.root)) if self.local else 0

    def discard(self, digests: Iterable[str]) -> int:
        """Delete these blobs, which nobody refers to; how many there were. Needs the bank's write lock."""
        gone = 0
        for digest in digests:
            with self._errors("delete", digest), suppress(FileNotFoundError):
                self._fs.rm_file(self._key(f"{digest}.safetensors"))
                gone += 1
        return gone


def blobs_url(place: str) -> str:
    """A place as it is kept with the bank: an fsspec URL, absolute, without credentials. Raises `ConfigError`."""
    scheme = urlsplit(place).scheme
    if len(scheme) < 2:  # a path, or a drive letter
        return at_home(place).absolute().as_uri()
    parts = urlsplit(place)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "the place of the blobs is kept in the database, so it must not hold a user, password or token. Give those "
            "to the store's own client, by its environment variables or ~/.config/fsspec."
        )
    if scheme == "file" and not place.startswith("file:///"):
        raise ConfigError(f"{place}: expected file:///FOLDER, s3://BUCKET/FOLDER or another fsspec URL.")
    return place.rstrip("/")


def _is_local(fs: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(fs, LocalFileSystem)


def _filesystem(url: str) -> tuple[Any, str]:
    require_extra("postgres", "fsspec", what="a shared bank")
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(url)
    except ImportError as err:
        raise MissingExtraError(f"{url}: {err}. Install what fsspec needs for such places.") from err
    except ValueError as err:
        raise ConfigError(
            f"{url}: fsspec knows no such kind of place ({err}). Expected a folder, s3://..., gs://... or the like."
        ) from err
