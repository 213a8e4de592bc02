"""What every reader of task files shares: bounded bytes, plain text, JSON objects, and values of the right kind."""

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from genlora.errors import ManifestError, TaskError
from genlora.files import parse_json

MAX_FILE_BYTES = 64 << 20
_SHELLS = (Path("/dev/fd"), Path("/proc/self/fd"))


def bytes_of(path: Path) -> bytes:
    """A file's bytes. Raises `TaskError`."""
    # A pipe that the shell made, `<(command)`, has a writer; one that lies in a folder may be waited for for ever.
    if path.is_fifo() and path.parent not in _SHELLS:
        raise TaskError(f"{path}: is a pipe, expected a file of examples. Write them to a file.")
    try:
        with path.open("rb") as f:
            data = f.read(MAX_FILE_BYTES + 1)
    except OSError as err:
        raise TaskError(f"{path}: cannot be read ({err.strerror}). Check the path.") from err
    if len(data) > MAX_FILE_BYTES:
        raise TaskError(
            f"{path}: over {MAX_FILE_BYTES:,} bytes, expected a smaller task file. Split it or take a sample."
        )
    return data


def text_in(path: Path) -> str:
    """A file's text: UTF-8, or UTF-16 that says so by its byte order mark. Raises `TaskError` that names the line."""
    data = bytes_of(path)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise TaskError(
            f"{path}:{line}: not UTF-8 text (byte 0x{data[err.start]:02X}). Expected a text file; save it as UTF-8."
        ) from err
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TaskError(f"{path}:{line}: holds a NUL character. Expected a text file; save it as UTF-8.")
    return text


def object_of(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object. Raises `TaskError`."""
    value = json_of(data, where)
    if not isinstance(value, dict):
        raise TaskError(f"{where}: {kind_of(value)}, expected a JSON object.")
    return value


def json_of(data: bytes, where: str) -> Any:
    """Strict JSON. Raises `TaskError`."""
    try:
        return parse_json(data, where=where, max_bytes=MAX_FILE_BYTES)
    except ManifestError as err:
        raise TaskError(str(err)) from err


def text_of(value: Any, key: str, where: str) -> str:
    """`value` if it is text that can be written: whole Unicode without NUL. Raises `TaskError`."""
    if not isinstance(value, str):
        raise TaskError(f"{where}: `{key}` is {kind_of(value)}, expected text.")
    for i, c in enumerate(value):
        if c == "\0" or 0xD800 <= ord(c) < 0xE000:
            found = "NUL" if c == "\0" else f"half of a surrogate pair (U+{ord(c):04X})"
            raise TaskError(
                f"{where}: character {i + 1} of `{key}` is {found}, expected whole Unicode text. Was the text cut, or "
                "read with the wrong encoding? Correct it or remove the line."
            )
    return value


def texts_of(value: Any, key: str, where: str) -> tuple[str, ...]:
    """`value` if it is a list of such texts. Raises `TaskError`."""
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise TaskError(f"{where}: `{key}` is {kind_of(value)}, expected a list of texts.")
    return tuple(text_of(v, key, where) for v in cast("Iterable[str]", value))


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {type(None): "missing", dict: "an object", list: "a list", str: "text", bool: "true/false"}
    return names.get(type(value), "a number")
