"""Keep the memory of a process that runs for days as small as its live data.

The C library gives each thread an arena of its own, and keeps memory that was needed at a peak
(to compress a block of a recording, to read an analysis) in the heap for later. This is not a
leak, but looks like one for hours. A single arena and fixed thresholds for returning memory to the
system prevent it; while a run is judged at its end, speed is preferred again. Python keeps freed
tuples for reuse, up to 2,000 of each size, until a full garbage collection, which becomes ever
rarer: so one is made every minute.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress

#: Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: Bytes: the value with which glibc begins, and the largest to which it adapts.
_SMALL, _LARGE = 128 * 2**10, 32 * 2**20
#: Seconds between two collections.
EVERY = 60.0


def keep_steady() -> None:
    """Return unused memory to the system at once from now on; call this before any thread is started."""
    _set({_ARENA_MAX: 1, _MMAP_THRESHOLD: _SMALL, _TRIM_THRESHOLD: _SMALL})


def at_full_speed() -> None:
    """Keep freed memory for reuse from now on."""
    gc.unfreeze()
    _set({_MMAP_THRESHOLD: _LARGE, _TRIM_THRESHOLD: 2 * _LARGE})


class Tidying:
    """Collects garbage once a minute. Objects that survive the first collection are frozen, so that later ones take 1 ms."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._due = clock, clock() + EVERY

    def tick(self) -> None:
        """Collect garbage if it is due; call this as often as you like."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + EVERY
        gc.collect()
        if not gc.get_freeze_count():
            gc.freeze()


def _set(parameters: dict[int, int]) -> None:
    with suppress(OSError, AttributeError, TypeError):  # not glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in parameters.items():
            mallopt(parameter, value)
