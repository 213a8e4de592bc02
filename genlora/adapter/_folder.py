"""Reading folders that somebody else wrote: regular files only, no links, nothing that could hold a pickle."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from genlora.errors import AdapterFormatError, GenloraError, UnsafeFormatError

from ._safetensors import SafetensorsHeader, header_length, parse_safetensors_header


class AdapterFiles(StrEnum):
    """Names of the files in an adapter's folder."""

    CONFIG = "adapter_config.json"
    WEIGHTS = "adapter_model.safetensors"
    RECEIPT = "receipt.json"
    GGUF = "adapter.gguf"
    """The twin for llama.cpp and Ollama."""
    REFUSALS = "refusals.json"
    """A figure measured after the adapter was made (`genlora evaluate --refusals`); never part of what is loaded."""
    PROMPT = "prompt.json"
    """How the adapter wants to be asked; its content is `genlora.tasks.PromptFormat`."""
    CARD = "README.md"
    """A model card."""


UNSAFE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"})
_MAX_ENTRIES = 10_000


def audit_folder(folder: Path) -> list[str]:
    """Names in `folder`, after refusing links, special files and file kinds that can hold pickled code."""
    try:
        if stat.S_ISLNK(folder.lstat().st_mode):
            raise UnsafeFormatError(f"{folder}: is a link. Give the folder it points to, or a copy of it.")
        with os.scandir(folder) as entries:
            names = [_audited(e) for _, e in zip(range(_MAX_ENTRIES + 1), entries, strict=False)]
    except OSError as err:
        raise AdapterFormatError(
            f"{folder}: cannot be read as an adapter folder ({err.strerror}). "
            f"Expected a folder with {AdapterFiles.CONFIG} and {AdapterFiles.WEIGHTS}."
        ) from err
    if len(names) > _MAX_ENTRIES:
        raise AdapterFormatError(f"{folder}: over {_MAX_ENTRIES:,} entries. Is it an adapter folder?")
    return sorted(names)


def _audited(entry: os.DirEntry[str]) -> str:
    status = entry.stat(follow_symlinks=False)
    if Path(entry.name).suffix.lower() in UNSAFE_SUFFIXES:
        raise UnsafeFormatError(
            f"{entry.path}: files of this kind can run code and are never read. "
            "Expected safetensors only; remove the file, or save the adapter again with safe_serialization."
        )
    if stat.S_ISLNK(status.st_mode):
        raise UnsafeFormatError(f"{entry.path}: is a link. Copy the folder with its files (cp -rL) and use the copy.")
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise UnsafeFormatError(f"{entry.path}: is neither a file nor a folder. Remove it and try again.")
    return entry.name


@contextmanager
def open_regular(path: Path) -> Iterator[int]:
    """A read-only descriptor of a regular file with one name; links are refused, and devices never block."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags)
    except FileNotFoundError as err:
        raise AdapterFormatError(
            f"{path}: is missing. Expected an adapter folder with {AdapterFiles.CONFIG} and {AdapterFiles.WEIGHTS}."
        ) from err
    except OSError as err:
        raise UnsafeFormatError(
            f"{path}: cannot be opened as a plain file ({err.strerror}). Links are not followed; use a copy."
        ) from err
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UnsafeFormatError(f"{path}: is not a regular file. Expected a plain file; use a copy.")
        if status.st_nlink > 1:
            raise UnsafeFormatError(
                f"{path}: is a hard link, so somebody else may change it. Copy it and use the copy."
            )
        yield fd
    finally:
        os.close(fd)


def _read(fd: int, count: int) -> bytes:
    chunks = []
    while count > 0 and (chunk := os.read(fd, min(count, 1 << 24))):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def read_small(path: Path, limit: int) -> bytes:
    """A plain file's bytes, at most `limit`; larger ones are an `AdapterFormatError`."""
    with open_regular(path) as fd:
        data = _read(fd, limit + 1)
    if len(data) > limit:
        raise AdapterFormatError(f"{path}: over {limit:,} bytes. Expected a small file; is it the right one?")
    return data


class Weights:
    """A safetensors file held open: its audited header now, its bytes later, both from one descriptor."""

    def __init__(self, fd: int, path: Path) -> None:
        self.path = path
        self._fd = fd
        size = os.fstat(fd).st_size
        first = _read(fd, 8)
        self._head = first + _read(fd, header_length(first, where=str(path)))
        self.header: SafetensorsHeader = parse_safetensors_header(self._head, size, where=str(path))

    def read(self) -> bytes:
        """The whole file. Call it once, after the header has been checked against what is expected."""
        want = self.header.file_bytes - len(self._head)
        body = _read(self._fd, want)
        if len(body) != want:
            raise AdapterFormatError(
                f"{self.path}: became shorter while it was read. Somebody is changing it; try again."
            )
        return self._head + body


@contextmanager
def open_weights(path: Path) -> Iterator[Weights]:
    """Open a safetensors file and audit its header; nothing of it is mapped into memory."""
    with open_regular(path) as fd:
        try:
            yield Weights(fd, path)
        except OSError as err:
            if isinstance(err, GenloraError):
                raise
            raise AdapterFormatError(f"{path}: cannot be read ({err.strerror}). Check the disk and try again.") from err
