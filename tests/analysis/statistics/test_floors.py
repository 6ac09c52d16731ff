"""Samples reduced to floors: blocks, sawtooth cycles, and outliers left out."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.statistics.floors import MOST_POINTS, _blocks, _levels, _roughness, floors
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


def test_a_block_is_told_by_its_mean_its_midst_and_its_low_parts() -> None:
    row = np.array([400.0, 4, 9, 16, 25, 36, 49, 64, 81, 100, 1, 121, 144, 169, 196, 225])
    row = np.concatenate((row, [256.0, 289, 324, 361]))
    levels = _levels(np.stack((row, row[::-1] + 1000)))
    # Of the squares of 1 to 20: all, those of 6 to 15, those of 1 to 5, and those of 1 and 2.
    expected = np.array([2870 / 20, (1240 - 55) / 10, 55 / 5, 5 / 2])
    assert [level[0] for level in levels] == pytest.approx(expected)
    assert [level[1] for level in levels] == pytest.approx(expected + 1000)


@pytest.mark.parametrize(
    ("row", "levels"),
    [
        ([7.0], [7.0, 7.0, 7.0, 7.0]),
        ([9.0, 1.0], [5.0, 5.0, 1.0, 1.0]),
        ([9.0, 1.0, 2.0], [4.0, 4.0, 1.0, 1.0]),
        ([9.0, 1.0, 2.0, 4.0], [4.0, 3.0, 1.0, 1.0]),
        ([9.0, 1.0, 2.0, 4.0, 6.0, 3.0, 0.0, 7.0], [4.0, 3.75, 0.5, 0.0]),
        ([float(value**2) for value in range(18)], [99.1666667, 80.5, 3.5, 0.0]),
    ],
)
def test_low_parts_of_short_blocks_have_one_sample_at_least(
    row: list[float], levels: list[float]
) -> None:
    assert [level[0] for level in _levels(np.array([row]))] == pytest.approx(levels)


@pytest.mark.parametrize(
    ("lives", "roughness"),
    [
        ([[1, 2, 5, 6]], 2 / 3),  # jumps of 1, 3 and 1
        ([[1, 2, 5, 6], [0, 5]], 6 / 4),  # with one of 5, around a drift of 2
        ([[3, 1], [9, 8]], 0.5),
        ([[3], [8]], 0.0),
        ([[0, 4, 8, 12]], 0.0),
    ],
)
def test_roughness_is_how_far_the_jumps_lie_from_the_drift(
    lives: list[list[float]], roughness: float
) -> None:
    seen = _roughness([np.array(values, dtype=np.float64) for values in lives])
    assert seen == pytest.approx(roughness)


@pytest.mark.parametrize(
    ("count", "size", "firsts", "each"),
    [
        (12, 4, [0, 4, 8], 4),
        (13, 4, [0, 4, 8], 4),
        (14, 4, [0, 4, 9], 4),  # three and a half blocks are three
        (11, 4, [0, 5], 5),
        (7, 2, [0, 2, 4], 2),
        (3, 8, [0], 3),
        (1, 2, [0], 1),
        (5, 2, [0, 2], 2),
    ],
)
def test_blocks_are_equally_long_and_spread_over_the_life(
    count: int, size: int, firsts: list[int], each: int
) -> None:
    index = np.arange(count, dtype=np.float64)
    life = LevelPoints(10 * index, 3 * index, 0.0)
    times, values = _blocks(life, size)
    expected = [[first + place for place in range(each)] for first in firsts]
    assert (times / 10).tolist() == expected
    assert (values / 3).tolist() == expected


@pytest.mark.parametrize(
    ("lengths", "size"),
    [
        ((150,), 1),
        ((70, 80), 1),
        ((151,), 2),
        ((100, 51), 2),
        ((300,), 2),
        ((301,), 3),
        ((450, 3), 4),
    ],
)
def test_lives_are_reduced_to_the_most_points_in_all(lengths: tuple[int, ...], size: int) -> None:
    lives = [
        LevelPoints(
            1000 * life + np.arange(count, dtype=np.float64),
            noise(count),
            1000.0 * life - 7,
            None,
            None,
            3,
        )
        for life, count in enumerate(lengths)
    ]
    reduced = floors(lives)
    if size == 1:
        assert reduced == lives
        return
    for life, points in zip(lives, reduced, strict=True):
        times, values = _blocks(life, size)
        assert points.times.tolist() == times.mean(axis=1).tolist()
        assert points.counts is not None
        assert points.widths is not None
        each = values.shape[1]
        assert points.counts.tolist() == [float(each)] * len(times)
        assert points.widths.tolist() == [each - 1.0] * len(times)
        assert (points.born, points.slack) == (life.born, 3)
        assert len(points.values) == len(values)


def chosen(**moves: float) -> int:
    """Which level is chosen where the mean, the midst, the lowest quarter and the lowest tenth move so much.

    About every second block of twenty samples is higher by that; the rest of each makes up for it.
    """
    tenth, quarter, midst, mean = (moves[k] for k in ("tenth", "quarter", "midst", "mean"))
    parts = np.array(
        [tenth] * 2
        + [(5 * quarter - 2 * tenth) / 3] * 3
        + [midst] * 10
        + [(20 * mean - 5 * quarter - 10 * midst) / 5] * 5
    )
    heights = np.array([0.0] * 2 + [100.0] * 3 + [200.0] * 10 + [300.0] * 5)
    rng = np.random.default_rng(9)
    blocks = rng.permuted(heights + np.outer(rng.integers(0, 2, 150), parts), axis=1)
    (points,) = floors([_points(blocks.ravel())])
    levels = _levels(blocks)
    (which,) = [i for i, level in enumerate(levels) if np.array_equal(level, points.values)]
    return which


@pytest.mark.parametrize(
    ("mean", "midst", "quarter", "tenth", "which"),
    [
        (1.0, 1.0, 1.0, 1.0, 0),
        (1.0, 0.95, 2.0, 2.0, 0),  # the midst must be better than the mean by 8%
        (1.0, 0.91, 2.0, 2.0, 1),
        (1.0, 2.0, 0.9, 2.0, 0),  # and a low part by 15%
        (1.0, 2.0, 0.85, 2.0, 2),
        (1.0, 2.0, 2.0, 0.9, 0),
        (1.0, 2.0, 2.0, 0.85, 3),
        (2.0, 1.0, 0.95, 2.0, 1),
        (2.0, 2.0, 1.0, 1.0, 2),
    ],
)
def test_the_level_that_moves_least_is_chosen_and_the_mean_unless_another_is_better(
    mean: float, midst: float, quarter: float, tenth: float, which: int
) -> None:
    assert chosen(mean=mean, midst=midst, quarter=quarter, tenth=tenth) == which


def saw(count: int, born: float) -> LevelPoints:
    seconds = np.arange(float(count))
    return LevelPoints(born + seconds, 100 + 30 * (seconds / 20.0 % 1), born)


@pytest.mark.parametrize(("flat", "floored"), [(599, True), (600, False), (601, False)])
def test_the_floors_of_saws_stand_for_all_where_saws_have_most_of_the_samples(
    flat: int, floored: bool
) -> None:
    lives = [saw(600, 0.0), LevelPoints(1000 + np.arange(float(flat)), noise(flat), 1000.0)]
    reduced = floors(lives)
    assert len(reduced) == (1 if floored else 2)
    floor = cycle_floors(lives[0])
    assert floor is not None
    if floored:
        assert reduced[0].times.tolist() == floor.times.tolist()
    else:
        assert len(reduced[0].times) + len(reduced[1].times) == pytest.approx(150, abs=20)
