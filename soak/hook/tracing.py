"""Tracing that keeps to a share of the service's processor time: all the time where that is cheap, else in short windows.

tracemalloc makes every allocation dearer; a busy service may take several times the processor time
for it. So as soon as the service is at work, its processor time with and without tracing is compared
for tenths of a second, and again where it can no longer keep up. Beyond the budget, only short and
long windows are traced, in turn. Where the service cannot keep up within a window, tracing rests,
for that may have been a burst; and where it cannot time after time, not even with one call a stack,
nothing more is traced: answers that come late are a worse harm than a place that stays unknown.

What pairs of windows add up to is in `window_sums.py`.
"""

from __future__ import annotations

import gc
import glob
import threading
import time
import tracemalloc
from typing import Optional, Tuple  # noqa: UP035

from .containers import remember_caches
from .window_sums import Held, Sums, accumulate, alive, surely_kept

#: Share of the service's processor time that tracing may take; what it is kept to leaves room for an error of a third.
LIMIT, BUDGET = 0.2, 0.15
#: Seconds of each measurement, and how many pairs of them; and of the two kinds of windows.
_MEASURED, _PAIRS = 0.1, 8
SHORT, LONG = 0.25, 1.0
#: Seconds after which it is looked at whether the service keeps up: it answers late for no longer.
LOOK = 0.25
#: Processor time a second below which a service is idle and tells nothing; and processor time, with the time that its threads
#: waited for a processor, from which it is saturated: with 0.85 of a second queues are six times as long as with half.
_IDLE, SATURATED = 0.05, 0.85
#: Seconds between two windows at most, and after one in which the service could not keep up.
_LONGEST_REST = 30.0
#: So many times in a row tracing was too much for the service: one call a stack from then on; and nothing from then on.
SHALLOW_AFTER, GIVEN_UP_AFTER = 2, 4
#: The least cost that is traced in windows: what windows told and what is alive at a moment are not mixed.
_LEAST_WINDOWED = 1.01 * LIMIT / (1.0 - LIMIT)


class Tracing:
    """Traces allocations within the budget; `cost` is tracing's processor time over the service's own, None until measured.

    `share` is the part of the service's processor time that tracing takes now. Whoever holds
    `aside` works for soak, and is not taken for the service.
    """

    def __init__(self, frames: int) -> None:
        self.frames = self._asked_frames = frames
        self.cost: Optional[float] = None  # noqa: UP045 - Python 3.8
        self._thread: Optional[threading.Thread] = None  # noqa: UP045
        self._stop = threading.Event()
        self.aside = threading.RLock()
        self._sums: Sums = {}
        self._pairs = 0

    @property
    def in_windows(self) -> bool:
        """Whether only windows are traced, or nothing."""
        return self.cost is not None and duty(self.cost) < 1.0

    @property
    def duty(self) -> float:
        """The share of time that is traced."""
        return 1.0 if self.cost is None else duty(self.cost)

    @property
    def share(self) -> float:
        """The part of the service's processor time that tracing takes."""
        extra = self.duty * (self.cost or 0.0) if self.duty else 0.0
        return extra / (1.0 + extra)

    def begin(self) -> None:
        """Trace within the budget, from now on."""
        with self.aside:
            if self._thread is None:
                self._stop.clear()
                tracemalloc.start(self.frames)
                self._thread = threading.Thread(
                    target=self._keep_to_the_budget, name="soak-hook-tracing", daemon=True
                )
                self._thread.start()

    def held(self) -> Held:
        """What is alive after a collection, by traceback; of windows, what all time since the first would have left."""
        with self.aside:
            if self.in_windows:
                return surely_kept(self._sums, self._pairs)
            gc.collect()
            return alive() if tracemalloc.is_tracing() else {}

    def end(self) -> None:
        """Trace no more, until begun again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(LONG + _LONGEST_REST)
        self._thread = self.cost = None
        self.frames = self._asked_frames
        self._sums, self._pairs = {}, 0
        tracemalloc.stop()
        _unfreeze()

    def _keep_to_the_budget(self) -> None:
        """Trace all the time; once the service is at work, and whenever it no longer keeps up, by what that costs."""
        while not self.in_windows:
            if self._stop.wait(LOOK):
                return
            with self.aside:  # pages are no work of the service
                worked, waited, ended = _work(LOOK, self._stop)
                if ended:
                    return
                at_work, keeps_up = worked >= _IDLE * LOOK, worked + waited < SATURATED * LOOK
                if at_work if self.cost is None else not keeps_up:
                    self._measure()
                elif not tracemalloc.is_tracing():
                    tracemalloc.start(self.frames)
        self._windows_and_rests()

    def _measure(self) -> None:
        """Measure what tracing costs, and begin all tracing anew; where that is too much, leave it to windows.

        Where nothing can be told now, or the service did not keep up with whole stacks, a later
        look measures again, with one call a stack.
        """
        self.cost = None
        cost = self._measured(self.frames)
        if cost is not None and duty(cost) == 0.0 and self.frames > 1:
            self.frames = 1
            return
        self.cost = cost
        if self.in_windows:
            # A collection stops the service for as long as it looks at what was made so far: once is enough.
            remember_caches()
            gc.collect()
            _freeze()
        elif cost is not None:
            tracemalloc.start(self.frames)

    def _measured(self, frames: int) -> Optional[float]:  # noqa: UP045
        """Processor time that tracing adds, over the service's own: stretches without and with it, in turn.

        One stretch in which the service could not keep up is enough. None where it cannot keep up
        untraced either, or is idle: then nothing can be told now. Nothing is traced afterwards.
        """
        without = within = waited = cost = 0.0
        for pair in range(1, _PAIRS + 1):
            tracemalloc.stop()
            worked, queued, ended = _work(_MEASURED, self._stop)
            without, seconds = without + worked, pair * _MEASURED
            if ended or worked + queued >= SATURATED * _MEASURED or without < _IDLE * seconds:
                return None
            tracemalloc.start(frames)
            worked, queued, _ = _work(_MEASURED, self._stop)
            tracemalloc.stop()
            within, waited = within + worked, waited + queued
            cost = cost_of(without / seconds, within / seconds, waited / seconds)
            if duty(cost) == 0.0:
                break
        return cost

    def _windows_and_rests(self) -> None:
        """Trace windows; where that is too much, rest and measure again, but not without end.

        While it rests the cost stays what it was if windows have told something, for they still do.
        """
        last, refused, cost = time.monotonic(), 0, self.cost
        while True:
            pairs = self._pairs
            if cost is not None and duty(cost) > 0.0:
                self.cost = cost
                last = self._trace_windows(last)
            if self._stop.is_set():
                return
            refused = 1 if self._pairs > pairs else refused + 1
            with self.aside:
                if refused == GIVEN_UP_AFTER or (refused == SHALLOW_AFTER and self.frames > 1):
                    # Stacks of one call are other places than whole ones.
                    self.frames, self._sums, self._pairs = 1, {}, 0
                if not self._pairs:
                    self.cost = float("inf")
            if refused == GIVEN_UP_AFTER:
                return
            cost = self._measured_after_a_rest()

    def _measured_after_a_rest(self) -> Optional[float]:  # noqa: UP045
        """What windows cost now; None where tracing ended meanwhile."""
        cost = None
        while cost is None and not self._stop.wait(_LONGEST_REST):
            cost = self._measured(self.frames)
        return None if cost is None else max(cost, _LEAST_WINDOWED)

    def _trace_windows(self, last: float) -> float:
        """Pairs of windows until one is too much or tracing ends; the moment at which the last whole one ended."""
        while True:
            short = self._window(SHORT)
            if short is None:
                return last
            long = self._window(LONG)
            if long is None:
                return last
            now = time.monotonic()
            with self.aside:
                accumulate(self._sums, short, long, (now - last) / (LONG - SHORT))
                self._pairs += 1
            last = now

    def _window(self, seconds: float) -> Optional[Held]:  # noqa: UP045
        """What a window left; None where tracing ended meanwhile. Then rest, as long as the budget asks for.

        A window in which the service cannot keep up ends at once, with None.
        """
        tracemalloc.start(self.frames)
        for _ in range(round(seconds / LOOK)):
            worked, waited, ended = _work(LOOK, self._stop)
            if worked + waited >= SATURATED * LOOK:
                tracemalloc.stop()
                return None
        began = time.thread_time()
        gc.collect()
        left = alive()
        tracemalloc.stop()
        collecting = time.thread_time() - began
        rest = seconds / self.duty - seconds + collecting / BUDGET
        return None if ended or self._stop.wait(min(rest, _LONGEST_REST)) else left


_freeze = getattr(gc, "freeze", lambda: None)  # PyPy has neither
_unfreeze = getattr(gc, "unfreeze", lambda: None)


def _work(seconds: float, stop: threading.Event) -> Tuple[float, float, bool]:  # noqa: UP006
    """Processor time of so many seconds, the time that threads waited for a processor, and whether it was cut short."""
    began, waited = time.process_time(), _waited()
    ended = stop.wait(seconds)
    return time.process_time() - began, max(_waited() - waited, 0.0), ended


def _waited() -> float:
    """Seconds that this process's threads could run and had no processor; 0 where the system does not tell."""
    total = 0
    for file in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(file, encoding="ascii") as counters:
                total += int(counters.read().split()[1])
        except (OSError, ValueError, IndexError):
            continue
    return total / 1e9


def cost_of(without: float, within: float, waited: float = 0.0) -> float:
    """What tracing adds over the service's own processor time, from processor time a second without and with it.

    `waited` is for how long of that second the service had no processor while it was traced.
    Endless where it is saturated then: it does not take more, but answers late.
    """
    if within + waited >= SATURATED or without <= 0:
        return float("inf")
    return max((within - without) / without, 0.0)


def duty(cost: float) -> float:
    """The share of time that may be traced within the budget; 1 where it always may be, 0 where never."""
    return 1.0 if cost <= LIMIT / (1.0 - LIMIT) else BUDGET / (cost * (1.0 - BUDGET))
