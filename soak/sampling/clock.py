"""The run's clock: monotonic seconds since the run began; tests inject their own."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of a run, and waits for a moment of it."""

    def now(self) -> float:
        """Seconds since the run began."""
        ...

    def wait(self, until: float, stop: threading.Event) -> bool:
        """Sleep until a moment; True when `stop` was set before it."""
        ...


class RunClock:
    """The real one. `origin` is the moment the run began on the system's monotonic clock, which all its processes share."""

    def __init__(self, origin: float | None = None) -> None:
        self.origin = time.monotonic() if origin is None else origin

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.origin

    def wait(self, until: float, stop: threading.Event) -> bool:
        """Sleep until a moment; True when `stop` was set before it."""
        return stop.wait(max(0.0, until - self.now()))
