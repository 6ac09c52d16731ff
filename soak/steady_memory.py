"""Keeps the memory of a process that runs for days as small as what it holds.

The C library gives each thread an arena of its own, and leaves whatever the largest moment took (a
block of a recording that is packed, an analysis that is read) in the heap for later. That is no
leak, and looks like one for hours. One arena for all threads and fixed sizes from which memory goes
back to the system end that; while a run is judged at its end, speed counts again. Python keeps
freed tuples for later, up to 2,000 of each size, until garbage is collected in full, which it does
ever more rarely: so that is done once a minute.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress

#: Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: Bytes: what glibc begins with before it adapts, and the most to which it does.
_SMALL, _LARGE = 128 * 2**10, 32 * 2**20
#: Seconds between two collections.
EVERY = 60.0


def keep_steady() -> None:
    """From now on, memory that is not needed any more goes back to the system at once; before any thread is started."""
    _set({_ARENA_MAX: 1, _MMAP_THRESHOLD: _SMALL, _TRIM_THRESHOLD: _SMALL})


def at_full_speed() -> None:
    """From now on, memory is kept for what comes next."""
    gc.unfreeze()
    _set({_MMAP_THRESHOLD: _LARGE, _TRIM_THRESHOLD: 2 * _LARGE})


class Tidying:
    """Collects garbage once a minute, when it is told of the time; what was there by the first is not looked at again (1 ms)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._due = clock, clock() + EVERY

    def tick(self) -> None:
        """As often as one likes."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + EVERY
        gc.collect()
        if not gc.get_freeze_count():
            gc.freeze()


def _set(parameters: dict[int, int]) -> None:
    with suppress(OSError, AttributeError, TypeError):  # another C library than glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in parameters.items():
            mallopt(parameter, value)
