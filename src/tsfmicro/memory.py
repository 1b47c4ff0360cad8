"""Freed memory kept for the next use, where that can be asked for."""

from __future__ import annotations

import ctypes
import sys

# <malloc.h> of the GNU C library
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """From now on, keep what this process frees instead of giving it back to the system; True where that is possible.

    By default the GNU C library maps every large array anew, and the system clears each page on first touch: a tenth to a
    third of a training step on a CPU. The price is that the process stays as large as it once was, so this is for
    programs that train or recognise, at their start, and never happens at import.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, -1)])
