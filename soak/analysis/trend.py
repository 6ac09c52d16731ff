"""The trend of one series: how fast its steady level grows, how surely, and how slow a growth would have been seen."""

from __future__ import annotations

import numpy as np

from soak.analysis.columns import lay_out
from soak.analysis.explanations import weigh
from soak.analysis.floors import floors
from soak.analysis.outliers import without_outliers
from soak.analysis.segments import clean, split
from soak.analysis.subject import Points, Subject
from soak.model import Floats, Line, Trend

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
    points = [kept for kept in (without_outliers(p) for p in floors(lives)) if len(kept.times) > 1]
    n = sum(len(p.times) for p in points)
    if n - len(points) < _FEWEST - 1:
        return _unknown(f"{len(values)} samples are too few", float(values[-1]))
    span = max(float(life.times[-1] - life.times[0]) for life in points)
    middle = float(np.median(np.concatenate([p.values for p in points])))
    scale = max(float(np.ptp(p.values)) for p in points)
    if scale == 0:
        return _constant(lives)
    steps = np.abs(np.diff(values))
    grain = float(steps[steps > 0].min()) / scale
    scaled = [Points(p.times, (p.values - middle) / scale, p.born, p.counts, p.widths) for p in points]
    paces, load = _paces(subject, points, span)
    settings, candidates, shapes = lay_out(scaled, span, min(grain**2 / 12, 1e-4) + 1e-7, paces, load)
    weighed = weigh(settings, candidates)
    hourly = 3600 * scale / span
    low, slope, high = (weighed.growth.quantile(share) * hourly for share in (0.025, 0.5, 0.975))
    resolution = max(high, _SURELY * (high - low) / 3.92)
    lines = tuple(_line(p, slope, low, high) for p in points)
    settles = 0.0 if weighed.shape is None else float(shapes.settles[weighed.shape])
    settled = settles if settles <= span else None
    return Trend(slope, low, high, resolution, settled, lines[-1].last, None, lines, weighed.chance)


def _paces(subject: Subject, points: list[Points], span: float) -> tuple[list[Floats], Floats | None]:
    """What a leak may follow: time, and requests where their rate varies; and that rate, scaled to span 0 to 1."""
    ages = np.concatenate([p.times - p.born for p in points]) / span
    if subject.requests is None:
        return [ages], None
    when, done = clean(subject.requests.times, subject.requests.values)
    if len(when) < _FEWEST or done[-1] <= done[0]:
        return [ages], None
    times = np.concatenate([p.times for p in points])
    total = np.interp(times, when, done)
    width = max(float(np.median(np.diff(times))), 1e-9)
    after, before = np.minimum(times + width, when[-1]), np.maximum(times - width, when[0])
    rate = (np.interp(after, when, done) - np.interp(before, when, done)) / np.maximum(after - before, 1e-9)
    late = times >= times[len(times) // 2]
    pace = float(np.mean(rate[late]))
    if np.ptp(rate) < 0.05 * float(np.max(rate)) or pace <= 0:
        return [ages], None
    return [ages, (total - total[0]) / (pace * span)], (rate - rate.min()) / np.ptp(rate)


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
