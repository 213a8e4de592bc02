"""Rows of numbers in 8 or 4 bits with one scale per row, and back."""

import torch
from torch import Tensor

_CLIPS = tuple(1.0 - 0.04 * i for i in range(12))  # shares of a row's maximum tried as the largest code


def quantize_rows(x: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Codes and scales of `x` (..., d): int8 (..., d), or two 4-bit codes a byte (..., ceil(d / 2)); scales (..., 1).

    Symmetric. At 4 bits each row's scale is the one of a dozen that errs least, since one large entry would otherwise
    leave three codes for all others.
    """
    top = 127 if bits == 8 else 7
    peak = x.abs().amax(-1, keepdim=True)
    if bits == 8:
        scale = peak / top
    else:
        errors = torch.stack([(_round(x, peak * c / top, top) - x).square().sum(-1, keepdim=True) for c in _CLIPS])
        scale = peak * torch.tensor(_CLIPS, dtype=x.dtype)[errors.argmin(0)] / top
    scale = torch.where(scale > 0, scale, torch.ones_like(scale)).float()
    codes = (x / scale).round().clamp(-top, top).to(torch.int8)
    return (codes if bits == 8 else _pack4(codes)), scale


def _round(x: Tensor, scale: Tensor, top: int) -> Tensor:
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (x / safe).round().clamp(-top, top) * safe


def _pack4(codes: Tensor) -> Tensor:
    if codes.shape[-1] % 2:
        codes = torch.nn.functional.pad(codes, (0, 1))
    unsigned = (codes + 8).to(torch.uint8)
    return unsigned[..., 0::2] | (unsigned[..., 1::2] << 4)


def dequantize_rows(codes: Tensor, scale: Tensor, width: int) -> Tensor:
    """The float32 rows (..., width) that `quantize_rows` stands for."""
    if codes.dtype == torch.uint8:
        pairs = torch.stack([codes & 15, codes >> 4], dim=-1).flatten(-2)[..., :width]
        return (pairs.float() - 8.0) * scale
    return codes.float() * scale
