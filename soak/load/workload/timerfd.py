"""Sleep until a moment, to within some 50 µs if the system supports it.

gevent's event loop waits in whole milliseconds, so the median sleep ends half a millisecond late.
This is as long as a fast service takes to answer, and in the open model it would be part of the
latency. Linux's timer descriptors are precise.
"""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from typing import Any

import gevent
from gevent import getcurrent

_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC, _ABSOLUTE, _READ = 1, 0o2004000, 1, 1


class _Spec(ctypes.Structure):
    """Linux's struct itimerspec: interval, then value; seconds and nanoseconds."""

    _fields_ = (("interval", ctypes.c_long * 2), ("value", ctypes.c_long * 2))


class PreciseTimer:
    """A timer for one greenlet."""

    def __init__(self) -> None:
        self._spec = _Spec()
        self._libc: Any = None
        self._descriptor = -1
        self._watcher: Any = None
        with suppress(OSError, AttributeError):  # not Linux: use gevent's own sleep
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._descriptor >= 0:
            self._watcher = gevent.get_hub().loop.io(self._descriptor, _READ)

    def until(self, moment: float) -> None:
        """Sleep until a moment of the monotonic clock, in seconds; other greenlets run at least once."""
        seconds = moment - time.monotonic()
        if self._watcher is None or seconds <= 0:
            gevent.sleep(max(0.0, seconds))
            return
        whole = int(moment)
        self._spec.value[0], self._spec.value[1] = whole, int((moment - whole) * 1e9)
        self._libc.timerfd_settime(self._descriptor, _ABSOLUTE, ctypes.byref(self._spec), None)
        self._watcher.start(getcurrent().switch)
        try:
            gevent.get_hub().switch()
        finally:
            self._watcher.stop()
        with suppress(BlockingIOError):
            os.read(self._descriptor, 8)

    def close(self) -> None:
        """Close the timer descriptor."""
        if self._watcher is not None:
            self._watcher.close()
            os.close(self._descriptor)
            self._watcher = None
