"""Levels that hold what came lately: sessions and cached answers that expire, while the mix of traffic is varied on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.statistics.design_matrix import _MOST_FOLLOWED
from soak.analysis.statistics.fit_input import fit_input
from soak.analysis.statistics.growth_input import RecentRequests, Subject
from soak.analysis.statistics.process_lives import split
from soak.analysis.statistics.trend import fit_trend, level_points
from soak.analysis.thresholds import CERTAIN, SUSPICIOUS
from soak.model import Floats, Series

MIB = 2.0**20
#: Two minutes of load whose mix changes every 15 s, and a snapshot of the heap every 5 s.
CLOCK = np.arange(0.0, 121.0)
SNAPSHOTS = np.arange(12.0, 120.0, 5.0)
LENGTHS = (3.0, 8.0, 17.0, 38.0)


def requests(seed: int) -> Floats:
    """The requests so far to each of four endpoints, (121, 4): 150 a second in all."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.4, 0.3, 0.2, 0.1]) * (1 + 0.6 * rng.choice([-1, 1], (9, 4)))
    rates = 150 * shares / shares.sum(axis=1, keepdims=True)
    made = rng.poisson(rates[(CLOCK // 15).astype(int)])
    return np.asarray(np.cumsum(made, axis=0), dtype=np.float64)


def lately(done: Floats, seconds: float) -> Floats:
    """How many of them came in the last so many seconds."""
    before = np.stack(
        [np.interp(CLOCK - seconds, CLOCK, each, left=0.0) for each in done.T], axis=1
    )
    return np.asarray(done - before)


def heap(seed: int, leak: float = 0.0, *, told: bool = True) -> Subject:
    """Sessions of 12 s and pages of 25 s on a heap of 10 MiB; `leak` bytes stay of each request."""
    done = requests(seed)
    held = (
        1500 * lately(done, 12.0)[:, 0] + 800 * lately(done, 25.0)[:, 1] + leak * done.sum(axis=1)
    )
    scatter = np.random.default_rng(seed + 1000).normal(0, 2e4, len(SNAPSHOTS))
    level = 10 * MIB + np.interp(SNAPSHOTS, CLOCK, held) + scatter
    rates = tuple(lately(done, seconds) / seconds for seconds in LENGTHS)
    recent = RecentRequests(CLOCK, rates, np.empty((len(CLOCK), 0))) if told else None
    return Subject(
        Series("nodejs_heap_live_bytes", SNAPSHOTS, level),
        "Node's live heap",
        "bytes",
        borders=(),
        recent=recent,
    )


def width(subject: Subject) -> float:
    trend = fit_trend(subject)
    return trend.slope_high - trend.slope_low


def test_growth_is_known_better_if_the_level_follows_what_came_lately() -> None:
    ratios = [width(heap(seed)) / width(heap(seed, told=False)) for seed in range(10)]
    assert np.median(ratios) < 0.8


def test_sessions_and_pages_that_expire_are_no_growth() -> None:
    steady = [fit_trend(heap(seed)) for seed in range(10)]
    assert all(trend.p_no_growth >= CERTAIN for trend in steady)
    assert sum(trend.p_no_growth > SUSPICIOUS for trend in steady) >= 8


def test_a_leak_beside_them_is_found() -> None:
    leaking = [heap(seed, leak=200.0) for seed in range(10)]
    told = [fit_trend(subject).p_no_growth < CERTAIN for subject in leaking]
    untold = [fit_trend(replace(subject, recent=None)).p_no_growth < CERTAIN for subject in leaking]
    assert sum(told) >= 8
    assert sum(told) > sum(untold)


def test_a_level_is_weighed_as_following_nothing_and_up_to_three_columns() -> None:
    given = heap(1)
    points = level_points(split(given))[1]
    settings = fit_input(given, points, 1.0, False).settings
    assert len(settings) == 1 + _MOST_FOLLOWED
    freedom = [whitened.freedom for whitened, _ in settings]
    assert freedom == [freedom[0] - many for many in range(4)]
    # Each further column costs the choice among all of them.
    priors = [prior for _, prior in settings]
    assert priors[0] == 0.0
    assert np.diff(priors[1:]) == pytest.approx([-np.log(4 * 4 + 4)] * 2, rel=0.1)


def test_counts_follow_nothing() -> None:
    given = replace(heap(1), integer=True)
    points = level_points(split(given))[1]
    assert len(fit_input(given, points, 1.0, False).settings) == 1


def filling(seed: int, leak: float = 0.0, *, told: bool = True) -> Subject:
    """A cache of 2,000 entries of 1 KiB that is full after two thirds of the run; `leak` bytes stay of each request."""
    done = requests(seed)
    misses = done[:, 0]
    entries = np.minimum(misses * (2000 / misses[2 * len(misses) // 3]), 2000.0)
    scatter = np.random.default_rng(seed + 2000).normal(0, 2e4, len(SNAPSHOTS))
    held = 1024 * entries + leak * done.sum(axis=1)
    level = 10 * MIB + np.interp(SNAPSHOTS, CLOCK, held) + scatter
    recent = RecentRequests(CLOCK, (), entries[:, None]) if told else None
    series = Series("nodejs_heap_live_bytes", SNAPSHOTS, level)
    return Subject(series, "Node's live heap", "bytes", borders=(), recent=recent)


def test_what_a_full_cache_holds_is_no_growth_and_a_leak_beside_it_is() -> None:
    told = [fit_trend(filling(seed)) for seed in range(10)]
    untold = [fit_trend(filling(seed, told=False)) for seed in range(10)]
    assert sum(trend.p_no_growth > SUSPICIOUS for trend in told) >= 9
    assert np.median([trend.slope_high for trend in told]) < 0.7 * np.median(
        [trend.slope_high for trend in untold]
    )
    leaking = [filling(seed, leak=100.0) for seed in range(10)]
    found = [fit_trend(subject).p_no_growth < CERTAIN for subject in leaking]
    unseen = [fit_trend(replace(each, recent=None)).p_no_growth < CERTAIN for each in leaking]
    assert sum(found) >= max(8, sum(unseen))
