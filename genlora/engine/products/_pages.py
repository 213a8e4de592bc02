"""Memory of weights that are not read any more is given back, as far as the system can fetch it again."""

import ctypes
import logging
import mmap
import sys
from collections.abc import Iterable

from torch import Tensor

log = logging.getLogger(__name__)

_PAGEOUT = 21
"""Linux's MADV_PAGEOUT: pages of a file are dropped and read again when somebody asks; nothing is ever lost."""


def page_out(tensors: Iterable[Tensor]) -> None:
    """Let the system take the pages of these tensors, and of memory freed before, out of memory now.

    Tensors stay readable. Does nothing off Linux, and leaves pages alone that other processes have mapped too.
    """
    if sys.platform != "linux":  # pragma: no cover
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for tensor in tensors:
        first = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (tensor.data_ptr() + tensor.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
        if last > first and libc.madvise(first, last - first, _PAGEOUT):
            log.debug("pages stay in memory: errno %d", ctypes.get_errno())
            break
    if hasattr(libc, "malloc_trim"):  # glibc keeps what was freed between what is held, and nobody asks again
        libc.malloc_trim(0)
