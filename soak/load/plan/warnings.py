"""What a run should be told besides its windows: a few warnings, each once, and why the load cannot go on."""

from __future__ import annotations

from collections.abc import Callable

from gevent.event import Event

#: So many warnings of a topic are told; what comes after them is only counted where it happens.
MOST_OF_A_TOPIC = 5


class Warnings:
    """`tell` passes a warning on. `broken` is set once the load cannot go on, and `reason` then says why in one line.

    Beside others, a process that has no row of data left tells so by `tell_spent`: they may have
    some.
    """

    def __init__(
        self, tell: Callable[[str], None], tell_spent: Callable[[str], None] | None = None
    ) -> None:
        self._tell, self._tell_spent, self._spent = tell, tell_spent, False
        self._told: dict[str, set[str]] = {}
        self.broken = Event()
        self.reason = ""

    def warn(self, topic: str, text: str) -> None:
        """A warning, unless it was told already or there were enough of its topic."""
        told = self._told.setdefault(topic, set())
        if text not in told and len(told) < MOST_OF_A_TOPIC:
            told.add(text)
            self._tell(text)

    def run_out(self, reason: str) -> None:
        """Nobody in this process has a row of data left: when it is alone, the load cannot go on."""
        if self._tell_spent is None:
            self.fail(reason)
        elif not self._spent:
            self._spent = True
            self._tell_spent(reason)

    def fail(self, reason: str) -> None:
        """The load cannot go on; the first reason counts."""
        if not self.broken.is_set():
            self.reason = reason
            self.broken.set()
