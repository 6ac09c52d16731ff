"""Samples reduced to floors: blocks, sawtooth cycles, and outliers left out."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.statistics.floors import MOST_POINTS, floors
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.outliers import without_outliers
from soak.analysis.statistics.sawtooth import cycle_floors
from soak.model import Floats
from tests.analysis.series import noise


def _points(values: Floats) -> LevelPoints:
    return LevelPoints(np.arange(float(len(values))), values, 0.0)


def test_a_short_life_is_kept_as_it_is() -> None:
    life = _points(noise(100))
    assert floors([life]) == [life]


@pytest.mark.parametrize("count", [151, 1000, 86400])
def test_a_long_run_is_reduced_to_a_few_points_however_long(count: int) -> None:
    (points,) = floors([_points(noise(count))])
    assert MOST_POINTS / 2 <= len(points.times) <= MOST_POINTS + 1
    assert points.times[0] >= 0
    assert points.times[-1] <= count
    assert points.values.std() == pytest.approx(1 / np.sqrt(count // len(points.times)), rel=0.35)


def test_lives_are_never_mixed() -> None:
    first, second = floors(
        [_points(np.zeros(1000)), LevelPoints(np.arange(1000.0, 2000), np.ones(1000), 1000.0)]
    )
    assert set(first.values) == {0.0}
    assert set(second.values) == {1.0}


def test_bursts_do_not_lift_the_floor() -> None:
    values = 100 + noise(3000)
    values[np.random.default_rng(3).random(3000) < 0.1] += 50
    (points,) = floors([_points(values)])
    assert np.median(points.values) < 101


def test_a_sawtooth_gives_one_floor_a_cycle() -> None:
    seconds = np.arange(600.0)
    floors = cycle_floors(_points(100 + 30 * (seconds / 20.0 % 1)))
    assert floors is not None
    assert len(floors.times) == 29
    assert floors.values == pytest.approx(100, abs=0.5)


def test_the_drifting_phase_of_regular_drops_is_taken_off() -> None:
    seconds = np.arange(1200.0)
    floors = cycle_floors(_points(100 + 30 * (seconds / 20.03 % 1)))
    assert floors is not None
    assert np.ptp(floors.values) < 0.5


@pytest.mark.parametrize(
    "values",
    [
        noise(600),
        np.cumsum(noise(600)),
        np.arange(600.0),
        np.random.default_rng(0).standard_t(2, 600),
    ],
)
def test_what_is_no_sawtooth_is_not_taken_for_one(values: Floats) -> None:
    assert cycle_floors(_points(values)) is None


def test_a_burst_is_an_outlier_and_a_warm_up_a_step_and_a_line_are_not() -> None:
    index = np.arange(150)
    burst = noise(150)
    burst[60:63] += 40
    assert 143 <= len(without_outliers(_points(burst)).times) <= 147
    for level in (-40 * np.exp(-index / 10), 40.0 * (index > 70), index * 1.0):
        assert len(without_outliers(_points(noise(150) + level)).times) >= 146
