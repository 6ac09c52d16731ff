"""The load at each moment, and the due time of each arrival, calculated exactly for every shape.

The load over time is a chain of pieces, each a straight line or a sine. Arrival `n` is due when the
integral of the rate reaches `n`; Poisson arrivals are unit-rate exponential gaps taken through the
same inverse (time rescaling: Brown, Barbieri, Ventura, Kass, Frank, "The Time-Rescaling Theorem and
Its Application to Neural Spike Train Data Analysis", 2002).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soak.profile.load import TrafficShape
    from soak.profile.scenarios import ScenarioLoad

_TURN = 2 * math.pi
#: Seconds below which a pause at the end is dropped: only rounding from added times.
_LEAST = 1e-6


@dataclass(frozen=True)
class ScheduleSegment:
    """A piece of load: linear from `start` to `end`, minus a cosine (`swing`, `period`) if `swing` is not 0.

    Load is in arrivals per second, or users. Times are in seconds from the start of the piece, which
    is `offset` seconds into a period.
    """

    seconds: float
    start: float
    end: float
    swing: float = 0.0
    period: float = 0.0
    offset: float = 0.0

    def level_at(self, t: float) -> float:
        """Return the load at a moment."""
        level = self.start + (self.end - self.start) * t / self.seconds
        return (
            level - self.swing * math.cos(_TURN * (t + self.offset) / self.period)
            if self.swing
            else level
        )

    def count(self, t: float) -> float:
        """Return the integral of the load up to a moment."""
        straight = self.start * t + (self.end - self.start) * t * t / (2 * self.seconds)
        if not self.swing:
            return straight
        turned = math.sin(_TURN * (t + self.offset) / self.period) - math.sin(
            _TURN * self.offset / self.period
        )
        return straight - self.swing * self.period / _TURN * turned

    def due(self, n: float) -> float:
        """Return when `count` reaches `n`, which is at most the count of the whole piece."""
        if self.start == self.end and not self.swing:
            return min(self.seconds, n / self.start) if self.start > 0 else 0.0
        slope = (self.end - self.start) / self.seconds
        # This form avoids cancellation, whether the line rises, falls or is flat.
        root = self.start + math.sqrt(max(0.0, self.start**2 + 2 * slope * n))
        t = min(self.seconds, 2 * n / root) if root > 0 else 0.0
        return self._refined(n, t) if self.swing else t

    def after(self, t: float) -> ScheduleSegment:
        """Return the rest of the piece after its first `t` seconds."""
        line = self.start + (self.end - self.start) * t / self.seconds
        return ScheduleSegment(
            self.seconds - t, line, self.end, self.swing, self.period, self.offset + t
        )

    def _refined(self, n: float, t: float) -> float:
        """Refine a due time by Newton's method in a bisection bracket; the count never falls: there is one root."""
        low, high = 0.0, self.seconds
        for _ in range(100):
            over = self.count(t) - n
            if abs(over) <= 1e-12 * max(1.0, n):
                break
            low, high = (low, t) if over > 0 else (t, high)
            level = self.level_at(t)
            following = t - over / level if level > 0 else low
            t = following if low < following < high else (low + high) / 2
        return t


class Schedule:
    """The load of a whole run; times are in seconds from its start."""

    def __init__(self, pieces: tuple[ScheduleSegment, ...]) -> None:
        self.pieces = pieces
        self._begin = [0.0, *accumulate(piece.seconds for piece in pieces)]
        self._counts = [0.0, *accumulate(piece.count(piece.seconds) for piece in pieces)]

    @property
    def total(self) -> float:
        """The length of the schedule in seconds."""
        return self._begin[-1]

    def rate_at(self, t: float) -> float:
        """Return the load at a moment, in arrivals per second or users; 0 outside of the schedule."""
        if not 0 <= t < self.total:
            return 0.0
        place = bisect_right(self._begin, t) - 1
        return max(0.0, self.pieces[place].level_at(t - self._begin[place]))

    def users_at(self, t: float) -> int:
        """Return the whole number of users of the closed model, at least one if there is any load."""
        level = self.rate_at(t)
        return max(1, round(level)) if level > 0 else 0

    def count(self, t: float) -> float:
        """Return how many arrivals are due up to a moment: the integral of the rate."""
        if t >= self.total:
            return self._counts[-1]
        if t <= 0:
            return 0.0
        place = bisect_right(self._begin, t) - 1
        return self._counts[place] + self.pieces[place].count(t - self._begin[place])

    def due(self, n: float) -> float | None:
        """Return when arrival `n` (from 0, fractions allowed) is due; None if the schedule ends before it."""
        if not 0 <= n < self._counts[-1]:
            return None
        # The last piece that begins at or before n, because no arrival is due at the end of a piece
        # or during a pause.
        place = bisect_right(self._counts, n) - 1
        return self._begin[place] + self.pieces[place].due(n - self._counts[place])


def scenario_segments(load: ScenarioLoad, total: float) -> tuple[ScheduleSegment, ...]:
    """Return a scenario's load over `total` seconds, with no load before it begins and after it has ended."""
    before, after = load.after, total - load.end
    return (
        *([ScheduleSegment(before, 0.0, 0.0)] if before > 0 else []),
        *segments_of(load),
        *([ScheduleSegment(after, 0.0, 0.0)] if after > _LEAST else []),
    )


def segments_of(load: TrafficShape) -> tuple[ScheduleSegment, ...]:
    """Return the shape of a load: its stages, or its ramp and duration."""
    if not load.stages:
        ramp = [ScheduleSegment(load.ramp, 0.0, load.peak)] if load.ramp > 0 else []
        return (*ramp, ScheduleSegment(load.duration, load.peak, load.peak))
    pieces: list[ScheduleSegment] = []
    before = 0.0
    for stage in load.stages:
        held = stage.rate or stage.users or stage.spike
        if stage.sine:
            low, high = stage.sine.low.value, stage.sine.high.value
            middle, swing = (low + high) / 2, (high - low) / 2
            pieces.append(ScheduleSegment(stage.for_, middle, middle, swing, stage.sine.period))
            before = pieces[-1].level_at(stage.for_)
        elif stage.ramp:
            pieces.append(ScheduleSegment(stage.for_, before, stage.ramp.value))
            before = stage.ramp.value
        elif held:
            pieces.append(ScheduleSegment(stage.for_, held.value, held.value))
            before = before if stage.spike else held.value
    return tuple(pieces)


def segments_after(
    pieces: tuple[ScheduleSegment, ...], seconds: float
) -> tuple[ScheduleSegment, ...]:
    """Return the rest of a chain of pieces after its first `seconds`."""
    left: list[ScheduleSegment] = []
    for piece in pieces:
        done = min(max(seconds, 0.0), piece.seconds)
        seconds -= piece.seconds
        if done < piece.seconds:
            left.append(piece.after(done) if done else piece)
    return tuple(left)
