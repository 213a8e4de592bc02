"""GGUF's block formats Q8_0, Q4_0 and Q4_1: 32 weights to a half-precision scale (and minimum), read and written."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genlora.errors import MergeError

from ._grid import Grid, round_calibrated

_BLOCK = 32
_HEADS = {"Q8_0": 1, "Q4_0": 1, "Q4_1": 2}
"""Half-precision numbers before the levels of a block."""

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Stored:
    """A tensor's bytes as a GGUF file holds them, and the name of their type."""

    data: Array
    kind: str

    def values(self) -> Tensor:
        """The weights, float32."""
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize

        return torch.from_numpy(np.array(dequantize(self.data, GGMLQuantizationType[self.kind]), dtype=np.float32))


def store(target: Tensor, kind: str, gram: Tensor | None = None) -> Stored:
    """`target` (d_out, d_in) as `kind`; scales as llama.cpp's reference quantiser chooses them.

    With `gram` = Σ x xᵀ the levels are chosen by `round_calibrated`, else each weight goes to the nearest.
    """
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    with np.errstate(over="ignore"):
        data = quantize(target.cpu().float().numpy(), GGMLQuantizationType[kind])
    stored = Stored(data, kind)
    if kind == "F16" and not np.isfinite(data).all():
        raise MergeError("a merged weight exceeds what half precision holds (65,504). Choose gguf-q8_0 or none.")
    if gram is not None and kind in _HEADS:
        levels = round_calibrated(target.cpu(), grid_of(stored), gram.cpu())
        stored = Stored(_with_levels(data, kind, levels.numpy()), kind)
    return stored


def grid_of(stored: Stored) -> Grid:
    """What the blocks' scales allow, levels counted from the lowest."""
    count = _HEADS[stored.kind]
    rows = stored.data.shape[0]
    blocks = stored.data.reshape(rows, -1, _bytes_of(stored.kind))
    heads = np.ascontiguousarray(blocks[..., : 2 * count]).view(np.float16).astype(np.float32)
    scale = torch.from_numpy(heads[..., 0].repeat(_BLOCK, axis=1))
    if stored.kind == "Q4_1":
        offset = torch.from_numpy(heads[..., 1].repeat(_BLOCK, axis=1))
        return Grid(scale, offset, torch.arange(16.0))
    lowest, highest = (-127.0, 127.0) if stored.kind == "Q8_0" else (-8.0, 7.0)
    return Grid(scale, torch.zeros_like(scale), torch.arange(lowest, highest + 1))


def _bytes_of(kind: str) -> int:
    return 2 * _HEADS[kind] + (_BLOCK if kind == "Q8_0" else _BLOCK // 2)


def _with_levels(data: Array, kind: str, levels: npt.NDArray[np.int64]) -> Array:
    out = np.array(data, dtype=np.uint8)
    blocks = out.reshape(len(out), -1, _bytes_of(kind))
    body = levels.reshape(len(out), -1, _BLOCK)
    if kind == "Q8_0":
        blocks[..., 2:] = (body - 127).astype(np.int8).view(np.uint8)
    else:  # the first sixteen weights sit in the low halves of the bytes, the others in the high halves
        half = _BLOCK // 2
        blocks[..., 2 * _HEADS[kind] :] = (body[..., :half] | (body[..., half:] << 4)).astype(np.uint8)
    return out
