"""A limit on the time of one regular-expression search in a response, since the whole load is one thread.

Patterns that may take exponential time are refused when a profile is read (`soak.backtracking`), as
far as that can be detected. Other patterns may still take time quadratic in a page's length.
Python's matcher checks for signals from time to time, so a timer of the process's CPU time can end
a search.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: CPU seconds that one search may take: 100 times what a page of 1 MB takes.
LONGEST = 0.25


class SearchTooLongError(Exception):
    """A search was ended because it took too long."""


class _Timer:
    """The only timer of this process; it works only in the main thread, where the load runs."""

    def __init__(self) -> None:
        self._running = False
        self._installed: bool | None = None

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Raise SearchTooLongError in the enclosed code once it has used LONGEST seconds of CPU time."""
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
            except ValueError:  # not the main thread
                self._installed = False
        return self._installed

    def _over(self, _number: int, _frame: FrameType | None) -> None:
        if self._running:
            raise SearchTooLongError


search_time = _Timer()
