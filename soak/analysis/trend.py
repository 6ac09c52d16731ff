"""The trend of one series: how fast its steady level grows, how surely, and how slow a growth would have been seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soak.analysis.columns import lay_out
from soak.analysis.counts import least_chance
from soak.analysis.explanations import Weighed, weigh
from soak.analysis.floors import floors
from soak.analysis.outliers import without_outliers
from soak.analysis.segments import clean, split
from soak.analysis.subject import Points, Subject
from soak.model import Floats, Line, Trend

_FEWEST = 10
_SURELY = 4.5
_ODD = 4.5
_MOST_ODD = 0.1


def fit_trend(subject: Subject) -> Trend:
    """The growth of a subject's steady level with a 95% interval; `doubt` is set where the recording cannot tell."""
    lives = split(subject)
    n = sum(len(life.times) for life in lives)
    if not n:
        return _unknown("it has no samples to judge")
    values = np.concatenate([life.values for life in lives])
    if all(np.ptp(life.values) == 0 for life in lives) and n > 2 and max(len(life.times) for life in lives) > 2:
        return _constant(lives)
    reduced = floors(lives)
    # A restart falls somewhere between two samples, just when a process changes fastest: its first point means little.
    reduced[1:] = [p.only(np.arange(len(p.times)) > 0) if len(p.times) > 2 else p for p in reduced[1:]]
    points = [kept for kept in map(without_outliers, reduced) if len(kept.times) > 1]
    if sum(len(p.times) - 1 for p in points) < _FEWEST - 1:
        return _unknown(f"{len(values)} samples are too few", float(values[-1]))
    if not any(np.ptp(p.values) for p in points):
        return _constant(lives)
    steps = np.abs(np.diff(values))
    grain = float(steps[steps > 0].min())
    fit = _fit(subject, points, grain)
    odd = np.abs(fit.weighed.residual) > _ODD
    if odd.any() and odd.mean() < _MOST_ODD:
        ends = np.cumsum([len(p.times) for p in points])[:-1]
        fewer = [p.only(~part) for p, part in zip(points, np.split(odd, ends), strict=True)]
        points = [p for p in fewer if len(p.times) > 1]
        fit = _fit(subject, points, grain)
    growth, hourly = fit.weighed.growth, fit.hourly
    low, slope, high = (growth.quantile(share) * hourly for share in (0.025, 0.5, 0.975))
    resolution = max(high, _SURELY * (high - low) / 3.92)
    lines = tuple(_line(p, slope, low, high) for p in points)
    return Trend(slope, low, high, resolution, fit.settled, lines[-1].last, None, lines, max(fit.weighed.chance, least_chance(reduced)))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What was weighed, how many units an hour a slope of 1 is, and when the likeliest warm-up ended (seconds)."""

    weighed: Weighed
    hourly: float
    settled: float | None


def _fit(subject: Subject, points: list[Points], grain: float) -> _Fit:
    """Weigh all explanations of the points; `grain` is the smallest step that the values can make."""
    span = max(float(p.times[-1] - p.times[0]) for p in points)
    middle = float(np.median(np.concatenate([p.values for p in points])))
    scale = max(float(np.ptp(p.values)) for p in points)
    scaled = [Points(p.times, (p.values - middle) / scale, p.born, p.counts, p.widths) for p in points]
    paces, load = _paces(subject, points, span)
    settings, candidates, settles = lay_out(scaled, span, min((grain / scale) ** 2 / 12, 1e-4) + 1e-7, paces, load)
    weighed = weigh(settings, candidates)
    settled = max((float(settles[column]) for column in weighed.columns), default=0.0)
    return _Fit(weighed, 3600 * scale / span, settled if settled < span else None)


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
