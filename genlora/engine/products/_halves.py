"""Products with weights packed in float16: half the bytes of float32 to read, inputs and sums float32.

It is FBGEMM's packed product, which torch carries for x86 (`quantized::linear_dynamic_fp16`; nothing is quantised but
the weights' last bits). Without AVX-512 it is also quicker than the plain product up to some dozens of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

ROUNDED = 0.0005
"""Largest relative error of packed weights: float16's 11 bits give 0.0002; numbers too large or too small lose more."""


@dataclass(frozen=True, eq=False)
class Halves:
    """Weights of projections with one input, one below the other."""

    packed: Any
    error: float
    """What packing rounds off, as a share of the weights' norm."""

    def product(self, x: Tensor) -> Tensor:
        """(..., d_in) to (..., sum of d_out), float32."""
        return torch.ops.quantized.linear_dynamic_fp16(x, self.packed)


def pack_halves(weights: Sequence[Tensor]) -> Halves | None:
    """Float32 weights (d_out, d_in) with one input in float16; None where that would round off more than it should.

    Raises `AttributeError`, `RuntimeError` or `NotImplementedError` where this torch or processor has no such product.
    """
    whole = torch.cat([w.detach() for w in weights]) if len(weights) > 1 else weights[0].detach()
    size = float(whole.norm())
    error = float(torch.linalg.vector_norm(whole.half() - whole))
    if not size or not error <= ROUNDED * size:
        return None
    return Halves(torch.ops.quantized.linear_prepack_fp16(whole.contiguous(), None), error / size)
