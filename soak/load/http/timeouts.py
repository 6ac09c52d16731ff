"""Ends exchanges that take too long: one look at all of them now and then, where a timer for each would cost more."""

from __future__ import annotations

import time
from math import inf
from typing import Protocol

import gevent

#: How often is looked, in seconds: a timeout comes at most so much late.
TICK = 0.02


class HasDeadline(Protocol):
    """Something with a moment (monotonic seconds, infinite while it is idle) by which it must have ended."""

    deadline: float

    def expire(self) -> None:
        """The moment has passed."""


class Deadlines:
    """All that is under way in this process and must end in time."""

    def __init__(self) -> None:
        self._watched: set[HasDeadline] = set()
        self._sweeping: gevent.Greenlet | None = None

    @property
    def watched(self) -> int:
        """How many there are: every open connection is one."""
        return len(self._watched)

    def watch(self, timed: HasDeadline) -> None:
        """See to its deadlines from now on."""
        self._watched.add(timed)
        if self._sweeping is None:
            self._sweeping = gevent.spawn(self._sweep)

    def forget(self, timed: HasDeadline) -> None:
        """Look at it no more."""
        self._watched.discard(timed)

    def _sweep(self) -> None:
        while self._watched:
            gevent.sleep(TICK)
            now = time.monotonic()
            for timed in [timed for timed in self._watched if timed.deadline <= now]:
                timed.deadline = inf
                timed.expire()
        self._sweeping = None
