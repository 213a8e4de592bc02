"""A safetensors file with a JSON value in its header: tensors and what is to be known of them, in one atomic file."""

import json
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from genlora.errors import GenloraError, ManifestError
from genlora.files import canonical_json, parse_json

MAX_RECORD = 16 << 20
_MAX_DEPTH = 128


def record_bytes(tensors: Mapping[str, Tensor], record: Mapping[str, Any], *, key: str = "genlora") -> bytes:
    """The file's bytes, the same for the same content. One key only: safetensors writes several in any order."""
    text = canonical_json(dict(record)).decode()
    return save({k: v.contiguous() for k, v in tensors.items()}, metadata={key: text})


def read_record(data: bytes, *, where: str, key: str = "genlora") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `record_bytes`: bit-equal tensors, on the CPU. Raises `ManifestError` for anything else."""
    try:
        size = int.from_bytes(data[:8], "little")
        if not 0 < size <= min(MAX_RECORD, len(data) - 8):
            raise ValueError(f"header of {size:,} bytes")
        head = json.loads(data[8 : 8 + size])  # safetensors checks it again below, more strictly than JSON is
        text = head["__metadata__"][key].encode()
        record = parse_json(text, where=where, max_bytes=MAX_RECORD, max_depth=_MAX_DEPTH)
        if not isinstance(record, dict):
            raise ValueError("its record is no JSON object")
        return load(data), record
    except (GenloraError, SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as err:
        raise ManifestError(f"{where}: not tensors with a record of this program ({err}). Restore the file.") from err
