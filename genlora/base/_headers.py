"""A base's weights seen from outside: safetensors headers over one or many shards, and single values by offset."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genlora.adapter import header_length, parse_safetensors_header
from genlora.errors import BaseError, GenloraError, UnsafeFormatError
from genlora.files import parse_json, read_json

from ._files import base_files, check_index, config_file

MAX_HEADER_BYTES = 100 << 20

_NUMPY = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}
"""What numpy reads each dtype as; of the others, codes of a quantiser's own, the bytes."""


@dataclass(frozen=True)
class TensorHeader:
    """Where a tensor lies: its dtype as safetensors names it, shape, file and the bytes' offset in that file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    offset: int

    bytes: int
    """How many it takes."""

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def read_width(self) -> int:
        """How many positions `read` has."""
        return self.bytes // np.dtype(_NUMPY.get(self.dtype, "u1")).itemsize

    def read(self, positions: np.ndarray | None = None) -> np.ndarray:
        """The tensor's flat values at `positions` (all of them when None), as float32 or as its integers.

        Dtypes that numpy lacks (8-bit floats and shorter ones) are given as bytes, and positions count bytes then.
        """
        kind = np.dtype(_NUMPY.get(self.dtype, "u1"))
        if not self.bytes:
            return np.empty(0, kind)
        try:
            flat = np.memmap(self.file, dtype=kind, mode="r", offset=self.offset, shape=(self.read_width,))
        except (OSError, ValueError) as err:
            raise BaseError(f"{self.file}: became shorter while it was read ({err}). Try again.") from err
        values = np.array(flat if positions is None else flat[positions])
        if self.dtype == "BF16":
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values.astype(np.float32) if self.dtype in ("F16", "F64") else values


def _entries(path: Path) -> Iterator[TensorHeader]:
    try:
        with path.open("rb") as f:
            size = os.fstat(f.fileno()).st_size
            first = f.read(8)
            length = header_length(first, where=str(path), most=MAX_HEADER_BYTES)
            header = parse_safetensors_header(first + f.read(length), size, where=str(path), most=MAX_HEADER_BYTES)
    except OSError as err:
        if isinstance(err, GenloraError):
            raise
        raise BaseError(f"{path}: cannot be read ({err.strerror}). Check the disk, or fetch the base anew.") from err
    except UnsafeFormatError as err:
        raise BaseError(str(err)) from err
    for name, spec in header.tensors.items():
        yield TensorHeader(name, spec.dtype, spec.shape, path, header.data_start + spec.start, spec.end - spec.start)


def tensor_headers(folder: Path) -> dict[str, TensorHeader]:
    """Every tensor of a model folder by name, read from the headers alone. Raises `BaseError`."""
    files = base_files(folder)
    found: dict[str, TensorHeader] = {}
    held: dict[str, list[str]] = {}
    for shard in files.weights:
        for tensor in _entries(shard):
            found[tensor.name] = tensor
            held.setdefault(tensor.name, []).append(shard.name)
    check_index(files, held)
    return found


def read_config(folder: Path) -> dict:
    """The folder's config.json as a dict, strict JSON. Raises `BaseError` or `ManifestError`."""
    path = config_file(folder)
    config = read_json(path)
    if not isinstance(config, dict):
        raise BaseError(f"{path}: holds no JSON object. Fetch the base anew.")
    if named := config.get("transformers_weights"):
        raise BaseError(
            f"{path}: transformers_weights names other weights than the folder's own ({str(named)[:80]!r}), and "
            "libraries disagree on which to load. Remove that line, or give a folder with one set of weights."
        )
    return config


def text_config(config: dict) -> dict:
    """The part of a config that describes the language model (`text_config` of image-and-text models)."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def parse_header_json(data: bytes, where: str) -> dict:
    """A strict JSON object out of bytes found in a tensor file."""
    value = parse_json(data, where=where)
    return value if isinstance(value, dict) else {}
