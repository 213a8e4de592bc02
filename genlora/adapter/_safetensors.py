"""safetensors, audited: headers as bytes and integers first, tensors only from bytes that passed.

Writing is ours too, so that equal tensors give equal bytes; a test holds it equal to the safetensors package.
"""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from genlora.errors import GenloraError, UnsafeFormatError
from genlora.files import parse_json, recognised

MAX_HEADER_BYTES = 1 << 20
DTYPES: Mapping[str, torch.dtype] = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""The only dtypes that LoRA factors are written in."""
READ_DTYPES: Mapping[str, torch.dtype] = {
    **DTYPES,
    **{"F64": torch.float64, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2},
}
"""Those that other people's may be in: PEFT casts them, and so do we."""
_CODES = {**{dtype: code for code, dtype in DTYPES.items()}, torch.uint8: "U8"}  # bytes for packed codes, never factors
_ITEM_BITS = {
    **{"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "C64": 64, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4},
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **{"I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8},
}
_PLAIN = re.compile(r"[A-Za-z0-9_.\-/:]{1,512}")


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a header: `start` and `end` count bytes from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class SafetensorsHeader:
    """What a safetensors file says it holds, checked to be consistent and to cover the file exactly."""

    tensors: Mapping[str, TensorSpec]
    metadata: Mapping[str, str]
    data_start: int
    """Where tensor bytes begin, from the start of the file."""
    file_bytes: int
    """How long the file must be."""


def _bad(where: str, found: str) -> UnsafeFormatError:
    return UnsafeFormatError(
        f"{where}: not a sound safetensors file: {found}. Expected what `save_pretrained` writes; fetch the file again."
    )


def header_length(first8: bytes, *, where: str, most: int = MAX_HEADER_BYTES) -> int:
    """Length of the JSON header in bytes, from a file's first 8; at most `most`, else `UnsafeFormatError`."""
    if (other := recognised(first8)) is not None:
        raise UnsafeFormatError(f"{where}: is {other}")
    if len(first8) < 8:
        raise _bad(where, f"{len(first8)} bytes long, too short for a header")
    length = struct.unpack("<Q", first8)[0]
    if not 2 <= length <= most:
        raise _bad(where, f"header of {length:,} bytes, expected 2 to {most:,}")
    return length


def parse_safetensors_header(
    head: bytes, file_bytes: int, *, where: str, most: int = MAX_HEADER_BYTES
) -> SafetensorsHeader:
    """Audit a header of at most `most` bytes: `head` is the file's first 8 + n. Creates no tensor. Raises
    `UnsafeFormatError`.

    Tensors must lie end to end without gaps or overlaps, in sizes that fit dtype and shape, and fill the file.
    """
    length = header_length(head[:8], where=where, most=most)
    if len(head) < 8 + length:
        raise _bad(where, f"it ends inside its header ({len(head):,} of {8 + length:,} bytes)")
    text = head[8 : 8 + length]
    if not text.startswith(b"{"):
        raise _bad(where, "the header does not start with '{'")
    try:
        raw = parse_json(text, where=where, max_bytes=most, max_depth=4)
    except GenloraError as err:
        raise _bad(where, f"the header is not strict JSON ({err})") from err
    metadata = raw.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _bad(where, "__metadata__ is not a map of strings")
    tensors = {name: _tensor_spec(name, entry, where) for name, entry in raw.items()}
    end = 0
    for name, spec in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if spec.start != end:
            raise _bad(where, f"tensor {name!r} starts at byte {spec.start}, expected {end} (gap or overlap)")
        end = spec.end
    if 8 + length + end != file_bytes:
        raise _bad(where, f"{file_bytes:,} bytes long, but its header describes {8 + length + end:,}")
    return SafetensorsHeader(tensors, metadata, 8 + length, file_bytes)


def _tensor_spec(name: str, entry: object, where: str) -> TensorSpec:
    if not _PLAIN.fullmatch(name):
        raise _bad(where, f"a tensor is named {name[:80]!r}")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _bad(where, f"tensor {name!r} has other fields than dtype, shape, data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BITS:
        raise _bad(where, f"tensor {name!r} has dtype {str(dtype)[:40]!r}")
    if not _whole(shape) or len(shape) > 8 or not _whole(offsets) or len(offsets) != 2:
        raise _bad(where, f"tensor {name!r} has a malformed shape or data_offsets")
    start, end = offsets
    if 8 * (end - start) != prod(shape) * _ITEM_BITS[dtype]:
        raise _bad(where, f"tensor {name!r} spans {end - start} bytes, but {dtype} {shape} takes another size")
    return TensorSpec(dtype, tuple(shape), start, end)


def _whole(values: object) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 48 for v in values)


def read_safetensors_header(data: bytes, *, where: str = "safetensors") -> SafetensorsHeader:
    """Audit the header of a whole file in memory (see `parse_safetensors_header`)."""
    return parse_safetensors_header(data, len(data), where=where)


def tensor_from(data: bytes | bytearray, header: SafetensorsHeader, name: str) -> Tensor:
    """A tensor of audited bytes, copied, in its own dtype."""
    spec = header.tensors[name]
    view = memoryview(data)[header.data_start + spec.start : header.data_start + spec.end]
    if not view.nbytes:
        return torch.empty(spec.shape, dtype=READ_DTYPES[spec.dtype])
    return torch.frombuffer(bytearray(view), dtype=READ_DTYPES[spec.dtype]).reshape(spec.shape)


def safetensors_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The file safetensors itself would write: widest dtype first, then by name, header padded to 8 bytes."""
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), _CODES[tensors[name].dtype], name))
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    parts: list[bytes | memoryview] = []
    at = 0
    for name in order:
        tensor = tensors[name].detach().to("cpu").contiguous()
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        parts.append(tensor.view(torch.uint8).numpy().data)
        at += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])
