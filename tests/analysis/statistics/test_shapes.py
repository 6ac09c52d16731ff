"""Cycles, counts, load and forecasts: the small judgements that the trend rests on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from soak.analysis.rules.forecast import show_time_left, time_until
from soak.analysis.statistics.cycles import cycle_columns
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.load_covariates import load_covariates
from soak.analysis.statistics.step_processes import (
    late_to_early_rise,
    least_p_no_growth,
    most_p_no_growth,
)
from soak.analysis.statistics.two_level_regime import state_column
from soak.analysis.statistics.warmup_shapes import warmup_shapes
from soak.analysis.thresholds import CANNOT_TELL, SETTLING
from soak.model import Series, Trend
from tests.analysis.series import noise


def _points(values: NDArray[Any]) -> LevelPoints:
    return LevelPoints(np.arange(float(len(values))), values.astype(np.float64), 0.0)


def test_a_cycle_is_found_and_leaves_nothing() -> None:
    times = np.arange(150.0)
    known = np.column_stack((np.ones(150), times / 150))
    values = 10 * np.sin(2 * np.pi * times / 23.7) + 3 * np.cos(4 * np.pi * times / 23.7)
    (columns,) = cycle_columns(times, values, [known])
    design = np.column_stack((known, columns))
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    assert np.abs(rest).max() < 0.05


def test_white_noise_has_no_cycle() -> None:
    assert cycle_columns(np.arange(150.0), noise(150), [np.ones((150, 1))]) == []


def test_the_times_of_a_large_warm_up_are_found_closely() -> None:
    ages = np.arange(150.0)
    values = 1 - np.exp(-ages / 17.3)
    shapes = warmup_shapes(ages, np.zeros(150), 149.0, values, np.ones((150, 1)))
    assert np.abs(shapes.settles / 3 - 17.3).min() < 0.05


def test_two_warm_ups_at_once_are_found_as_a_pair() -> None:
    ages = np.arange(150.0)
    values = 1 - np.exp(-ages / 3) + 0.5 * np.minimum(1, ages / 50) + 0.001 * noise(150)
    shapes = warmup_shapes(ages, np.zeros(150), 149.0, values, np.ones((150, 1)))
    settled = sorted(float(shapes.settles[i]) for i in shapes.pairs[0])
    assert settled == pytest.approx([9, 50], rel=0.05)


def test_noise_is_worth_no_pair_of_warm_ups() -> None:
    assert (
        warmup_shapes(np.arange(150.0), np.zeros(150), 149.0, noise(150), np.ones((150, 1))).pairs
        == ()
    )


def test_two_states_are_seen_through_beneath_growth() -> None:
    index = np.arange(150)
    high = (index // 20) % 2 == 1
    line = np.column_stack((np.ones(150), index / 150))
    values = 5.0 * high + 3.0 * index / 150 + 0.3 * noise(150)
    states = state_column(values, line)
    assert states is not None
    assert (states[0] == high).all()
    assert states[1] < -20


def test_a_point_that_a_switch_cuts_through_lies_in_between() -> None:
    index = np.arange(150)
    high = ((index // 20) % 2).astype(np.float64)
    high[40] = 0.5
    states = state_column(
        10 * high + 0.1 * noise(150), np.column_stack((np.ones(150), index / 150))
    )
    assert states is not None
    assert states[0][40] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "values",
    [noise(150), np.arange(150.0), 5.0 * (np.arange(150) > 70)],
    ids=["noise", "line", "one step"],
)
def test_what_does_not_switch_has_no_states(values: NDArray[Any]) -> None:
    assert state_column(values, np.column_stack((np.ones(150), np.arange(150) / 150))) is None


def test_rounded_noise_that_goes_back_and_forth_is_not_a_matter_of_steps() -> None:
    rounded = _points(np.round(0.004 * np.arange(300) + 0.25 * noise(300)))
    assert least_p_no_growth([rounded], [rounded], jumpy=False) == 0


def test_a_few_late_steps_are_no_certain_growth() -> None:
    index = np.arange(150)
    few = _points(10.0 * (index > 20) + 10.0 * (index > 90) + 10.0 * (index > 130))
    assert least_p_no_growth([few], [few], jumpy=True) >= CANNOT_TELL
    falls = _points(10.0 * (index > 80) - 10.0 * (index > 120))
    assert least_p_no_growth([falls], [falls], jumpy=True) == SETTLING
    many = _points(np.floor(index / 5.0))
    assert least_p_no_growth([many], [many], jumpy=True) == 0
    assert least_p_no_growth([_points(noise(150))], [_points(noise(150))], jumpy=False) == 0


def test_counts_that_only_rise_and_still_do_cannot_be_passed() -> None:
    index = np.arange(300)
    assert most_p_no_growth([_points(np.floor(index / 70.0))]) == pytest.approx(0.15)
    assert most_p_no_growth([_points(np.floor(index / 30.0))]) < 0.01 + 1e-9
    assert most_p_no_growth([_points((index > 10) + (index > 20) + (index > 30) + 0.0)]) == 1
    assert most_p_no_growth([_points(np.floor(index / 70.0) - 3 * (index > 280))]) == 1


def test_ever_smaller_rises_are_slowing_and_even_ones_are_not() -> None:
    index = np.arange(150)
    assert late_to_early_rise([_points(np.log1p(index / 10))]) < 0.6
    assert late_to_early_rise([_points(index * 1.0)]) == pytest.approx(1)
    assert late_to_early_rise([_points(-index * 1.0)]) == 0


def test_a_steady_request_rate_is_no_second_pace() -> None:
    points = _points(noise(100))
    assert len(load_covariates([points], 99.0, None)[0]) == 1
    steady = Series("requests", points.times, 50 * points.times)
    paces, rate = load_covariates([points], 99.0, steady)
    assert (len(paces), rate) == (1, None)
    drifting = Series("requests", points.times, points.times**2)
    paces, rate = load_covariates([points], 99.0, drifting)
    assert len(paces) == 2
    assert rate is not None
    assert (rate.min(), rate.max()) == (0, 1)


def test_time_left_has_an_interval_and_there_is_none_while_growth_is_not_certain() -> None:
    trend = Trend(10.0, 8.0, 12.5, 1.0, 0.0, 100.0)
    left = time_until(trend, 200.0)
    assert left is not None
    assert (left.hours, left.low, left.high) == (10.0, 8.0, 12.5)
    assert show_time_left(left) == "10 h (8 to 12 h)"
    assert time_until(Trend(10.0, -1.0, 12.0, 1.0, 0.0, 100.0), 200.0) is None
    assert time_until(Trend(10.0, 8.0, 12.0, 1.0, 0.0, 300.0), 200.0) is not None
    assert time_until(trend, math.inf) is None
