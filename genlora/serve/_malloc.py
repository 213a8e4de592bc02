"""How the process gets memory from the system, and gives it back: a server runs for long."""

import ctypes
import os
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Of glibc's malloc.h."""
_LARGE = 1 << 20
_ARENAS = 2


def give_memory_back() -> None:
    """Have glibc return what is freed, call it before there are threads; nothing with another C library.

    Adapters are made in several threads, each with copies of ten MiB that live for milliseconds. By itself glibc gives
    each thread an arena of its own and learns from the first such copy to put the next ones there, between things that
    stay: a server that made hundreds of adapters then holds some hundred MiB of nothing. Whoever sets glibc's own
    variables (MALLOC_ARENA_MAX and the like) has decided it himself.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = ctypes.CDLL(None).mallopt
    for setting, value in ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE)):
        mallopt(setting, value)
