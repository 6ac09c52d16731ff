"""Charts on the clock of requests that their growth was judged on: there the fit is straight, and the curve is bent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.model import Chart, Curve, Event, Floats, JudgedClock, Line, Mark, Phase


def clock_of(chart: Chart) -> JudgedClock | None:
    """Return the clock on which every growth of the chart was judged; None if there is none, or more than one."""
    clocks = {curve.trend.clock for curve in chart.curves if curve.trend and curve.trend.lines}
    return clocks.pop() if len(clocks) == 1 else None


def drawn(line: Line, clock: JudgedClock | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a fitted line in time: times (n,) in seconds, levels, and the low and high ends of its interval.

    A line that is straight on a clock of requests bends where that clock runs faster or slower than
    time.
    """
    shown = np.array([line.start, line.end])
    if clock is not None:
        inner = np.asarray(clock.judged)
        shown = np.concatenate(
            [[line.start], inner[(inner > line.start) & (inner < line.end)], [line.end]]
        )
    share = (shown - line.start) / max(line.end - line.start, 1e-300)
    middle, low, high = (
        line.first + share * (last - line.first)
        for last in (line.last, line.low_last, line.high_last)
    )
    return shown if clock is None else clock.time_of(shown), middle, low, high


def on_requests(chart: Chart, clock: JudgedClock) -> Chart:
    """Return the chart with the clock's readings as times, and its fits straight."""
    warm_up = chart.warm_up and moved_phase(chart.warm_up, clock)
    return replace(
        chart, curves=tuple(_moved_curve(curve, clock) for curve in chart.curves), warm_up=warm_up
    )


def moved_phase(phase: Phase, clock: JudgedClock) -> Phase:
    """Convert a phase of the run to the clock."""
    return replace(phase, start=clock.at(phase.start), end=clock.at(phase.end))


def moved_event(event: Event, clock: JudgedClock) -> Event:
    """Convert an event to the clock."""
    return replace(event, time=clock.at(event.time))


def moved_mark(mark: Mark, clock: JudgedClock) -> Mark:
    """Convert a mark to the clock."""
    return replace(mark, start=clock.at(mark.start), end=clock.at(mark.end))


def _moved_curve(curve: Curve, clock: JudgedClock) -> Curve:
    trend = replace(curve.trend, clock=None) if curve.trend else None
    return replace(curve, times=clock.shows(np.asarray(curve.times, dtype=np.float64)), trend=trend)
