"""Growth beside creep: which samples count, the fit, its error and interval, and the trend that it is put into."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from soak.analysis.statistics.creep import (
    LastingGrowth,
    _since_a_fall,
    beside_creep,
    lasting_growth,
)
from soak.model import Floats, Line, Trend


def held(growth: LastingGrowth | None, ages: Floats, values: Floats) -> None:
    """Hold growth to a fit of these samples by the normal equations."""
    assert growth is not None
    design = np.column_stack((np.ones(len(ages)), np.log(ages), ages / 3600))
    inverse = np.linalg.inv(design.T @ design)
    fitted = inverse @ design.T @ values
    rest = values - design @ fitted
    squares = float((rest**2).sum())
    memory = max(sum(a * b for a, b in pairwise(rest)) / squares, 0.0)
    error = math.sqrt(squares / (len(ages) - 3) * inverse[2, 2])
    error *= math.sqrt((1 + memory) / max(1 - memory, 1e-3))
    reach = float(stats.t.ppf(0.975, len(ages) - 3)) * error
    since = max(ages[-1] / 3, ages[0])
    level = [fitted[1] * math.log(age) + fitted[2] * age / 3600 for age in (since, ages[-1])]
    assert growth.slope == pytest.approx(fitted[2], rel=1e-6)
    assert growth.error == pytest.approx(error, rel=1e-6)
    assert growth.low == pytest.approx(fitted[2] - reach, rel=1e-6)
    assert growth.high == pytest.approx(fitted[2] + reach, rel=1e-6)
    assert growth.rise == pytest.approx(level[1] - level[0], rel=1e-6)


def grown(ages: Floats, noise: Floats) -> Floats:
    return np.asarray(3 * np.log(np.maximum(ages, 1)) + ages / 900 + noise)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_fit_is_that_of_the_normal_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = 500 + np.cumsum(rng.uniform(20, 90, 40))
    ages = times - times[0]
    values = grown(ages, rng.normal(0, 0.1, 40))
    late = ages > 0.1 * ages[-1]
    held(lasting_growth(times, values), ages[late], values[late])


@pytest.mark.parametrize("kind", ["wanders", "alternates", "slow wave"])
def test_the_error_is_widened_by_the_memory_of_what_is_left_and_never_narrowed(kind: str) -> None:
    count = 3000 if kind == "slow wave" else 60
    ages = np.arange(count, dtype=np.float64) * 30
    index = np.arange(count)
    noise = {
        "wanders": np.cumsum(np.random.default_rng(5).normal(0, 0.1, count)),
        "alternates": 0.2 * (-1.0) ** index + 0.05 * np.sin(index),
        # So slow that the memory would widen it without end.
        "slow wave": np.cos(2 * np.pi * index / count * 3),
    }[kind]
    late = ages > 0.1 * ages[-1]
    values = grown(ages, noise)
    held(lasting_growth(ages, values), ages[late], values[late])


def test_what_is_fitted_exactly_has_no_error() -> None:
    ages = np.arange(40, dtype=np.float64) * 90
    growth = lasting_growth(ages, 0.0 * ages)
    assert growth == LastingGrowth(0.0, 0.0, 0.0, 0.0, 0.0)


def test_samples_up_to_a_tenth_of_the_time_do_not_count_and_ten_later_ones_are_enough() -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 12)
    ages = np.array([0, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100.0]) * 60
    values = grown(ages, noise)
    # The second sample, at a tenth exactly, is left out.
    held(lasting_growth(ages, values), ages[2:], values[2:])
    fewer = np.delete(ages, 2)
    assert lasting_growth(fewer, np.delete(values, 2)) is None


@pytest.mark.parametrize(("count", "fall", "enough"), [(22, 12, True), (20, 11, False)])
def test_only_what_comes_after_a_fall_for_good_counts_and_ten_samples_are_enough(
    count: int, fall: int, enough: bool
) -> None:
    """The level falls after half of the samples that are late enough."""
    ages = np.arange(count, dtype=np.float64) * 60
    noise = np.random.default_rng(6).normal(0, 0.05, count)
    values = grown(ages, noise) + 50.0 * (np.arange(count) < fall)
    growth = lasting_growth(ages, values)
    if enough:
        held(growth, ages[fall:], values[fall:])
    else:
        assert growth is None


def test_times_that_are_all_but_the_same_tell_no_growth() -> None:
    times = np.concatenate(([0.0], 1e9 + np.arange(20) * 1e-6))
    assert lasting_growth(times, np.arange(21, dtype=np.float64)) is None


@pytest.mark.parametrize(
    ("values", "begin"),
    [
        ([5, 5, 5, 1, 1, 1], 3),
        ([5, 5, 5, 1, 1], 0),  # in the second half
        ([5, 5, 1, 1, 1], 2),
        ([9, 1, 1, 1, 1], 1),
        ([3, 5, 2, 3, 3, 3], 0),  # as low again, but not lower than all before
        ([4, 5, 2, 3, 3, 3], 2),
        ([5, 5, 1, 1, 9, 1], 0),
        ([1, 2, 3, 4], 0),
        ([5, 4, 1, 0, 0, 0], 2),  # the deepest of three falls
        ([2, 2, 2, 2], 0),
    ],
)
def test_where_a_level_fell_for_good(values: list[float], begin: int) -> None:
    assert _since_a_fall(np.array(values, dtype=np.float64)) == begin


LINES = (Line(0.0, 7200.0, 4.0, 10.0, 9.0, 11.0), Line(7200.0, 10800.0, 10.0, 20.0, 18.0, 22.0))
TREND = Trend(5.0, 4.0, 6.0, 1.0, None, 20.0, doubt="why", lines=LINES, stepwise=True)
GROWTH = LastingGrowth(slope=2.0, error=0.5, low=1.0, high=3.5, rise=8.0)


def test_a_trend_takes_the_lasting_growth_and_its_band() -> None:
    trend = beside_creep(TREND, GROWTH)
    assert (trend.slope_per_hour, trend.slope_low, trend.slope_high) == (2.0, 1.0, 3.5)
    assert (trend.doubt, trend.stepwise, trend.level) == (None, False, 20.0)
    # Around the same end: the slope over two hours and over one, half of the interval's width over each.
    assert trend.lines == (
        Line(0.0, 7200.0, 6.0, 10.0, 9.0, 11.5),
        Line(7200.0, 10800.0, 18.0, 20.0, 19.5, 20.75),
    )


@pytest.mark.parametrize(
    ("own", "high", "error", "resolved"),
    [(9.0, 3.5, 0.5, 9.0), (1.0, 3.5, 0.5, 3.5), (1.0, 3.5, 2.0, 9.0)],
)
def test_the_resolution_is_the_coarsest_of_three(
    own: float, high: float, error: float, resolved: float
) -> None:
    growth = replace(GROWTH, high=high, error=error)
    trend = beside_creep(replace(TREND, resolution_per_hour=own), growth)
    assert trend.resolution_per_hour == resolved
