"""What PEFT calls the tensors of an adapter, and which values they may hold."""

from collections.abc import Mapping

import torch
from torch import Tensor

from genlora.errors import AdapterFormatError

from ._config import PREFIX

MAX_ENTRY = 1e4
"""Factors with entries beyond this are refused: trained ones stay below 10, and half precision ends at 65,504."""


def tensor_names(path: str) -> tuple[str, str]:
    """PEFT's names of A and B for a module path."""
    return f"{PREFIX}{path}.lora_A.weight", f"{PREFIX}{path}.lora_B.weight"


def check_values(tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Raise `AdapterFormatError` unless every value is finite and at most 1e4 in size (threat A7)."""
    for name, tensor in tensors.items():
        largest = _largest(tensor)
        if not largest <= MAX_ENTRY:  # also true of NaN
            raise AdapterFormatError(
                f"{where}: {name} holds a value of size {largest:.3g}, expected finite values of at most {MAX_ENTRY:g}"
                f"{' (half precision ends at 65,504)' if tensor.dtype == torch.float16 else ''}. "
                "The training it came from has probably diverged; use an earlier checkpoint."
            )


def _largest(tensor: Tensor) -> float:
    if tensor.dtype == torch.float32 and tensor.device.type == "cpu":
        values = tensor.detach().numpy()
        return max(float(values.max()), -float(values.min())) if values.size else 0.0
    return float(tensor.abs().max()) if tensor.numel() else 0.0
