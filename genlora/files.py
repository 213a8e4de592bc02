"""Bytes on disk: strict JSON, digests, safe names, and writes that are either whole or absent."""

import errno
import hashlib
import json
import logging
import math
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from genlora.errors import GenloraError, ManifestError, StorageError, UnsafeNameError

log = logging.getLogger(__name__)

TEMPORARY = ".genlora-tmp-"
"""What the names of our half-written files and folders begin with."""
MAX_JSON_BYTES = 1 << 20
MAX_JSON_DEPTH = 16
_DEEP = 200
"""Characters of indentation from which on json.dumps writes a value, which finds circles."""

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


def check_name(name: str, *, what: str = "name") -> str:
    """Return `name` if it is safe as an expert or output name, else raise `UnsafeNameError`."""
    if not _NAME.fullmatch(name) or ".." in name or name.split(".")[0] in _RESERVED:
        raise UnsafeNameError(
            f"{what} {name[:80]!r} is not allowed: expected 1 to 64 of a-z 0-9 . _ - starting with a letter or digit, "
            f"without '..' and not a reserved device name. Choose another {what}."
        )
    return name


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in chunks."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """One spelling per value: sorted keys, two-space indent, UTF-8, newline at the end; NaN is refused."""
    out: list[str] = []
    # json.dumps writes the same; with an indent it does so in Python, a token at a time, which took most of a search.
    if _spell(value, "\n", out):
        return ("".join(out) + "\n").encode()
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _spell(value: Any, line: str, out: list[str]) -> bool:
    """Append `value` as JSON, `line` being what a new line begins with; False for what only json.dumps knows."""
    kind = type(value)
    if kind is str:
        out.append(json.encoder.encode_basestring(value))
    elif value is None or kind is bool:
        out.append("null" if value is None else "true" if value else "false")
    elif kind is int or (kind is float and math.isfinite(value)):
        out.append(repr(value))
    elif kind is dict and len(line) < _DEEP:
        inner, before = line + "  ", "{"
        for key in sorted(value):
            if type(key) is not str:
                return False
            out += (before, inner, json.encoder.encode_basestring(key), ": ")
            if not _spell(value[key], inner, out):
                return False
            before = ","
        out.append(line + "}" if value else "{}")
    elif (kind is list or kind is tuple) and len(line) < _DEEP:
        inner, before = line + "  ", "["
        for item in value:
            out += (before, inner)
            if not _spell(item, inner, out):
                return False
            before = ","
        out.append(line + "]" if value else "[]")
    else:
        return False
    return True


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise ValueError(f"key {key[:80]!r} appears twice")
        out[key] = value
    return out


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {text[:40]} is out of range")
    return value


_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""Strings, to be passed over (the last may lack its end), and brackets."""


def _depth_ok(data: str, limit: int) -> bool:
    # Counted on the text, outside strings, before parsing: a deep document must not reach the recursive parser.
    if data.count("[") + data.count("{") <= limit:
        return True
    depth = 0
    for found in _MARKS.finditer(data):
        mark = found[0]
        if mark in "[{":
            depth += 1
            if depth > limit:
                return False
        elif mark in "]}":
            depth -= 1
    return True


def recognised(head: bytes) -> str | None:
    """What a file is that was taken for another, by its first bytes, and what to do; None where nothing is known."""
    known = {
        b"version ": "a Git LFS pointer, not the file itself. Fetch it with: git lfs pull",
        b"<!doctyp": "a web page, such as an error of the site it was fetched from. Fetch the file again.",
        b"<html": "a web page, such as an error of the site it was fetched from. Fetch the file again.",
        b"\xff\xfe": "text in UTF-16. Save it as UTF-8.",
        b"\xfe\xff": "text in UTF-16. Save it as UTF-8.",
        b"\xef\xbb\xbf": "text that begins with a byte-order mark. Save it as UTF-8 without one.",
    }
    return next((what for start, what in known.items() if head[:8].lower().startswith(start)), None)


def parse_json(data: bytes, *, where: str, max_bytes: int = MAX_JSON_BYTES, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """Strict JSON: UTF-8, no duplicate keys, no NaN or infinity, bounded size and depth. Raises `ManifestError`."""
    if len(data) > max_bytes:
        raise ManifestError(
            f"{where}: {len(data):,} bytes of JSON, expected at most {max_bytes:,}. Is it the right file?"
        )
    if (other := recognised(data)) is not None:
        raise ManifestError(f"{where}: expected JSON, but it is {other}")
    try:
        text = data.decode("utf-8")
        if not _depth_ok(text, max_depth):
            raise ValueError(f"nested deeper than {max_depth} levels")
        return json.loads(
            text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite_float
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as err:
        raise ManifestError(
            f"{where}: not strict JSON ({err}). Expected UTF-8 JSON; restore the file or write it anew."
        ) from err


def read_bounded(path: Path, most: int, *, expected: str) -> bytes:
    """A file's bytes, `most` of them at the most; `expected` is what it should be. Raises `ManifestError`.

    What is no regular file is refused: a pipe would never end.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT), "rb") as f:
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                raise ManifestError(f"{path}: is not a regular file. Expected {expected}.")
            data = f.read(most + 1)
    except OSError as err:
        raise ManifestError(f"{path}: cannot be read ({err.strerror}). Expected {expected}.") from err
    if len(data) > most:
        raise ManifestError(f"{path}: larger than {most:,} bytes, expected {expected}. Is it the right file?")
    return data


def read_json(path: Path, *, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """`parse_json` of a file; a missing file is a `ManifestError` too."""
    return parse_json(read_bounded(path, max_bytes, expected="a JSON file"), where=str(path), max_bytes=max_bytes)


def at_home(path: str | Path) -> Path:
    """`path` with a leading `~` or `~user` spelled out. Raises `StorageError` where that home is not known."""
    try:
        return Path(path).expanduser()
    except RuntimeError as err:  # no HOME, and no such user in the system's list
        raise StorageError(
            f"{path}: no home folder is known here for that user. Give the whole path; or set HOME, and GENLORA_CACHE "
            "to a folder that may be written."
        ) from err


def write_all(fd: int, data: bytes | memoryview) -> None:
    """`os.write` until every byte is taken: a full disk makes it write short without raising."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def fsync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable (a no-op where folders cannot be opened)."""
    if os.name == "nt":  # pragma: no cover
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_tree(folder: Path) -> None:
    """Make everything below `folder` durable in one go, where that can be told from doing it file by file."""
    if sys.platform == "linux":  # elsewhere it does not exist, or does not wait
        os.sync()
        return
    with storage_errors(folder):
        for root, _, names in os.walk(folder):
            for name in names:
                fd = os.open(Path(root) / name, os.O_RDWR)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
            fsync_folder(Path(root))


@contextmanager
def storage_errors(target: Path, needed: int = 0) -> Iterator[None]:
    """Turn `OSError` from writing `target` into a `StorageError` that names bytes needed and free."""
    try:
        yield
    except GenloraError:  # some of them are OSErrors too
        raise
    except OSError as err:
        free = _free_bytes(target)
        full = err.errno == errno.ENOSPC
        hint = "Free some space and run it again." if full else "Check the folder and its permissions."
        need = f" {needed:,} bytes needed," if needed else ""
        raise StorageError(
            f"{target}: cannot be written ({err.strerror or err}):{need} {free:,} bytes free. {hint}"
        ) from err


def _free_bytes(path: Path) -> int:
    for folder in (path, *path.parents):
        if folder.is_dir():
            return shutil.disk_usage(folder).free
    return 0


def atomic_write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file so that readers see the old bytes or all of the new ones. Raises `StorageError`."""
    with storage_errors(path, len(data)):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, tmp = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        try:
            try:
                if os.name != "nt":
                    os.fchmod(fd, 0o644)  # mkstemp's 0600 would lock other users out of a shared bank or cache
                write_all(fd, data)
                if durable:
                    os.fsync(fd)
            finally:
                os.close(fd)
            Path(tmp).replace(path)
        except BaseException:
            Path(tmp).unlink(missing_ok=True)
            raise
        if durable:
            fsync_folder(path.parent)


def publish_folder(
    files: dict[str, bytes],
    folder: Path,
    *,
    replace: Callable[[Path], Sequence[str]] | None = None,
    durable: bool = True,
) -> None:
    """Write `files` (plain names) as `folder` in one rename: the folder is whole or absent, also after a kill.

    An existing folder is refused unless `replace` names the files in it that may go, which are all there are (see
    `genlora.ownership`); then it is swapped out and they are removed after the new one stands. Raises `StorageError`.
    """
    total = sum(map(len, files.values()))
    going = old_files(folder, replace)
    with storage_errors(folder, total):
        folder.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.parent))
        try:
            stage.chmod(0o755)
            # All are written before the first is synced: the disk then takes them in one go.
            with ExitStack() as stack:
                opened = []
                for name, data in files.items():
                    fd = os.open(stage / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                    stack.callback(os.close, fd)
                    write_all(fd, data)
                    opened.append(fd)
                for fd in opened if durable else ():
                    os.fsync(fd)
            if durable:
                fsync_folder(stage)
            put_folder(stage, folder, going)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        if durable:
            fsync_folder(folder.parent)


def old_files(folder: Path, replace: Callable[[Path], Sequence[str]] | None) -> Sequence[str] | None:
    """What has to go where `folder` is written: None if nothing is there. Raises `StorageError` if it may not go."""
    if not os.path.lexists(folder):
        return None
    if replace is None:
        raise StorageError(f"{folder}: already exists, and nothing was written. Choose another folder or pass --force.")
    return replace(folder)


def put_folder(stage: Path, folder: Path, going: Sequence[str] | None) -> None:
    """Make `stage` the folder `folder`; of one that is there, only the files `going` are removed, and it with them.

    With None, nothing is there yet, and what another program makes meanwhile stays. Raises `OSError`.
    """
    if going is None:
        stage.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=".genlora-old-", dir=folder.parent))
    old = aside / folder.name
    folder.rename(old)
    try:
        stage.rename(folder)
    except BaseException:
        old.rename(folder)
        aside.rmdir()
        raise
    if remove_files(old, going):
        aside.rmdir()
    else:
        log.warning("%s: replaced, but not all of what was there before could be removed; it is in %s", folder, old)


def remove_files(folder: Path, names: Iterable[str]) -> bool:
    """Remove these files and the folders that they leave empty; whether `folder` is gone. Others are not touched."""
    for name in names:
        with suppress(OSError):
            (folder / name).unlink()
    for root, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # not empty
            Path(root).rmdir()
    return not folder.exists()
