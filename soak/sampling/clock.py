"""The run's clock in monotonic seconds since the start of the run; tests inject their own."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time since the start of the run, and waits until a given time."""

    def now(self) -> float:
        """Return the seconds since the start of the run."""
        ...

    def wait(self, until: float, stop: threading.Event) -> bool:
        """Sleep until `until`; return True if `stop` was set before that."""
        ...


class RunClock:
    """The real clock. `origin` is the start of the run on the system's monotonic clock, common to all processes."""

    def __init__(self, origin: float | None = None) -> None:
        self.origin = time.monotonic() if origin is None else origin

    def now(self) -> float:
        """Return the seconds since the start of the run."""
        return time.monotonic() - self.origin

    def wait(self, until: float, stop: threading.Event) -> bool:
        """Sleep until `until`; return True if `stop` was set before that."""
        return stop.wait(max(0.0, until - self.now()))
