"""A bound on how long one regular expression may search an answer, since the whole load is one thread.

What may take exponential time is refused where a profile is read (`soak.backtracking`), as far as
that can be told; what is left may still take a time that grows with the square of a page's length.
Python's matcher looks for signals now and then, so a timer of this process's own CPU time ends it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: CPU seconds that one search may take: a page of 1 MB takes a hundredth of that.
LONGEST = 0.25


class SearchTooLongError(Exception):
    """A search was ended because it took too long."""


class _Timer:
    """The one timer of this process; only the main thread, in which the load runs, can have it."""

    def __init__(self) -> None:
        self._running = False
        self._installed: bool | None = None

    @contextmanager
    def limit(self) -> Iterator[None]:
        """SearchTooLongError out of what is done within, once it has taken LONGEST."""
        if self._running or not self._install():
            yield
            return
        self._running = True
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
            yield
        finally:
            self._running = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)

    def _install(self) -> bool:
        if self._installed is None:
            try:
                signal.signal(signal.SIGVTALRM, self._over)
                self._installed = True
            except ValueError:  # another thread than the main one
                self._installed = False
        return self._installed

    def _over(self, _number: int, _frame: FrameType | None) -> None:
        if self._running:
            raise SearchTooLongError


search_time = _Timer()
