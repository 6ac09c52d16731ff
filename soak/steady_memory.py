"""Keeps the memory of a process that runs for days as small as what it holds.

The C library gives each thread an arena of its own, and leaves whatever the largest moment took (a
block of a recording that is packed, an analysis that is read) in the heap for later. That is no
leak, and looks like one for hours. One arena for all threads and fixed sizes from which memory goes
back to the system end that; while a run is judged at its end, speed counts again.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

#: Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: Bytes: what glibc begins with before it adapts, and the most to which it does.
_SMALL, _LARGE = 128 * 2**10, 32 * 2**20


def keep_steady() -> None:
    """From now on, memory that is not needed any more goes back to the system at once; before any thread is started."""
    _set({_ARENA_MAX: 1, _MMAP_THRESHOLD: _SMALL, _TRIM_THRESHOLD: _SMALL})


def at_full_speed() -> None:
    """From now on, memory is kept for what comes next."""
    _set({_MMAP_THRESHOLD: _LARGE, _TRIM_THRESHOLD: 2 * _LARGE})


def _set(parameters: dict[int, int]) -> None:
    with suppress(OSError, AttributeError, TypeError):  # another C library than glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in parameters.items():
            mallopt(parameter, value)
