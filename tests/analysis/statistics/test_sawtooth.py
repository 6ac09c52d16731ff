"""Collections and their floors, at the boundary of each comparison: values are whole numbers, so that ties are exact."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.sawtooth import (
    _cycle_floors,
    _offset,
    _sharp_drops,
    climbs_exactly,
    cycle_floors,
    handful_of_floors,
)
from soak.model import Floats


def life(
    values: Sequence[float] | Floats,
    times: NDArray[np.floating[Any]] | None = None,
    born: float = 0.0,
) -> LevelPoints:
    """These values, once a second where no times are given."""
    column = np.asarray(values, dtype=np.float64)
    clock = np.arange(len(column)) if times is None else times
    return LevelPoints(clock.astype(np.float64), column, born)


def jumps(count: int, *parts: tuple[Sequence[int], float]) -> Floats:
    """`count` jumps, all 0 but for those at the places of each part."""
    result = np.zeros(count)
    for places, jump in parts:
        result[list(places)] = jump
    return result


FIVE = (2, 6, 10, 14, 18)
SIX = tuple(range(100, 700, 100))


@pytest.mark.parametrize(
    ("made", "drops", "largest"),
    [
        (jumps(20, (FIVE, -6)), FIVE, 6.0),
        # At least twenty jumps, at least five drops,
        (jumps(19, (FIVE, -6)), (), 0.0),
        (jumps(21, (FIVE[:4], -6)), (), 6.0),
        # in at most a quarter of all jumps,
        (jumps(23, ((0, 4, 8, 12, 16, 20), -6)), (), 6.0),
        (jumps(24, ((0, 4, 8, 12, 16, 20), -6)), (0, 4, 8, 12, 16, 20), 6.0),
        # as many as five of their median distance apart.
        (jumps(50, ((0, 10, 20, 30, 40), -6)), (0, 10, 20, 30, 40), 6.0),
        (jumps(49, ((0, 10, 20, 30, 40), -6)), (), 6.0),
        (jumps(49, ((0, 9, 19, 29, 38), -6)), (0, 9, 19, 29, 38), 6.0),
        (jumps(50, ((0, 11, 22, 33, 44), -6)), (), 6.0),
        # A drop is more than a third of the largest one, the median of the five lowest jumps.
        (jumps(24, (FIVE, -3), ((20, 22), -1)), FIVE, 3.0),
        (jumps(28, (FIVE, -3), ((21,), -1.25)), (*FIVE, 21), 3.0),
        (jumps(20, (FIVE[:2], -9), (FIVE[2:], -6)), FIVE, 6.0),
        (jumps(20, (FIVE[:2], -6), (FIVE[2:], -9)), FIVE, 9.0),
        (jumps(40, (FIVE, -9), ((22, 26, 30, 34, 38), -6)), (*FIVE, 22, 26, 30, 34, 38), 9.0),
        # Of drops in a row, the first counts.
        (jumps(20, (FIVE, -6), ((7,), -6)), FIVE, 6.0),
        (jumps(26, (FIVE, -6), ((20, 21), -6)), (*FIVE, 20), 6.0),
        # Up to a fifth as many rises, by more than a third of the largest drop.
        (jumps(20, (FIVE, -6), ((4,), 6)), FIVE, 6.0),
        (jumps(20, (FIVE, -6), ((4, 8), 6)), (), 6.0),
        (jumps(20, (FIVE, -6), ((4, 8), 2)), FIVE, 6.0),
        (jumps(20, (FIVE, -6), ((4, 8), 2.25)), (), 6.0),
        (jumps(20, (FIVE, -6), ((4, 8, 12, 16), 1)), FIVE, 6.0),
        (jumps(40, (range(2, 34, 4), -6), ((4, 8), 6)), (), 6.0),
        # Nothing falls, or not mostly.
        (jumps(20), (), 0.0),
        (jumps(20, (FIVE, 6)), (), 0.0),
        (jumps(20, (FIVE[:2], -6)), (), 0.0),
        (jumps(2400, ((400, 800, 1200, 1600, 2000), -6)), (), 0.0),
        # Of many jumps, the lowest half of a hundredth count.
        (jumps(1194, (range(100, 400, 100), -6), (range(400, 700, 100), -12)), SIX, 12.0),
        (jumps(1199, (range(100, 400, 100), -6), (range(400, 700, 100), -12)), SIX, 12.0),
        (jumps(1200, (range(100, 400, 100), -6), (range(400, 700, 100), -12)), SIX, 9.0),
    ],
)
def test_sharp_drops_are_frequent_and_not_matched_by_rises(
    made: Floats, drops: Sequence[int], largest: float
) -> None:
    found, height = _sharp_drops(made)
    assert tuple(found.tolist()) == tuple(drops)
    assert height == largest
    found, height = _sharp_drops(made / 64)
    assert (tuple(found.tolist()), height) == (tuple(drops), largest / 64)


@pytest.mark.parametrize(
    "times",
    [
        np.array([3.0, 9, 16, 22, 28, 35]),
        np.array([3.0, 9, 16, 29, 35, 42, 61]),  # one beat missing, then two
        np.array([3.0, 9, 11, 16, 22, 28]),  # one that is too soon is a beat of its own
    ],
)
def test_how_late_each_time_is_against_an_even_beat(times: Floats) -> None:
    """What a straight line over the number of beats leaves."""
    steps = np.diff(times)
    beats = np.array([0, *np.cumsum(np.maximum(np.round(steps / np.median(steps)), 1))])
    left = times - np.polyval(np.polyfit(beats, times, 1), beats)
    assert _offset(times) == pytest.approx(left, abs=1e-9)


def teeth(count: int, length: int, fall: float, climb: float = 1.0) -> list[float]:
    """Cycles that climb by `climb` a sample and fall by `fall`, wherever that leads."""
    cycle = [climb] * (length - 1) + [-fall]
    return list(np.cumsum([0.0, *cycle * count]))


def test_a_saw_that_is_sampled_evenly_falls_to_the_samples_after_its_drops() -> None:
    values = np.array([*range(1, 5), *list(range(5)) * 9], dtype=np.float64)
    found = cycle_floors(life(values, 100 + 2.0 * np.arange(len(values)), 98.0))
    assert found is not None
    assert found.times.tolist() == [100 + 2.0 * (4 + 5 * cycle) for cycle in range(9)]
    assert found.values.tolist() == [0.0] * 9
    assert found.born == 98.0
    assert found.slack == 1.0  # a climb of one sample may hide


@pytest.mark.parametrize(("climb", "found"), [(0.5, True), (0.4375, False)])
def test_a_saw_climbs_back_by_a_quarter_of_its_falls(climb: float, found: bool) -> None:
    values = teeth(8, 5, 8.0, climb)  # four samples up, from the floor on
    assert (cycle_floors(life(values)) is not None) == found


def test_the_climb_that_regular_drops_hide_is_taken_off() -> None:
    """Every 6.25 samples of 2 s: each first value after a drop has climbed for the time that it came late."""
    samples = np.arange(100.0)
    phase = samples % 6.25
    found = _cycle_floors(life(50 + 4 * phase, 10 + 2 * samples, 10.0))
    assert found is not None
    starts = np.flatnonzero(np.diff(phase) < 0) + 1
    assert found.times.tolist() == (10 + 2 * samples[starts]).tolist()
    late = phase[starts] - phase[starts].mean()
    assert found.values == pytest.approx(50 + 4 * phase[starts] - 4 * late, abs=0.5)
    assert np.ptp(found.values) < 0.6 * np.ptp(phase[starts]) * 4
    exact = _offset(found.times)
    assert found.values == pytest.approx(50 + 4 * phase[starts] - 2 * exact, rel=1e-12)


@pytest.mark.parametrize(
    ("period", "wraps"), [(6.25, True), (6.2, False), (6.04, False), (6.1, False), (6.5, True)]
)
def test_the_slack_of_regular_drops_shrinks_where_their_phase_wraps_around_often(
    period: float, wraps: bool
) -> None:
    samples = np.arange(120.0)
    phase = samples % period
    found = _cycle_floors(life(50 + 4 * phase, 3 * samples))
    assert found is not None
    offset = _offset(found.times)
    assert np.abs(offset).max() < 3
    assert (int((np.abs(np.diff(offset)) > 1.5).sum()) >= 4) == wraps
    assert found.slack == pytest.approx(4 * (2 / len(found.times) if wraps else 1))


def test_irregular_drops_keep_the_lowest_value_of_each_cycle() -> None:
    lengths = (19, 25, 32, 16, 34, 15, 33, 18, 29)
    values: list[float] = []
    for number, length in enumerate(lengths):
        cycle = [100.0 + number + age for age in range(length)]
        cycle[1] -= 2 * (number % 2)  # the lowest is the second
        values += cycle
    times = 7 + 0.5 * np.arange(len(values))
    found = _cycle_floors(life(values, times, 3.0))
    assert found is not None
    begins = np.cumsum(lengths)[:-1]
    lowest = [int(begin) + number % 2 for number, begin in enumerate(begins, 1)]
    assert found.times.tolist() == times[lowest].tolist()
    assert found.values.tolist() == [values[index] for index in lowest]
    assert (found.born, found.slack) == (3.0, 1.0)


def fallen_at(starts: Sequence[int], count: int) -> Floats:
    """A level that climbs by one a sample, and is back at 0 at each of the starts."""
    begins = np.array([0, *starts])
    indexes = np.arange(count)
    ages = indexes - begins[np.searchsorted(begins, indexes, side="right") - 1]
    return np.asarray(ages, dtype=np.float64)


def test_drops_that_are_a_whole_sample_late_are_irregular() -> None:
    """Against a beat of ten, by 1, -1, 0, -1 and 1 samples: nothing is taken off."""
    found = _cycle_floors(life(fallen_at((11, 19, 30, 39, 51), 62)))
    assert found is not None
    assert found.times.tolist() == [11, 19, 30, 39, 51]
    assert found.values.tolist() == [0.0] * 5


def test_a_phase_that_changes_by_half_a_sample_does_not_wrap_around() -> None:
    """Samples of 5 s against a beat of 52.5 s: 1 s early and 1.5 s late in turn."""
    found = _cycle_floors(life(fallen_at((10, 21, 31, 42, 52), 62), 5 * np.arange(62.0)))
    assert found is not None
    assert found.values == pytest.approx([0.2, -0.3, 0.2, -0.3, 0.2])
    assert found.slack == 1.0


@pytest.mark.parametrize("lengths", [(12,) * 8, (10, 15, 12, 19, 11, 18, 13, 9)])
def test_a_level_that_sinks_between_its_drops_has_no_slack(lengths: Sequence[int]) -> None:
    made = [jump for length in lengths for jump in (-30.0, 9.0, *[-1.0] * (length - 2))]
    levels = np.cumsum([1000.0, 0, 0, 0, *made])
    found = _cycle_floors(life(levels))
    assert found is not None
    begins = 4 + np.cumsum([0, *lengths])
    lowest = [min(levels[begin:end]) for begin, end in pairwise(begins)]
    if len(set(lengths)) > 1:  # the lowest are at the end of each cycle, or at its begin
        assert found.values.tolist() == lowest
    assert (len(found.times), found.slack) == (8, 0.0)


def test_the_usual_climb_leaves_out_falls_by_a_third() -> None:
    cycle = [1, -1, 0.5, 1, 1, 0.5, -3]
    found = _cycle_floors(life(np.cumsum([0, *cycle * 6])))
    assert found is not None
    assert found.slack == 1.0


def falling_slowly(samples: int) -> Floats:
    """Cycles of 96 samples that fall in six parts: a saw only in the means of twelve."""
    age = np.arange(float(samples)) % 96
    return np.where(age < 84, 100 + age, 184 - np.floor((age - 84) / 2) * 14)


def test_a_fall_over_several_samples_is_a_step_of_block_means() -> None:
    values = falling_slowly(1200)
    times = 5 + np.arange(1200.0)
    assert _cycle_floors(life(values, times)) is None
    found = cycle_floors(life(values, times, 2.0))
    assert found is not None
    means = values.reshape(100, 12).mean(axis=1), times.reshape(100, 12).mean(axis=1)
    blocks = _cycle_floors(life(*means, 2.0))
    assert blocks is not None
    assert found.values.tolist() == blocks.values.tolist()
    assert (found.times.tolist(), found.born) == (blocks.times.tolist(), 2.0)
    longer = cycle_floors(life(falling_slowly(1205), 5 + np.arange(1205.0)))
    assert longer is not None
    assert longer.values.tolist() == found.values.tolist()


def test_block_means_need_fifty_blocks() -> None:
    assert cycle_floors(life(falling_slowly(599))) is None
    assert cycle_floors(life(falling_slowly(600))) is not None


@pytest.mark.parametrize(
    ("values", "floors"),
    [
        # Two to seven falls, each to more than a third of the largest.
        ([0, 3, 6, 9, 0, 3, 6, 9, 1, 4, 7], [0, 1 / 9]),
        ([0, 3, 6, 9, 0, 3, 6, 9], None),
        (np.cumsum([40, *[1, -3] * 7]), [(38 - 2 * fall) / 3 for fall in range(7)]),
        (np.cumsum([40, *[1, -3] * 8]), None),
        ([0, 3, 6, 9, 0, 3, 6, 3, 5, 7], None),
        ([0, 3, 6, 9, 0, 3, 6, 2, 5, 7], [0, 2 / 9]),
        ([0, 3, 6, 9, 12, 2, 0, 3, 6, 9, 12, 1, 4], [0, 1 / 11]),
        # A rise in one step, by more than a third of the largest fall, is no climb.
        ([0, 3, 6, 9, 0, 3, 6, 9, 1, 4.5], None),
        ([0, 3, 6, 9, 0, 3, 6, 9, 1, 3.5], [0, 1 / 9]),
        # It climbs back by a quarter.
        ([9, 8, 0, 1, 2, -6], [0, -6 / 8]),
        ([9, 8, 0, 1, 1.75, -6.25], None),
        ([9, 8, 0, 2, 0, 1, -6], [0, -6 / 8]),
        ([6, 9, 0, 3, 6, 9, 1, 2, -2], None),
        # Nothing falls.
        ([0, 1, 2, 3], None),
        ([5], None),
    ],
)
def test_the_floors_of_a_handful_of_collections(
    values: Sequence[float], floors: Sequence[float] | None
) -> None:
    for scale in (1, 64, 1 / 64):
        found = handful_of_floors(life(scale * np.asarray(values)))
        assert (found if found is None else found.tolist()) == (
            floors if floors is None else pytest.approx(floors)
        )


def test_a_saw_of_many_cycles_is_no_handful() -> None:
    values = [0, 1, 2, 3, 4, 5, 6] * 7
    assert cycle_floors(life(values)) is not None
    assert handful_of_floors(life(values)) is None
    assert handful_of_floors(life(values[:21])) is not None


def straight(slope: float, count: int = 11, level: float = 0.0) -> list[float]:
    return [level + slope * age for age in range(count)]


def bent(by: float, count: int = 11) -> list[float]:
    """A climb of slope 1 with its middle off."""
    climb = straight(1.0, count)
    climb[count // 2] += by
    return climb


@pytest.mark.parametrize(
    ("lives", "exactly"),
    [
        ([straight(1) + straight(1)], True),
        ([straight(1), straight(1)], True),
        ([straight(1)], False),
        ([[-1.0, *straight(1), *straight(1)]], True),
        ([[-2.0, *straight(1), *straight(1)]], False),
        ([straight(1) + straight(1.009)], True),
        ([straight(1) + straight(1.011)], False),
        ([straight(1.011) + straight(1)], False),
        ([straight(1) + straight(-1)], False),
        # Fewer than five samples are no climb.
        ([straight(1) + straight(7, 4) + straight(1)], True),
        ([straight(1) + straight(7, 4), straight(1)], True),
        ([straight(1) + straight(2, 5) + straight(1)], False),
        ([straight(1) + straight(7, 4)], False),
        # A thousandth of the height is straight.
        ([bent(0.0105) + straight(1)], True),
        ([bent(0.0125) + straight(1)], False),
        ([straight(1) + bent(0.0125)], False),
        ([bent(-0.0125) + straight(1)], False),
        # A fall is more than a third of the height, of all lives.
        ([straight(3), straight(1) + straight(1)], False),
        ([straight(3) + straight(3, 11, 15.0)], False),
        ([straight(3) + straight(3, 11, 14.5)], True),
    ],
)
def test_climbs_of_one_slope_and_straight(lives: Sequence[list[float]], exactly: bool) -> None:
    shifted = [life(values, 1000 + 4.0 * np.arange(len(values))) for values in lives]
    assert climbs_exactly([life(values) for values in lives]) is exactly
    assert climbs_exactly(shifted) is exactly
