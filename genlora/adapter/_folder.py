"""Reading folders that somebody else wrote: only the files of an adapter are opened, and only plain ones.

What lies beside them (a trainer's optimizer, tokenizer, logs) is left alone: never opened, and no reason to refuse.
"""

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
    EXAMPLES = "examples.jsonl"
    """What a teacher wrote and the adapter was fitted to; never the user's own examples."""
    PAGE = "examples.html"
    """The same, to look at."""


MLX_WEIGHTS = "adapters.safetensors"
"""What mlx_lm writes."""
PICKLED = "adapter_model.bin"
_READ = frozenset({*AdapterFiles, MLX_WEIGHTS})
"""Every file that is ever opened."""
_MAX_ENTRIES = 10_000


def audit_folder(folder: Path) -> list[str]:
    """Names in `folder`. Those of files that may be read must be plain files: no links, pipes or folders.

    Raises `UnsafeFormatError`, or `AdapterFormatError` for what is no folder.
    """
    try:
        if stat.S_ISLNK(folder.lstat().st_mode):
            raise UnsafeFormatError(f"{folder}: is a link. Give the folder it points to, or a copy of it.")
        with os.scandir(folder) as entries:
            names = [_audited(e) for _, e in zip(range(_MAX_ENTRIES + 1), entries, strict=False)]
    except NotADirectoryError as err:
        raise AdapterFormatError(
            f"{folder}: is a file, which does not say to what it is scaled and which modules it changes. Expected the "
            f"folder that PEFT saved, with {AdapterFiles.CONFIG} and {AdapterFiles.WEIGHTS}."
        ) from err
    except OSError as err:
        raise AdapterFormatError(
            f"{folder}: cannot be read as an adapter folder ({err.strerror}). "
            f"Expected a folder with {AdapterFiles.CONFIG} and {AdapterFiles.WEIGHTS}."
        ) from err
    if len(names) > _MAX_ENTRIES:
        raise AdapterFormatError(f"{folder}: over {_MAX_ENTRIES:,} entries. Is it an adapter folder?")
    return sorted(names)


def _audited(entry: os.DirEntry[str]) -> str:
    if entry.name not in _READ:
        return entry.name
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode) and _of_hub(Path(entry.path)) is None:
        raise UnsafeFormatError(f"{entry.path}: is a link. Copy the folder with its files (cp -rL) and use the copy.")
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISLNK(status.st_mode):
        raise UnsafeFormatError(f"{entry.path}: is not a file. Expected a plain file; save the adapter again.")
    return entry.name


def _of_hub(link: Path) -> Path | None:
    """The file that a link in a hub's cache stands for: from snapshots/COMMIT/ into blobs/ of the same repository.

    None for any other link: it may lead to files that are nobody's business.
    """
    snapshot = link.absolute().parent
    if snapshot.parent.name != "snapshots":
        return None
    blobs = snapshot.parents[1] / "blobs"
    try:
        found = Path(os.path.normpath(snapshot / link.readlink()))
    except OSError:
        return None
    return found if found.parent == blobs and not blobs.is_symlink() else None


def explain_missing(folder: Path, names: list[str]) -> AdapterFormatError:
    """Why a folder of `names` is no adapter, and what to name instead."""
    config, weights = AdapterFiles.CONFIG, AdapterFiles.WEIGHTS
    inside = [name for name in names if (folder / name / config).is_file() and not (folder / name).is_symlink()]
    if config not in names and inside:
        shown = ", ".join(str(folder / name) for name in inside[:4])
        return AdapterFormatError(
            f"{folder}: holds no {config} itself, but these in it do. Name the one you mean: {shown}."
        )
    if config in names and PICKLED in names and weights not in names:
        return AdapterFormatError(
            f"{folder / PICKLED}: files of this kind can run code and are never read. Write {weights} beside it: load "
            "the adapter with PEFT on a machine where you trust it, and save it with save_pretrained(folder)."
        )
    lacking = weights if config in names else config
    return AdapterFormatError(
        f"{folder / lacking}: is missing. Expected an adapter folder with {config} and {weights}."
    )


@contextmanager
def open_regular(path: Path) -> Iterator[int]:
    """A read-only descriptor of a regular file with one name; links are refused (but a hub cache's own), and devices
    never block.
    """
    path = _of_hub(path) or path
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
