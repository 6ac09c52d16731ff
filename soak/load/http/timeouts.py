"""End exchanges that take too long: all are checked at intervals, because a timer for each would cost more."""

from __future__ import annotations

import time
from math import inf
from typing import Protocol

import gevent

#: Interval of the checks in seconds, and so the longest delay of a timeout.
TICK = 0.02


class HasDeadline(Protocol):
    """An object with a deadline (monotonic seconds, infinite while idle) by which its exchange must have ended."""

    deadline: float

    def expire(self) -> None:
        """Handle a passed deadline."""


class Deadlines:
    """All connections of this process that have deadlines."""

    def __init__(self) -> None:
        self._watched: set[HasDeadline] = set()
        self._sweeping: gevent.Greenlet | None = None

    @property
    def watched(self) -> int:
        """The number of watched objects: one per open connection."""
        return len(self._watched)

    def watch(self, timed: HasDeadline) -> None:
        """Check an object's deadlines from now on."""
        self._watched.add(timed)
        if self._sweeping is None:
            self._sweeping = gevent.spawn(self._sweep)

    def forget(self, timed: HasDeadline) -> None:
        """Stop checking an object."""
        self._watched.discard(timed)

    def _sweep(self) -> None:
        while self._watched:
            gevent.sleep(TICK)
            now = time.monotonic()
            for timed in [timed for timed in self._watched if timed.deadline <= now]:
                timed.deadline = inf
                timed.expire()
        self._sweeping = None
