"""Data types for drawing an analysis: trends with their lines, curves, charts, and a report's leading series."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from soak.enums import MarkKind, Verdict
from soak.recorded import Floats, Phase


@dataclass(frozen=True, slots=True)
class Line:
    """A straight part of a fitted level: `first` at `start`, `last` at `end`, with bounds `low_last` and `high_last`."""

    start: float
    end: float
    first: float
    last: float
    low_last: float
    high_last: float

    def moved(self, seconds: float) -> Line:
        """Return the line shifted later by `seconds`."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True)
class JudgedClock:
    """The clock of requests that a growth was judged on: after `wall` seconds of the run it showed `judged`.

    `requests` are the requests completed by then to `endpoints`, which make the series grow. All
    three tuples rise and have the same length. Both clocks agree at either end and outside of it.
    """

    wall: tuple[float, ...]
    judged: tuple[float, ...]
    requests: tuple[float, ...]
    endpoints: tuple[str, ...]

    def shows(self, times: Floats) -> Floats:
        """Return what this clock shows at times of the run, in seconds."""
        return _read(times, self.wall, self.judged)

    def at(self, time: float) -> float:
        """Return what this clock shows at one time of the run."""
        return float(self.shows(np.array([time]))[0])

    def time_of(self, shown: Floats) -> Floats:
        """Return the times of the run at which this clock shows `shown`, in seconds."""
        return _read(shown, self.judged, self.wall)

    def moved(self, seconds: float) -> JudgedClock:
        """Return the clock shifted later by `seconds`."""
        wall, judged = (
            tuple(time + seconds for time in column) for column in (self.wall, self.judged)
        )
        return replace(self, wall=wall, judged=judged)


def _read(times: Floats, clock: tuple[float, ...], other: tuple[float, ...]) -> Floats:
    """Return what `other` shows when `clock` shows `times`; both agree outside the recorded range."""
    inside = (times >= clock[0]) & (times <= clock[-1])
    return np.where(inside, np.interp(times, clock, other), times)


#: Width of a 95% interval of a normal distribution, in standard errors.
INTERVAL_ERRORS = 3.92


@dataclass(frozen=True, slots=True)
class Trend:
    """The growth of one series' steady level, in the series' unit per hour, with a 95% interval.

    `resolution_per_hour` is the slowest growth that this recording would have detected.
    `settled_after_seconds` is when warm-up ended, None if it did not. `doubt` says why the
    recording cannot tell, None if it can, and `more_seconds` how much longer a recording probably
    would, None if that is unknown. `level` is the fitted level at
    the end. `lines` are the fit to draw, one for each segment between restarts. `p_no_growth` is the
    probability, over all explanations, that the level does not keep growing. `stepwise` says that
    the doubt is about steps: the series moves in too few of them to tell. `falls` says that a fall
    is for the worse, as with free memory. `clock` is the clock of `lines` and `begins` if that is
    not the run's own time. `begins` is when the warm-up began if `lines` begin only after it.
    `levels` are the times and levels that were fitted if those are not the samples: the floors of a
    sawtooth, or one value per block of samples.
    """

    slope_per_hour: float
    slope_low: float
    slope_high: float
    resolution_per_hour: float
    settled_after_seconds: float | None
    level: float
    doubt: str | None = None
    lines: tuple[Line, ...] = ()
    p_no_growth: float = 1.0
    stepwise: bool = False
    falls: bool = False
    clock: JudgedClock | None = None
    begins: float | None = None
    levels: tuple[tuple[float, float], ...] = ()
    more_seconds: float | None = None

    @property
    def warm_up(self) -> tuple[float, float] | None:
        """The start and end of the warm-up, in seconds of the run; None if it took no time or did not end."""
        if not (self.lines and self.settled_after_seconds):
            return None
        begin = self.lines[-1].start if self.begins is None else self.begins
        if self.clock is not None:
            begin = float(self.clock.time_of(np.array([begin]))[0])
        return begin, begin + self.settled_after_seconds

    def once_settled(self) -> Trend:
        """Return the trend with a line that begins where the level had settled, for drawing."""
        stretch = self.warm_up
        if stretch is None or len(self.lines) != 1:
            return self
        [line] = self.lines
        at = stretch[1] if self.clock is None else self.clock.at(stretch[1])
        if not line.start < at < line.end:
            return self
        first = line.first + (at - line.start) / (line.end - line.start) * (line.last - line.first)
        return replace(self, lines=(replace(line, start=at, first=first),))

    @property
    def standard_error(self) -> float:
        """The standard error that corresponds to the interval, in the series' unit per hour."""
        return (self.slope_high - self.slope_low) / INTERVAL_ERRORS

    def mirrored(self) -> Trend:
        """Return the trend of the negated series: a fall for the worse becomes growth, and back."""
        lines = tuple(
            Line(line.start, line.end, -line.first, -line.last, -line.high_last, -line.low_last)
            for line in self.lines
        )
        return replace(
            self,
            slope_per_hour=-self.slope_per_hour,
            slope_low=-self.slope_high,
            slope_high=-self.slope_low,
            level=-self.level,
            lines=lines,
            falls=not self.falls,
            levels=tuple((time, -level) for time, level in self.levels),
        )

    def moved(self, seconds: float) -> Trend:
        """Return the trend shifted later by `seconds`."""
        clock = self.clock and self.clock.moved(seconds)
        begins = None if self.begins is None else self.begins + seconds
        lines = tuple(line.moved(seconds) for line in self.lines)
        levels = tuple((time + seconds, level) for time, level in self.levels)
        return replace(self, lines=lines, clock=clock, begins=begins, levels=levels)

    @property
    def for_the_worse(self) -> Trend:
        """The trend oriented so that growth is for the worse."""
        return self.mirrored() if self.falls else self


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One series thinned for drawing: `low` and `high` are the extremes around each of `times`, `values` the middle.

    `series` is its name with labels in Prometheus notation; empty if the curve is not a series of
    the run.
    """

    label: str
    times: Floats
    values: Floats
    low: Floats
    high: Floats
    trend: Trend | None = None
    series: str = ""

    def during(self, start: float, end: float) -> Curve:
        """Return only the part from `start` to `end`, on an axis that begins at `start`."""
        kept = (self.times >= start) & (self.times <= end)
        times, values, low, high = (
            column[kept] for column in (self.times, self.values, self.low, self.high)
        )
        trend = self.trend and self.trend.moved(-start)
        return replace(self, times=times - start, values=values, low=low, high=high, trend=trend)


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Numbers of requests by time and latency: `counts` is (latency rows, time columns), even in time and log latency.

    Columns span `start` to `end`, rows span `low` to `high`, all in seconds.
    """

    start: float
    end: float
    low: float
    high: float
    counts: Floats


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of the run that every chart marks: a source without an answer, load sent late, or a stage of the load."""

    kind: MarkKind
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves that share a unit, or a heat map, on the run's time axis.

    `verdict` is the worst of the curves' findings, None if not judged. `warm_up` is the time before
    the level had settled. `group` is the heading above the chart. In a `stacked` chart the curves
    are drawn on top of each other: `low` and `high` are where each begins and ends, and `capacity`
    is the limit of their sum.
    """

    title: str
    unit: str
    curves: tuple[Curve, ...]
    verdict: Verdict | None = None
    limit: float | None = None
    warm_up: Phase | None = None
    group: str = ""
    heat: HeatMap | None = None
    stacked: bool = False
    capacity: float | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """The series that a report shows first, in Prometheus notation, and where its growth leads.

    If it fails by growing, `line` is the forecast: from the end of its fit until it reaches
    `target`, which is its `capacity` or else twice its level. Otherwise `line` is the steepest
    growth that could hide in what was judged, and `target` is None. `line` is None if neither is
    known.
    """

    series: str
    line: Line | None = None
    target: float | None = None
    capacity: bool = False
