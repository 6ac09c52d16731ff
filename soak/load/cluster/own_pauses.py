"""The silence of others, less the time in which this process itself did not run."""

from __future__ import annotations

from collections import deque

#: Seconds by which a look may be late. A later one means that this process did not run meanwhile: it
#: was stopped, or its machine was suspended, moved or had too much else to do.
LATE = 0.5
#: Pauses that are remembered: the silence of a worker or master that counts is seconds long.
REMEMBERED = 100
#: Most pauses, the longest ones, that excuse a silence. Who is late at every look has read all
#: messages many times in between, so others that say nothing then are silent.
EXCUSED = 3


class OwnPauses:
    """The pauses of this process, which looks for others every `seconds`.

    What others sent during a pause is still unread when the process goes on, so the pause is no
    silence of theirs.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.looked: float | None = None
        #: When each pause ended, and how long it was, both in seconds.
        self.pauses: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def look(self, now: float) -> None:
        """Note a look; one that comes too late ends a pause."""
        if self.looked is not None and now - self.looked > self.seconds + LATE:
            self.pauses.append((now, now - self.looked - self.seconds))
        self.looked = now

    def silence(self, heard: float, now: float) -> float:
        """Return for how many seconds nothing was heard since `heard`, less the longest pauses of this process in that time."""
        paused = sorted(min(length, end - heard) for end, length in self.pauses if end > heard)
        return now - heard - sum(paused[-EXCUSED:])
