"""Tracing within a budget of the service's processor time: always on if that is cheap, otherwise in short windows.

tracemalloc makes every allocation more expensive; a busy service may need several times the processor
time. So as soon as the service is busy, its processor time with and without tracing is compared for
tenths of a second, and again whenever it can no longer keep up. Above the budget, only short and long
windows are traced, alternately. If the service cannot keep up within a window, tracing pauses, as it
may have been a burst. If that happens repeatedly, even with one call per stack, tracing stops for
good: late answers are worse than an unknown place of allocation.

The sums over pairs of windows are in `window_sums.py`.
"""

from __future__ import annotations

import gc
import glob
import threading
import time
import tracemalloc
from typing import Optional, Tuple  # noqa: UP035

from .containers import remember_frozen
from .process_memory import collect
from .window_sums import Held, Sums, accumulate, alive, surely_kept

#: Largest share of the service's processor time for tracing, and the target, which allows for an
#: error of a third.
LIMIT, BUDGET = 0.2, 0.15
#: Seconds of each measurement, number of pairs of them, and pairs after which a service is known not to
#: keep up; seconds of the two kinds of windows.
_MEASURED, _PAIRS, _SURE = 0.1, 8, 3
SHORT, LONG = 0.25, 1.0
#: Seconds that a pair of windows and their pauses should take at most, so that there are enough pairs to tell
#: what is kept from what is in flight; where tracing is dear, windows are as much shorter, down to this share.
_PAIR_TAKES, _SHORTEST = 12.0, 0.2
#: Seconds between checks whether the service keeps up, and so the longest time for which it answers
#: late.
LOOK = 0.25
#: Processor time per second below which a service is idle, and from which it is saturated
#: (including the time that its threads wait for a processor): at 0.85, queues are six times as long
#: as at half.
_IDLE, SATURATED = 0.05, 0.85
#: Looks in a row at which a service does not keep up that end a window.
CROWDED = 2
#: Longest pause between two windows in seconds, and the pause after one in which the service could
#: not keep up.
_LONGEST_REST, _REST = 30.0, 15.0
#: Failures in a row after which stacks have one call only, and after which tracing stops for good.
SHALLOW_AFTER, GIVEN_UP_AFTER = 2, 6
#: Least cost at which windows are traced, so that results of windows and of full tracing are not
#: mixed.
_LEAST_WINDOWED = 1.01 * LIMIT / (1.0 - LIMIT)


class Tracing:
    """Traces allocations within the budget; `cost` is tracing's processor time relative to the service's own, or None.

    `share` is the part of the service's processor time that tracing takes now. Code that holds `aside`
    works for soak, and its time does not count as the service's.
    """

    def __init__(self, frames: int) -> None:
        self.frames = self._asked_frames = frames
        self.cost: Optional[float] = None  # noqa: UP045 - Python 3.8
        self._thread: Optional[threading.Thread] = None  # noqa: UP045
        self._stop = threading.Event()
        self.aside = threading.RLock()
        self._sums: Sums = {}
        self._pairs = 0
        # Whether the service was too idle for the last measurement, and the share of a processor
        # that it had used just before.
        self._was_idle, self._too_idle = False, 0.0

    @property
    def in_windows(self) -> bool:
        """True if only windows are traced, or nothing."""
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
        """Start tracing within the budget."""
        with self.aside:
            if self._thread is None:
                self._stop.clear()
                tracemalloc.start(self.frames)
                self._thread = threading.Thread(
                    target=self._keep_to_the_budget, name="soak-hook-tracing", daemon=True
                )
                self._thread.start()

    def held(self) -> Held:
        """Return what is alive after a collection, by traceback; with windows, an estimate for the whole time."""
        with self.aside:
            if self.in_windows:
                return surely_kept(self._sums, self._pairs)
            collect()
            return alive() if tracemalloc.is_tracing() else {}

    def end(self) -> None:
        """Stop tracing until `begin` is called again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(LONG + _LONGEST_REST)
        self._thread = self.cost = None
        self._too_idle = 0.0
        self.frames = self._asked_frames
        self._sums, self._pairs = {}, 0
        tracemalloc.stop()
        _unfreeze()

    def _keep_to_the_budget(self) -> None:
        """Trace all the time; measure the cost once the service is busy, and whenever it no longer keeps up."""
        while not self.in_windows:
            if self._stop.wait(LOOK):
                return
            with self.aside:  # time for pages is not the service's
                worked, waited, ended = _work(LOOK, self._stop)
                if ended:
                    return
                # Measuring loses all traces, so a service that was too idle for it is measured again
                # only when it works twice as much.
                at_work = worked >= max(_IDLE, 2 * self._too_idle) * LOOK
                keeps_up = worked + waited < SATURATED * LOOK
                if at_work if self.cost is None else not keeps_up:
                    self._measure()
                    self._too_idle = worked / LOOK if self._was_idle else 0.0
                elif not tracemalloc.is_tracing():
                    tracemalloc.start(self.frames)
        self._windows_and_rests()

    def _measure(self) -> None:
        """Measure the cost of tracing and restart it; if the cost is too high, windows are used.

        If it cannot be measured now, or the service does not keep up with whole stacks, a later check measures
        again, in the second case with one call per stack.
        """
        self.cost = None
        cost = self._measured(self.frames)
        if cost is not None and duty(cost) == 0.0 and self.frames > 1:
            self.frames = 1
            return
        self.cost = cost
        if self.in_windows:
            # A collection stops the service while it examines all objects, so the present ones are
            # frozen after one.
            remember_frozen()
            collect()
            _freeze()
        elif cost is not None:
            tracemalloc.start(self.frames)

    def _measured(self, frames: int) -> Optional[float]:  # noqa: UP045
        """Return the processor time that tracing adds, relative to the service's own.

        It is measured in intervals without and with tracing, alternately.

        It ends early if the service does not keep up with tracing over the first few intervals. Returns None if
        it does not keep up without tracing either, or is idle, since the cost is then unknown. Tracing is off
        afterwards.
        """
        self._was_idle = False
        without = untraced = within = waited = cost = 0.0
        for pair in range(1, _PAIRS + 1):
            tracemalloc.stop()
            worked, queued, ended = _work(_MEASURED, self._stop)
            without, seconds = without + worked, pair * _MEASURED
            untraced += worked + queued
            if ended or untraced >= SATURATED * seconds:
                return None
            if without < _IDLE * seconds:
                self._was_idle = True
                return None
            tracemalloc.start(frames)
            worked, queued, _ = _work(_MEASURED, self._stop)
            tracemalloc.stop()
            within, waited = within + worked, waited + queued
            cost = cost_of(without / seconds, within / seconds, waited / seconds)
            if pair >= _SURE and duty(cost) == 0.0:
                break
        return cost

    def _windows_and_rests(self) -> None:
        """Trace windows; if that is too much, pause and measure again, up to GIVEN_UP_AFTER times in a row.

        During a pause the cost stays the same if windows have given results, which remain valid.
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
                    # Stacks of one call cannot be added to those of whole stacks.
                    self.frames, self._sums, self._pairs = 1, {}, 0
                if not self._pairs:
                    self.cost = float("inf")
            if refused == GIVEN_UP_AFTER:
                return
            cost = self._measured_after_a_rest()

    def _measured_after_a_rest(self) -> Optional[float]:  # noqa: UP045
        """Pause, and return the cost of windows; None if tracing has ended."""
        cost = None
        while cost is None and not self._stop.wait(_REST):
            cost = self._measured(self.frames)
        return None if cost is None else max(cost, _LEAST_WINDOWED)

    def _trace_windows(self, last: float) -> float:
        """Trace pairs of windows until one is too much or tracing ends; return the end of the last complete pair."""
        while True:
            size = window_size(self.duty)
            short = self._window(size * SHORT)
            if short is None:
                return last
            long = self._window(size * LONG)
            if long is None:
                return last
            now = time.monotonic()
            with self.aside:
                accumulate(self._sums, short, long, (now - last) / (size * (LONG - SHORT)))
                self._pairs += 1
            last = now

    def _window(self, seconds: float) -> Optional[Held]:  # noqa: UP045
        """Trace a window and return what is alive at its end, after a pause for the budget; None if tracing ended.

        A window in which the service does not keep up for `CROWDED` looks in a row ends at once, with None.
        """
        tracemalloc.start(self.frames)
        crowded, looks = 0, max(round(seconds / LOOK), 1)
        for _ in range(looks):
            worked, waited, ended = _work(seconds / looks, self._stop)
            crowded = crowded + 1 if worked + waited >= SATURATED * seconds / looks else 0
            if crowded == CROWDED:
                tracemalloc.stop()
                return None
        began = time.thread_time()
        collect()
        left = alive()
        tracemalloc.stop()
        collecting = time.thread_time() - began
        rest = seconds / self.duty - seconds + collecting / BUDGET
        return None if ended or self._stop.wait(min(rest, _LONGEST_REST)) else left


_freeze = getattr(gc, "freeze", lambda: None)  # PyPy has neither
_unfreeze = getattr(gc, "unfreeze", lambda: None)


def _work(seconds: float, stop: threading.Event) -> Tuple[float, float, bool]:  # noqa: UP006
    """Wait; return the processor time used, the time threads waited for a processor, and whether `stop` was set."""
    began, waited = time.process_time(), _waited()
    ended = stop.wait(seconds)
    return time.process_time() - began, max(_waited() - waited, 0.0), ended


def _waited() -> float:
    """Return the seconds for which threads of this process waited for a processor; 0 if the system does not tell."""
    total = 0
    for file in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(file, encoding="ascii") as counters:
                total += int(counters.read().split()[1])
        except (OSError, ValueError, IndexError):
            continue
    return total / 1e9


def cost_of(without: float, within: float, waited: float = 0.0) -> float:
    """Return the relative cost of tracing from the processor time per second without and with it.

    `waited` is the time per second in which the traced service had no processor. The cost is infinite if it
    is saturated, because then it does not use more time but answers late.
    """
    if within + waited >= SATURATED or without <= 0:
        return float("inf")
    return max((within - without) / without, 0.0)


def duty(cost: float) -> float:
    """Return the share of time that may be traced within the budget: 1 if always, 0 if never."""
    return 1.0 if cost <= LIMIT / (1.0 - LIMIT) else BUDGET / (cost * (1.0 - BUDGET))


def window_size(share: float) -> float:
    """Return by how much windows are shortened (1: not at all) where this share of the time may be traced."""
    return min(max(share * _PAIR_TAKES / (SHORT + LONG), _SHORTEST), 1.0)
