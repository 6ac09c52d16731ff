"""Copies of a run's own series that are as likely as it: the same slow course, other scatter of the same kind.

A copy has the series' own course and its own scatter, in blocks drawn with replacement (Kuensch, The
jackknife and the bootstrap for general stationary observations, 1989), and its polls at times as
uneven as they were. A step or a sharp start stays where it is.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `TRIES` 20 | copies | the fewest that can tell 95% |
| `COURSE` 9, `BLOCK` 5 | points | the span of a series' course around each point, and the blocks in which its scatter is drawn |
| `SHARP` 6 | spreads | normal scatter never is so far off: the series turns too sharply for its course |
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from soak.analysis.statistics.fit_input import FitInput, fit_input
from soak.analysis.statistics.grain import grain_of
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.process_lives import split
from soak.analysis.statistics.trend import level_points
from soak.analysis.thresholds import FEWEST_POINTS
from soak.model import Floats

TRIES = 20
COURSE, BLOCK, SHARP = 9, 5, 6.0


def copies_of(subject: Subject, seed: int) -> FitInput | None:
    """Return `TRIES` copies of a subject's level, ready to be weighed; None if it has too few points."""
    lives = split(subject)
    points = level_points(lives)[1] if lives else []
    if sum(len(p.times) for p in points) < FEWEST_POINTS or not any(
        np.ptp(p.values) for p in points
    ):
        return None
    rng = np.random.default_rng(seed)
    copies = np.concatenate([_redrawn(life, rng) for life in points])
    grain, rounded = grain_of(np.concatenate([life.values for life in lives]))
    return fit_input(subject, points, grain, rounded, copies)


def _redrawn(life: LevelPoints, rng: np.random.Generator) -> Floats:
    """Return copies of one life's points, (n, TRIES), with times moved as its own are and its scatter redrawn."""
    n = len(life.times)
    course, left = _course(life.values)
    scatter = (life.values - course) / left
    sharp = _sharp(scatter)
    course[sharp] = life.values[sharp]
    scatter = scatter[~sharp]
    size = min(BLOCK, len(scatter))
    first = rng.integers(0, len(scatter) - size + 1, (TRIES, -(-n // size)))
    order = (first[:, :, None] + np.arange(size)).reshape(TRIES, -1)[:, :n]
    uneven = np.diff(life.times) - np.median(np.diff(life.times))
    moved = life.times + np.where(sharp, 0.0, rng.choice(uneven, (TRIES, n)) / 2)
    copies: Floats = np.interp(moved, life.times, course) + scatter[order]
    return copies.T


def _sharp(scatter: Floats) -> NDArray[np.bool_]:
    """Return where a series turns too sharply for its course: a step, a start, and the points beside them."""
    usual = float(np.median(np.abs(scatter))) / 0.6745  # of a normal distribution
    far = np.abs(scatter) > SHARP * usual
    beside = far | np.append(far[1:], False) | np.append(False, far[:-1])
    return beside if beside.mean() < 0.5 else np.zeros_like(beside)


def _course(values: Floats) -> tuple[Floats, float]:
    """Return a series' slow course, and the share of white scatter's standard deviation that remains around it.

    A parabola through the points around each (Savitzky and Golay, Smoothing and differentiation of
    data, 1964) keeps the bend of a warm-up.
    """
    n = len(values)
    width = min(COURSE, n - (n + 1) % 2)
    if width <= 3:  # a parabola would go through every point
        return np.full(n, float(np.mean(values))), math.sqrt(1 - 1 / n)
    half = width // 2
    powers = np.vander(np.arange(width) - half, 3)
    through = powers @ np.linalg.pinv(powers)
    course = np.convolve(values, through[half], "same")  # which is symmetric
    course[:half], course[n - half :] = (
        (through @ values[:width])[:half],
        (through @ values[n - width :])[half + 1 :],
    )
    return course, math.sqrt(1 - float(through[half, half]))
