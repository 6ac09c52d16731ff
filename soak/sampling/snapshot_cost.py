"""What snapshots cost the target: its processor time during them, beyond what it uses between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import fmean

import psutil

from soak.sampling.clock import Clock

#: Snapshots whose mean cost is expected of the next; not each of them takes every profile.
RECENT = 3


def processor_time(pid: int | None) -> float | None:
    """Return the seconds of processor time that a process and its children have used; None if it is not to be seen.

    A server's workers are children of the process that was started.
    """
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return None
    return sum(map(_own_time, family))


def _own_time(process: psutil.Process) -> float:
    """Return the seconds that a process has used; 0 if it has ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _unknown() -> None:
    return None


class SnapshotCost:
    """Counts the processor time (seconds) that snapshots take, by a reading of what the target has `used` so far.

    `longest_rest` (seconds) bounds the wait that the cost may ask for; without `paces` it asks for none.
    """

    def __init__(
        self,
        clock: Clock,
        used: Callable[[], float | None] = _unknown,
        *,
        paces: bool = True,
    ) -> None:
        self._clock, self._used, self._paces = clock, used, paces
        self._ended: tuple[float, float] | None = None
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._total = 0.0
        self.longest_rest = 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what the target uses meanwhile, beyond its usual share; nothing if the process restarted or is not seen."""
        began, before = self._clock.now(), self._used()
        try:
            yield
        finally:
            now, after = self._clock.now(), self._used()
            if before is not None and after is not None:
                usual = self._usual_share(began, before)
                self._recent.append(max(after - before - usual * (now - began), 0.0))
                self._total += self._recent[-1]
                self._ended = now, after

    def _usual_share(self, began: float, before: float) -> float:
        """Return the share of a processor that the target has used since the last snapshot; 0 if that is not known."""
        if self._ended is None or began <= self._ended[0]:
            return 0.0
        return max(before - self._ended[1], 0.0) / (began - self._ended[0])

    def rest(self, share: float) -> float:
        """Return the seconds to wait so that a snapshot takes at most `share` of one processor."""
        return min(fmean(self._recent or (0.0,)) / share, self.longest_rest) if self._paces else 0.0

    def is_light(self, seconds: float) -> bool:
        """Return True if a snapshot is known to take at most so much of the target's processor time."""
        return bool(self._recent) and fmean(self._recent) <= seconds

    def told(self, seconds: float) -> str:
        """Say what all snapshots of `seconds` have cost; empty if it is not known."""
        if self._ended is None or seconds <= 0:
            return ""
        return (
            f"snapshots took {self._total:.2g} s of the target's processor time, "
            f"{self._total / seconds:.1%} of one processor"
        )
