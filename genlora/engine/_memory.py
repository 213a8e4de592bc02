"""Memory that is paid for when it is written: what is stacked for many adapters or rows is mostly empty."""

import mmap
from contextlib import suppress
from math import prod

import torch
from torch import Tensor


def zeros(*shape: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`torch.zeros`, which on a CPU takes memory page by page where it is first written; reading takes none.

    Torch writes its zeros at once, and where the system gives huge pages a few bytes would cost two MiB.
    """
    size = prod(shape) * dtype.itemsize
    if device.type != "cpu" or not size or not hasattr(mmap, "MAP_ANONYMOUS"):
        return torch.zeros(*shape, dtype=dtype, device=device)
    room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel that has no huge pages
            room.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(room, dtype=dtype).view(shape)


def pages(size: int) -> int:
    """Bytes that writing `size` bytes side by side takes."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
