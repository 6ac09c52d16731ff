"""What a run should be told besides its windows: a few warnings, each once, and why the load cannot go on."""

from __future__ import annotations

from collections.abc import Callable

from gevent.event import Event

#: So many warnings of a topic are told; what comes after them is only counted where it happens.
MOST_OF_A_TOPIC = 5


class Notices:
    """`tell` passes a warning on. `broken` is set once the load cannot go on, and `reason` then says why in one line."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: dict[str, set[str]] = {}
        self.broken = Event()
        self.reason = ""

    def warn(self, topic: str, text: str) -> None:
        """A warning, unless it was told already or there were enough of its topic."""
        told = self._told.setdefault(topic, set())
        if text not in told and len(told) < MOST_OF_A_TOPIC:
            told.add(text)
            self._tell(text)

    def fail(self, reason: str) -> None:
        """The load cannot go on; the first reason counts."""
        if not self.broken.is_set():
            self.reason = reason
            self.broken.set()
