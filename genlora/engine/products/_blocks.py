"""Products with a base's own 4-bit blocks.

The weights of a base that came as GGUF Q4 are 4-bit numbers in blocks of 32 with a scale and a minimum each, turned
into floats once. Where they still lie on that grid, torch's packed product for it (`_weight_int4pack_mm_for_cpu`)
reads an eighth of the bytes. Inputs are rounded to bfloat16, and so are a block's scale and minimum; sums are float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 32
OFF_GRID = 0.004
"""Largest relative error of packed weights: rounding to bfloat16 gives 0.002 on the grid, off it they lose 0.07."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Weights of projections with one input, one below the other."""

    packed: Tensor
    scales: Tensor
    """(d_in / 32, d_out, 2): each block's scale, and the value of its middle number."""
    error: float
    """What packing rounds off, as a share of the weights' norm."""

    def product(self, x: Tensor) -> Tensor:
        """(..., d_in) to (..., sum of d_out), float32."""
        flat = x.reshape(-1, x.shape[-1]).bfloat16()
        out = torch.ops.aten._weight_int4pack_mm_for_cpu(flat, self.packed, BLOCK, self.scales)
        return out.float().view(*x.shape[:-1], -1)


def pack_blocks(weights: Sequence[Tensor]) -> Blocks | None:
    """Float32 weights (d_out, d_in) with one input as blocks; None where they do not lie on such a grid.

    Raises `AttributeError`, `RuntimeError` or `NotImplementedError` where this torch or processor has no such product.
    """
    whole = torch.cat([w.detach() for w in weights])
    rows, columns = whole.shape
    if columns % BLOCK or rows % 16:  # what the kernel can pack
        return None
    blocks = whole.view(rows, columns // BLOCK, BLOCK)
    low, high = blocks.amin(-1), blocks.amax(-1)
    scale = ((high - low) / 15).clamp_min(torch.finfo(torch.float32).tiny)
    numbers = ((blocks - low[..., None]) / scale[..., None]).round_().clamp_(0, 15)
    scales = torch.stack([scale, low + 8 * scale], -1).bfloat16()
    again = (numbers - 8) * scales[..., :1].float() + scales[..., 1:].float()
    error, size = float((again - blocks).norm()), float(blocks.norm())
    if not size or error > OFF_GRID * size:
        return None
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.to(torch.int32).view(rows, columns), 1)
    return Blocks(packed, scales.transpose(0, 1).contiguous(), error / size)
