"""What the load's own process measures of itself: a saturated generator's latencies say nothing about the target."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil

import gevent
import psutil

from soak.windows import GeneratorWindow, Window

#: How often the event loop is asked for a turn, in seconds; often enough for 20 askings in a window of a second.
EVERY = 0.05


class Health:
    """One process's. `start` within its event loop, and `close` each window.

    `due` says how many arrivals it should have made so many seconds after the start; None in the
    closed model.
    """

    def __init__(self, due: Callable[[float], float] | None) -> None:
        self._due = due
        self._process = psutil.Process()
        self._lags: list[float] = []
        self._waiting_since: float | None = None
        self._spent, self._elapsed = _cpu_seconds(), 0.0
        self._made = self._queued = 0
        self._asked = 0.0

    def start(self) -> None:
        """Measure from now on."""
        self._spent = _cpu_seconds()
        gevent.spawn(self._ask)

    def _ask(self) -> None:
        while True:
            self._waiting_since = time.monotonic() + EVERY
            gevent.sleep(EVERY)
            self._lags.append(max(0.0, time.monotonic() - self._waiting_since))

    def close(
        self,
        seconds: float,
        made: int,
        queued: int,
        connections: int | None = None,
        users_asked: int | None = None,
    ) -> GeneratorWindow:
        """The window of `seconds` that ends now; since the start, so many arrivals were made, and had to queue."""
        lags, self._lags = sorted(self._lags), []
        # A turn that is overdue already counts as far as it goes: else a stuck loop would look
        # idle.
        overdue = time.monotonic() - self._waiting_since if self._waiting_since is not None else 0.0
        lag = max(lags[ceil(0.99 * len(lags)) - 1] if lags else 0.0, overdue)
        before, self._spent = self._spent, _cpu_seconds()
        self._elapsed += seconds
        new, waited = made - self._made, queued - self._queued
        self._made, self._queued = made, queued
        spent = self._spent - before
        asked = None
        if self._due is not None:
            until, self._asked = self._asked, self._due(self._elapsed)
            asked = self._asked - until
        memory = self._process.memory_info().rss
        return GeneratorWindow(
            spent / seconds,
            spent,
            lag,
            memory,
            asked,
            new,
            waited,
            connections,
            users_asked,
            machine_load(),
        )


class MasterHealth:
    """The master's own, for the windows that it merges: CPU and memory, for it makes no arrivals that its lag could delay."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._spent, self._asked = _cpu_seconds(), time.monotonic()

    def beside(self, windows: Sequence[Window]) -> Iterator[Window]:
        """Windows that closed together, each with an equal part of what was spent since the last ones did."""
        if not windows:
            return
        now, spent = time.monotonic(), _cpu_seconds()
        # Windows that come in a burst, as the last ones do, are longer than the time since those
        # before them.
        seconds = max(now - self._asked, sum(window.seconds for window in windows))
        part = spent - self._spent
        self._spent, self._asked = spent, now
        own = GeneratorWindow(
            part / seconds,
            part / len(windows),
            0.0,
            self._process.memory_info().rss,
            machine_load=machine_load(),
        )
        for window in windows:
            workers = [window.generator] if window.generator is not None else []
            yield replace(window, generator=GeneratorWindow.together([*workers, own]))


def machine_load() -> float | None:
    """How many threads of this machine want to run, a core, over the last minute; None where the system does not say."""
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except (OSError, AttributeError):
        return None


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
