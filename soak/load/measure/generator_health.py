"""Measure the load process itself: latencies from a saturated generator say nothing about the target."""

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

#: Interval in seconds at which the event loop's delay is sampled: 20 samples in a window of one
#: second.
EVERY = 0.05


class Health:
    """Health of one process. Call `start` within its event loop, and `close` for each window.

    `due` returns how many arrivals should have been made a given number of seconds after the start;
    None in the closed model.
    """

    def __init__(self, due: Callable[[float], float] | None) -> None:
        self._due = due
        self._process = psutil.Process()
        self._lags: list[float] = []
        self._waiting_since: float | None = None
        self._spent, self._elapsed = _cpu_seconds(), 0.0
        self._made = self._queued = 0
        self._asked = 0.0
        self._machine = Machine()

    def start(self) -> None:
        """Start to measure."""
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
        """Close the window of `seconds` that ends now; `made` and `queued` count arrivals since the load's start."""
        lags, self._lags = sorted(self._lags), []
        # A sample that is overdue counts with its delay so far; otherwise a stuck loop would look
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
            self._machine.busy(),
            self._machine.processors,
        )


class MasterHealth:
    """The master's own health, added to merged windows: CPU and memory only, because it makes no arrivals."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._spent, self._asked = _cpu_seconds(), time.monotonic()

    def beside(self, windows: Sequence[Window]) -> Iterator[Window]:
        """Yield windows that closed together, each with an equal part of the CPU time spent since the last call."""
        if not windows:
            return
        now, spent = time.monotonic(), _cpu_seconds()
        # Windows may come in a burst, as the last ones do. Then they last longer in total than the
        # time since the previous call.
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


class Machine:
    """How many of this machine's processors were busy since the last call, whoever used them.

    What a hypervisor gave to other machines counts as busy: it was not there to be used.
    """

    def __init__(self) -> None:
        self.processors = os.cpu_count() or 1
        self._busy, self._whole = _machine_seconds()

    def busy(self) -> float | None:
        """Return how many processors were busy; None if the system's clock has not moved since the last call."""
        before, whole = self._busy, self._whole
        self._busy, self._whole = _machine_seconds()
        if self._whole <= whole:
            return None
        share = (self._busy - before) / (self._whole - whole)
        return round(max(0.0, share) * self.processors, 2)


def _machine_seconds() -> tuple[float, float]:
    """Return the seconds that all processors were busy, and those that passed on them, since the machine started."""
    times = psutil.cpu_times()
    # Linux counts the time of guests within `user` and `nice` already.
    parts = {name: value for name, value in times._asdict().items() if not name.startswith("guest")}
    idle = parts.get("idle", 0.0) + parts.get("iowait", 0.0)
    whole = sum(parts.values())
    return whole - idle, whole


def machine_load() -> float | None:
    """Return the load average of the last minute per core; None if the system does not report it."""
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except (OSError, AttributeError):
        return None


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
