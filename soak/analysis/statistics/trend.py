"""Estimate the trend of one series: how fast its level grows, how certainly, and the slowest detectable growth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from soak.analysis.statistics.fit_input import fit_input
from soak.analysis.statistics.floors import floors
from soak.analysis.statistics.grain import grain_of
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.model_averaging import ModelAverage, average_models
from soak.analysis.statistics.outliers import without_outliers
from soak.analysis.statistics.plateau import first_fall_end, plateau_begin
from soak.analysis.statistics.process_lives import split, too_few
from soak.analysis.statistics.room import constant_trend, hidden_steps, is_slight
from soak.analysis.statistics.sawtooth import climbs_exactly, handful_of_floors
from soak.analysis.statistics.step_processes import (
    flickers,
    is_unfinished_staircase,
    late_to_early_rise,
    least_p_no_growth,
    most_p_no_growth,
)
from soak.analysis.statistics.t_mixture import t_cdf
from soak.analysis.thresholds import (
    CANNOT_TELL,
    CERTAIN,
    EDGE_LONGER,
    FEWEST_POINTS,
    FEWEST_SAMPLES,
    FILLING_LONGER,
    RESOLVED_AT,
    SETTLING,
    STEPS_LONGER,
    SURELY_SETTLED,
    SUSPICIOUS,
)
from soak.model import INTERVAL_ERRORS, JudgedClock, Line, Trend

#: The doubt of a growth that only noise hides, and doubts about its shape.
MAY_BE_CHANCE = "the movement may be chance"
_FEW_STEPS = "the level moved in too few steps so far"
_FILLING = "growth slows down, like a cache that is still filling"
_ODD, _MOST_ODD = 4.5, 0.1
_BESIDE_WARMUP, _UNSETTLED = 1.4, 1.35
_FLOOR_WEIGHT, _FAIR_SHARE, _GROWS_ON = 8.0, 0.5, 0.5
_PLAINLY, _STILL_LIKELY = 6.0, 0.2
_RISEN = 0.2
_SLOWER, _MUCH_SLOWER = 0.6, 0.25


def fit_trend(subject: Subject) -> Trend:
    """Return the growth of a subject's steady level with a 95% interval; `doubt` is set if the recording cannot tell.

    Odd data neither raises an exception nor causes a warning: values that are not finite are left
    out, and values too large or small to square say nothing about growth.
    """
    # So small matrices are slower on many threads, which also take cores from the load generator.
    with numeric_libraries().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
        try:
            trend = _fit_settled(subject)
        except np.linalg.LinAlgError:
            return _unknown("its values are too odd for any fit")
    return trend if subject.clock is None else _settled_in_time(trend, subject.clock)


def _settled_in_time(trend: Trend, clock: JudgedClock) -> Trend:
    """Convert the warm-up of a trend that was fitted on a clock of requests to seconds of the run."""
    after = trend.settled_after_seconds
    if after is not None and trend.lines:
        began = trend.lines[-1].start if trend.begins is None else trend.begins
        start, end = clock.time_of(np.array([began, began + after]))
        after = float(end - start)
    return replace(trend, settled_after_seconds=after, clock=clock)


@cache
def numeric_libraries() -> ThreadpoolController:
    """Return the controller that limits the threads of the linear-algebra libraries."""
    return ThreadpoolController()


def _fit_settled(subject: Subject) -> Trend:
    """Return the trend, or the trend since a plateau, an initial fall or the warm-up, if the level has been steady since.

    The plateau must have lasted as long as the rise before it, and would have shown certain growth. A
    fall and a warm-up are left out only if what follows shows more: it is calmer than they were.
    """
    trend = _fit_trend(subject)
    steady = trend.p_no_growth > SUSPICIOUS and trend.doubt is None
    lives = split(subject)
    began = warmed_up = None
    if lives:
        last = lives[-1].times, lives[-1].values
        began = first_fall_end(*last) if steady else plateau_begin(*last, counted=subject.integer)
        if began is None:
            began = warmed_up = warm_up_end(trend, lives)
    if began is None:
        return trend
    since = _fit_trend(replace(subject, judged_from=began))
    if warmed_up is not None and _grows_on(since, trend):
        more = EDGE_LONGER * _watched_seconds(since)
        return replace(trend, p_no_growth=CANNOT_TELL, doubt=MAY_BE_CHANCE, more_seconds=more)
    settled = since.p_no_growth > SUSPICIOUS
    if steady:  # use it only if it shows more than the whole did
        settled &= since.doubt is None and since.resolution_per_hour < trend.resolution_per_hour
    elif trend.p_no_growth < CERTAIN and trend.doubt is None:
        settled &= since.slope_high < trend.slope_per_hour
    if not settled:
        return trend
    return replace(since, settled_after_seconds=began - lives[-1].born, begins=lives[-1].born)


def warm_up_end(trend: Trend, lives: Sequence[LevelPoints]) -> float | None:
    """Return when the warm-up of a level that is steady, and not by its size alone, had ended; None for any other.

    Between two of a handful of collections a heap grows.
    """
    after = trend.settled_after_seconds
    if trend.doubt is not None or trend.p_no_growth <= SETTLING or not after:
        return None
    few = handful_of_floors(max(lives, key=lambda life: len(life.times)))
    return lives[-1].born + after if few is None else None


def _grows_on(since: Trend, trend: Trend) -> bool:
    """Return True if a level certainly grows since its warm-up, by a fair share of what the whole leaves possible.

    A slower creep is within what the steady level promises.
    """
    sure = since.p_no_growth < CERTAIN and since.doubt is None
    return sure and since.slope_per_hour >= _GROWS_ON * trend.slope_high


def _watched_seconds(trend: Trend) -> float:
    """Return how long the levels of a trend were watched."""
    return sum(line.end - line.start for line in trend.lines)


def _fit_trend(subject: Subject) -> Trend:
    lives = split(subject)
    values = np.concatenate([life.values for life in lives]) if lives else np.empty(0)
    if not len(values):
        return _unknown("there is no sample to judge")
    longest = max(len(life.times) for life in lives)
    if longest > 2 and all(np.ptp(life.values) <= 1e-15 * abs(life.values[0]) for life in lives):
        return constant_trend(lives, subject)
    reduced, points = level_points(lives)
    samples, kept_points = (sum(len(p.times) - 1 for p in part) for part in (lives, points))
    if samples < FEWEST_SAMPLES - 1 or kept_points < FEWEST_POINTS - 1:
        return _unknown(too_few(lives, longest), float(values[-1]))
    if not any(np.ptp(p.values) for p in points):
        return constant_trend(lives, subject)
    grain, rounded = grain_of(values)
    fit = _fit(subject, points, grain, rounded)
    odd = np.abs(fit.average.residual) > _ODD
    if odd.any() and odd.mean() < _MOST_ODD:
        ends = np.cumsum([len(p.times) for p in points])[:-1]
        fewer = [p.only(~part) for p, part in zip(points, np.split(odd, ends), strict=True)]
        if any(len(p.times) > 1 and np.ptp(p.values) > 0 for p in fewer):
            points = [p for p in fewer if len(p.times) > 1]
            fit = _fit(subject, points, grain, rounded)
    hourly = fit.average.growth.quantiles(np.array([0.025, 0.5, 0.975])) * fit.hourly
    low, slope, high = hourly.tolist()
    chance = _chance(subject, fit, slope, lives, reduced, max(p.slack for p in points))
    stairs = chance > SUSPICIOUS and is_unfinished_staircase(lives)
    chance = CANNOT_TELL if stairs else chance
    slight = CERTAIN <= chance <= SUSPICIOUS and is_slight(subject, values)
    chance = SETTLING if slight else chance
    lines = tuple(_line(p, slope, low, high) for p in points)
    beside = _BESIDE_WARMUP if fit.settles > 0 else 1.0
    resolution = RESOLVED_AT * (high - low) / INTERVAL_ERRORS * beside
    if low <= 0 or chance >= CERTAIN:  # growth up to here may still have been missed
        resolution = max(high, resolution)
    hidden = hidden_steps(subject, float(values[-1]), fit.span, slight=slight)
    if rounded:  # a level may move by nearly one grain unseen
        unseen = 3600 * grain / fit.span
        low, high = min(low, slope - unseen), max(high, slope + unseen)
        hidden = max(unseen, hidden if slight else 0.0)
    resolution = max(resolution, hidden)
    settled = fit.settles if fit.settles < fit.span else None
    if fit.average.saturates and CERTAIN <= chance < SUSPICIOUS:
        stairs |= least_p_no_growth(lives, reduced, fit.average.jumpy) >= CERTAIN
    doubt = _doubt(fit, chance, slope, high - low, stairs=stairs)
    return Trend(
        slope,
        low,
        high,
        resolution,
        settled,
        lines[-1].last,
        doubt.why,
        lines,
        chance,
        doubt.why == _FEW_STEPS,
        levels=_levels(points) if kept_points < samples else (),
        more_seconds=doubt.more_seconds,
    )


def _levels(points: Sequence[LevelPoints]) -> tuple[tuple[float, float], ...]:
    """Return time and level of every point, for charts."""
    return tuple(
        pair for p in points for pair in zip(p.times.tolist(), p.values.tolist(), strict=True)
    )


def level_points(lives: Sequence[LevelPoints]) -> tuple[list[LevelPoints], list[LevelPoints]]:
    """Return the lives reduced to their floors, and the same without outliers, as they are fitted."""
    reduced = floors(lives)
    # A restart falls somewhere between two samples, just when a process changes fastest: its first
    # point means little.
    reduced[1:] = [
        p.only(np.arange(len(p.times)) > 0) if len(p.times) > 2 else p for p in reduced[1:]
    ]
    return reduced, [kept for kept in map(without_outliers, reduced) if len(kept.times) > 1]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The average, units per hour of a scaled slope of 1, the longest life and the likeliest warm-up (seconds)."""

    average: ModelAverage
    hourly: float
    span: float
    settles: float


class _Doubt(NamedTuple):
    """Why a recording cannot tell (None if it can), and how many seconds more probably would."""

    why: str | None = None
    more_seconds: float | None = None


def _fit(subject: Subject, points: Sequence[LevelPoints], grain: float, rounded: bool) -> _Fit:
    """Average all explanations of the points."""
    given = fit_input(subject, points, grain, rounded)
    average = average_models(given.settings, given.candidates)
    settles = max((float(given.settles[column]) for column in average.columns), default=0.0)
    return _Fit(average, 3600 * given.scale / given.span, given.span, settles)


def _chance(
    subject: Subject,
    fit: _Fit,
    slope: float,
    lives: Sequence[LevelPoints],
    reduced: Sequence[LevelPoints],
    slack: float,
) -> float:
    """Return the probability of no lasting growth, adjusted for what the averaging cannot see; `slope` is per hour."""
    chance = max(fit.average.p_no_growth, least_p_no_growth(lives, reduced, fit.average.jumpy))
    if fit.average.saturates:
        chance = max(chance, CANNOT_TELL)
    if chance > SUSPICIOUS and _plainly_seen(fit.average) > _STILL_LIKELY:
        chance = CANNOT_TELL
    if slope / 3600 * fit.span < 1.2 * slack:
        chance = max(chance, CANNOT_TELL)
    if subject.integer:
        chance = min(chance, most_p_no_growth(lives))
        if flickers(lives):
            chance = max(chance, SURELY_SETTLED)
    elif (few := handful_of_floors(max(lives, key=lambda life: len(life.times)))) is not None:
        # So few collections hide the level that they rise from. If their floors rise too, this
        # cannot pass; if not, it cannot fail.
        rises = bool((np.diff(few) > 0).all()) and float(few[-1] - few[0]) > _RISEN
        chance = min(chance, CANNOT_TELL) if rises else max(chance, CANNOT_TELL)
    if subject.borders is None and climbs_exactly(lives):
        chance = max(chance, CANNOT_TELL)
    return chance if subject.floor is None else _beside_floor(subject, chance, slope, reduced)


def _plainly_seen(average: ModelAverage) -> float:
    """Return the probability of growth so fast that this recording, without warm-up, would have shown it plainly."""
    growth = average.growth
    below = t_cdf((_PLAINLY * average.plain - growth.centre) / growth.scale, growth.freedom)
    return float((1 - average.p_no_growth) * (growth.weight @ (1 - below)))


def _beside_floor(
    subject: Subject, chance: float, slope: float, points: Sequence[LevelPoints]
) -> float:
    """Return the probability adjusted by the floor: resident memory that slows above a steady live heap is settling.

    Above a live heap that certainly grows by as much, resident memory grows as certainly.
    """
    assert subject.floor is not None
    floor = fit_trend(
        replace(subject, series=subject.floor, floor=None, integer=False, collected=True)
    )
    if not math.isfinite(floor.slope_high):
        return chance
    slowed = late_to_early_rise(points)
    if floor.p_no_growth < CERTAIN and floor.doubt is None:
        likelier = chance / (chance + _FLOOR_WEIGHT * (1 - chance))
        return (
            min(likelier, floor.p_no_growth) if floor.slope_low >= _FAIR_SHARE * slope else likelier
        )
    if floor.p_no_growth < SUSPICIOUS or slowed > _SLOWER:
        return chance
    weighted = _FLOOR_WEIGHT * chance / (_FLOOR_WEIGHT * chance + 1 - chance)
    return max(weighted, SETTLING if slowed < _MUCH_SLOWER else CANNOT_TELL)


def _doubt(fit: _Fit, chance: float, slope: float, width: float, *, stairs: bool = False) -> _Doubt:
    """Return why the recording cannot tell, and how much longer one probably would."""
    if math.isfinite(fit.settles) and fit.settles > _UNSETTLED * fit.span and chance >= CERTAIN:
        return _Doubt("still settling", fit.settles - fit.span)
    if not CERTAIN <= chance < SUSPICIOUS:
        return _Doubt()
    if fit.average.saturates and not stairs:
        return _Doubt(_FILLING, FILLING_LONGER * fit.span)
    if fit.average.jumpy or stairs:
        return _Doubt(_FEW_STEPS, STEPS_LONGER * fit.span)
    # A slope's error falls with T^1.5.
    longer = (RESOLVED_AT * width / INTERVAL_ERRORS / slope) ** (2 / 3) - 1 if slope > 0 else 0.0
    return _Doubt(MAY_BE_CHANCE, fit.span * min(max(longer, EDGE_LONGER), 3.0))


def _line(points: LevelPoints, slope: float, low: float, high: float) -> Line:
    """Return the fitted level of one life, through its later half."""
    start, end = float(points.times[0]), float(points.times[-1])
    half = len(points.times) // 2
    last = float(np.median(points.values[half:] - slope / 3600 * (points.times[half:] - end)))
    hours = (end - start) / 3600
    lowest, highest = (last + (edge - slope) * hours / 2 for edge in (low, high))
    return Line(start, end, last - slope * hours, last, lowest, highest)


def _unknown(doubt: str, level: float = math.nan) -> Trend:
    """Return a trend without a slope, with the reason."""
    return Trend(0.0, -math.inf, math.inf, math.inf, None, level, doubt)
