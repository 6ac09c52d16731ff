"""Tracing that keeps to a share of the service's processor time: all the time where that is cheap, else in short windows.

tracemalloc makes every allocation dearer; a busy service may take several times the processor time
for it. So when the load is there, and memory is about to be asked for, the processor time with and
without tracing is compared. Beyond the budget, only short and long windows are traced, in turn.
What is alive at the end of a window was made in it: of garbage and work in flight there is as much
in both kinds, so that what a long window has more than a short one, over the seconds that it is
longer, is what is kept for good, per second.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import tracemalloc
from typing import Any, Dict, Optional, Tuple  # noqa: UP035

Traceback = Tuple[Tuple[str, int], ...]  # noqa: UP006 - Python 3.8 knows no other
Held = Dict[Traceback, Tuple[float, float]]  # noqa: UP006

#: Share of the service's processor time that tracing may take; what it is kept to leaves room for an error of a third.
LIMIT, BUDGET = 0.2, 0.15
#: Seconds of each measurement, and how many pairs of them; and of the two kinds of windows.
_MEASURED, _PAIRS = 0.4, 2
SHORT, LONG = 0.25, 1.0
#: Processor time a second below which a service is idle and tells nothing, and from which it is saturated: then tracing slows
#: it down without taking more, and is taken to cost what it cost the test service (docs/diagnose.md).
_IDLE, _SATURATED, _USUAL_COST = 0.05, 0.9, 3.0
#: Seconds between two windows at most.
_LONGEST_REST = 30.0


def alive(least: int = 0) -> Held:
    """Bytes and blocks that are alive, by traceback, of blocks of at least so many bytes."""
    # Statistics by way of its public classes take minutes where these tuples (domain, size, frames,
    # depth) take seconds. A traceback is the same object wherever it occurs, innermost call first.
    traces: list[Any] = tracemalloc.take_snapshot().traces._traces  # type: ignore[attr-defined]  # noqa: SLF001
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    tracebacks: dict[int, Traceback] = {}
    for _, size, traceback, *_ in traces:
        if size >= least:
            identity = id(traceback)
            sizes[identity] = sizes.get(identity, 0) + size
            counts[identity] = counts.get(identity, 0) + 1
            tracebacks[identity] = traceback
    return {
        tracebacks[identity]: (float(sizes[identity]), float(counts[identity]))
        for identity in sizes
    }


class Tracing:
    """Traces allocations within the budget; `cost` is tracing's processor time over the service's own, None until measured.

    `share` is the part of the service's processor time that tracing takes now.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.cost: Optional[float] = None  # noqa: UP045 - Python 3.8
        self._used = (time.monotonic(), os.times())
        self._windows: Optional[threading.Thread] = None  # noqa: UP045
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._kept: Held = {}
        self._collecting = 0.0

    @property
    def in_windows(self) -> bool:
        """Whether only windows are traced."""
        return self._windows is not None

    @property
    def duty(self) -> float:
        """The share of time that is traced."""
        return duty(self.cost) if self.in_windows and self.cost is not None else 1.0

    @property
    def share(self) -> float:
        """The part of the service's processor time that tracing takes."""
        extra = self.duty * (self.cost or 0.0)
        return extra / (1.0 + extra)

    def measure(self) -> None:
        """Where the service is at work, measure what tracing costs; if that is too much, trace windows from now on."""
        if self.in_windows or not self._busy():
            return
        self.cost = self._measured()
        if duty(self.cost) < 1.0:
            self._stop.clear()
            self._windows = threading.Thread(
                target=self._trace_windows, name="soak-hook-windows", daemon=True
            )
            self._windows.start()

    def begin(self) -> None:
        """Trace, if nothing is traced yet."""
        if not self.in_windows and not tracemalloc.is_tracing():
            tracemalloc.start(self.frames)

    def held(self) -> Held:
        """What is alive after a collection, by traceback; of windows, what all time since the first would have left."""
        if self.in_windows:
            with self._lock:
                return dict(self._kept)
        gc.collect()
        return alive()

    def end(self) -> None:
        """Trace no more, until begun again."""
        self._stop.set()
        if self._windows is not None:
            self._windows.join(LONG + _LONGEST_REST)
        self._windows = None
        self._kept = {}
        tracemalloc.stop()

    def _busy(self) -> bool:
        """Whether the service has been at work since the last time; only then can a cost be measured."""
        began, used = self._used
        self._used = (time.monotonic(), os.times())
        seconds = self._used[0] - began
        worked = self._used[1].user + self._used[1].system - used.user - used.system
        return seconds > 0 and worked / seconds >= _IDLE

    def _measured(self) -> float:
        """Processor time that tracing adds, over the service's own: stretches without and with it, in turn."""
        without = within = 0.0
        for _ in range(_PAIRS):
            tracemalloc.stop()
            without += _processor_time(_MEASURED)
            tracemalloc.start(self.frames)
            within += _processor_time(_MEASURED)
        tracemalloc.stop()
        return cost_of(without / (_PAIRS * _MEASURED), within / (_PAIRS * _MEASURED))

    def _trace_windows(self) -> None:
        last = time.monotonic()
        while not self._stop.is_set():
            short, long = self._window(SHORT), self._window(LONG)
            now = time.monotonic()
            if short is None or long is None:
                return
            with self._lock:
                accumulate(self._kept, short, long, now - last)
            last = now

    def _window(self, seconds: float) -> Optional[Held]:  # noqa: UP045
        """What a window left; None where tracing ended meanwhile. Then rest, as long as the budget asks for."""
        tracemalloc.start(self.frames)
        ended = self._stop.wait(seconds)
        began = time.thread_time()
        gc.collect()
        left = alive()
        tracemalloc.stop()
        collecting = time.thread_time() - began
        rest = seconds / duty(self.cost or _USUAL_COST) - seconds + collecting / BUDGET
        return None if ended or self._stop.wait(min(rest, _LONGEST_REST)) else left


def _processor_time(seconds: float) -> float:
    began = time.process_time()
    time.sleep(seconds)
    return time.process_time() - began


def cost_of(without: float, within: float) -> float:
    """What tracing adds over the service's own processor time, from processor time a second without and with it."""
    if within >= _SATURATED or without <= 0:
        return max(_USUAL_COST, (within - without) / without if without > 0 else 0.0)
    return max((within - without) / without, 0.0)


def duty(cost: float) -> float:
    """The share of time that may be traced so that tracing takes the budget at most; 1 where it always may."""
    return 1.0 if cost / (1.0 + cost) <= LIMIT else BUDGET / (cost * (1.0 - BUDGET))


def accumulate(kept: Held, short: Held, long: Held, seconds: float) -> None:
    """Add to `kept` what so many seconds leave at the rate that two windows tell."""
    scale = seconds / (LONG - SHORT)
    for traceback in set(short) | set(long):
        size, count = kept.get(traceback, (0.0, 0.0))
        long_size, long_count = long.get(traceback, (0.0, 0.0))
        short_size, short_count = short.get(traceback, (0.0, 0.0))
        kept[traceback] = (
            size + scale * (long_size - short_size),
            count + scale * (long_count - short_count),
        )
