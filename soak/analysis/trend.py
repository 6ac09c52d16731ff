"""The trend of one series: how fast its steady level grows, how surely, and how slow a growth would have been seen."""

from __future__ import annotations

import numpy as np

from soak.analysis.explanations import weigh
from soak.analysis.floors import floors
from soak.analysis.segments import split
from soak.analysis.subject import Points, Subject
from soak.model import Line, Trend

_FEWEST = 10
_SURELY = 4.5


def fit_trend(subject: Subject) -> Trend:
    """The growth of a subject's steady level with a 95% interval; `doubt` is set where the recording cannot tell."""
    lives = split(subject)
    n = sum(len(life.times) for life in lives)
    if not n:
        return _unknown("it has no samples to judge")
    values = np.concatenate([life.values for life in lives])
    if all(np.ptp(life.values) == 0 for life in lives) and n > 2 and max(len(life.times) for life in lives) > 2:
        return _constant(lives)
    points = floors(lives)
    points = [p for p in points if len(p.times) > 1] or points
    n = sum(len(life.times) for life in points)
    span = max(float(life.times[-1] - life.times[0]) for life in points)
    if n - len(points) < _FEWEST - 1 or span <= 0:
        return _unknown(f"{len(values)} samples are too few: at least {_FEWEST + len(points) - 1} are needed", float(values[-1]))
    middle = float(np.median(values))
    scale = max(float(np.ptp(p.values)) for p in points)
    scale = scale or float(np.ptp(values))
    steps = np.abs(np.diff(values))
    grain = float(steps[steps > 0].min()) / scale if (steps > 0).any() else 0.0
    scaled = [Points(p.times, (p.values - middle) / scale, p.born, p.counts) for p in points]
    times = np.concatenate([p.times - p.born for p in points])
    weighed = weigh(scaled, span, [times / span], [], min(grain**2 / 12, 1e-4) + 1e-7)
    hourly = 3600 * scale / span
    low, high = weighed.growth.quantile(0.025) * hourly, weighed.growth.quantile(0.975) * hourly
    slope = weighed.growth.quantile(0.5) * hourly
    resolution = max(high, _SURELY * (high - low) / 3.92)
    lines = tuple(_line(p, slope, low, high) for p in points)
    doubt = None
    return Trend(slope, low, high, resolution, weighed.settles, lines[-1].last, doubt, lines, weighed.chance)


def _line(points: Points, slope: float, low: float, high: float) -> Line:
    """The fitted level of one life, through its later half."""
    start, end = float(points.times[0]), float(points.times[-1])
    half = len(points.times) // 2
    middle = float(np.median(points.values[half:] - slope / 3600 * (points.times[half:] - end)))
    hours = (end - start) / 3600
    return Line(start, end, middle - slope * hours, middle, middle + (low - slope) * hours / 2, middle + (high - slope) * hours / 2)


def _constant(lives: list[Points]) -> Trend:
    """The trend of a series that never moves."""
    lines = tuple(
        Line(float(p.times[0]), float(p.times[-1]), float(p.values[0]), float(p.values[0]), float(p.values[0]), float(p.values[0]))
        for p in lives
    )
    return Trend(0.0, 0.0, 0.0, 0.0, 0.0, float(lives[-1].values[-1]), None, lines, 1.0)


def _unknown(doubt: str, level: float = float("nan")) -> Trend:
    """No trend, and why."""
    return Trend(0.0, float("-inf"), float("inf"), float("inf"), None, level, doubt, (), 1.0)
