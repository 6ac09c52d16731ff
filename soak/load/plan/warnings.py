"""Messages of a load besides its windows: a few warnings, each sent once, and why the load cannot continue."""

from __future__ import annotations

from collections.abc import Callable

from gevent.event import Event

#: Warnings sent per topic; further ones are not sent.
MOST_OF_A_TOPIC = 5


class Warnings:
    """Collects warnings and the end of a load. `tell` sends a warning; `broken` is set if the load cannot continue.

    `reason` then says why, in one line. A process that is one of several reports by `tell_spent`
    that it has no row of data left, because the others may still have rows.
    """

    def __init__(
        self, tell: Callable[[str], None], tell_spent: Callable[[str], None] | None = None
    ) -> None:
        self._tell, self._tell_spent, self._spent = tell, tell_spent, False
        self._told: dict[str, set[str]] = {}
        self.broken = Event()
        self.reason = ""

    def warn(self, topic: str, text: str) -> None:
        """Send a warning, unless it was already sent or its topic has reached the limit."""
        told = self._told.setdefault(topic, set())
        if text not in told and len(told) < MOST_OF_A_TOPIC:
            told.add(text)
            self._tell(text)

    def run_out(self, reason: str) -> None:
        """Report that this process has no row of data left. If it is the only process, the load cannot continue."""
        if self._tell_spent is None:
            self.fail(reason)
        elif not self._spent:
            self._spent = True
            self._tell_spent(reason)

    def fail(self, reason: str) -> None:
        """Record that the load cannot continue; only the first reason is kept."""
        if not self.broken.is_set():
            self.reason = reason
            self.broken.set()
