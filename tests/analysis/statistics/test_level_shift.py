"""A level that stepped and stayed is told; slow growth, noise and staircases are not."""

import numpy as np
import pytest

from soak.analysis.statistics.level_shift import (
    LevelShift,
    _bend,
    _block_medians,
    _cuts,
    _inner,
    _median,
    _squares,
)
from soak.analysis.statistics.level_shift import level_shift as found
from soak.analysis.thresholds import SHIFT_BLOCKS
from soak.model import Floats

TIMES: Floats = np.arange(960, dtype=np.float64) * np.float64(15)
NOISE = np.random.default_rng(4).normal(0, 1, len(TIMES))


def level_shift(times: Floats, values: object) -> LevelShift | None:
    return found(times, np.asarray(values, dtype=np.float64))


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5, 0.7, 0.85])
@pytest.mark.parametrize(("before", "after"), [(40.0, 99.0), (99.0, 40.0), (400.0, 520.0)])
def test_one_shift_is_told_with_its_levels_and_its_time(
    before: float, after: float, share: float
) -> None:
    cut = int(share * len(TIMES))
    shift = level_shift(TIMES, np.where(np.arange(len(TIMES)) < cut, before, after) + NOISE)
    assert shift is not None
    assert shift.before == pytest.approx(before, abs=1)
    assert shift.after == pytest.approx(after, abs=1)
    assert shift.steps == 1
    assert shift.time == pytest.approx(TIMES[cut], abs=60)


def test_two_shifts_are_told_as_two() -> None:
    shift = level_shift(TIMES, np.select([TIMES < 3000, TIMES < 9000], [40.0, 60.0], 80.0) + NOISE)
    assert shift is not None
    assert (round(shift.before), round(shift.after), shift.steps) == (40, 80, 2)
    assert shift.time == pytest.approx(9000, abs=60)


@pytest.mark.parametrize(
    "values",
    [
        100 + NOISE,
        100 + TIMES / 100,
        100 + 50 * (1 - np.exp(-TIMES / 4000)),
        100 + 20 * np.floor(TIMES / 1500),
        np.full(len(TIMES), 7.0),
        100 + 40 * (TIMES % 900 < 450) + NOISE,
    ],
)
def test_what_is_no_shift_is_none(values: Floats) -> None:
    assert level_shift(TIMES, values) is None


def test_a_height_below_a_tenth_of_the_level_is_none() -> None:
    quiet = NOISE / 100
    steps = TIMES >= 7200
    assert level_shift(TIMES, 100 + 9.5 * steps + quiet) is None
    assert level_shift(TIMES, 100 + 10.5 * steps + quiet) is not None


def test_too_few_samples_are_none() -> None:
    few = 2 * SHIFT_BLOCKS - 1
    assert level_shift(TIMES[:few], np.where(np.arange(few) < 50, 1.0, 9.0)) is None


def blocks(*levels: tuple[int, float]) -> Floats:
    """A value for each block: so many of each level."""
    return np.array([level for count, level in levels for _ in range(count)], dtype=np.float64)


def shift_of(level: Floats, each: int = 2) -> LevelShift | None:
    """The shift of samples that are the same within each of 48 blocks."""
    values = np.repeat(level, each)
    return found(np.arange(len(values), dtype=np.float64), values)


@pytest.mark.parametrize("count", [96, 97, 100, 143, 144, 150])
def test_block_medians_are_those_of_each_block(count: int) -> None:
    values = np.random.default_rng(count).normal(0, 1, count)
    expected = [np.median(part) for part in np.array_split(values, SHIFT_BLOCKS)]
    assert _block_medians(values).tolist() == expected


@pytest.mark.parametrize(
    ("first", "last", "inner"),
    [(0, 6, [0, 1, 2, 3, 4, 5]), (1, 6, [2, 3, 4, 5]), (0, 5, [0, 1, 2, 3]), (2, 5, [3])],
)
def test_the_blocks_beside_other_levels_are_left_out(
    first: int, last: int, inner: list[int]
) -> None:
    level = np.arange(6, dtype=np.float64)
    assert _inner(level, first, last).tolist() == inner
    assert _median(level, first, last) == float(np.median(inner))


@pytest.mark.parametrize(
    ("level", "first", "last", "bend"),
    [
        (np.array([1.0, 5.0, 3.0]), 0, 3, 4.0),  # fewer than eighths: each block is one
        (np.array([9.0, 9.0, 5.0, 3.0, 9.0, 9.0]), 1, 5, 2.0),  # the outer ones are left out
        (np.arange(8.0), 0, 8, 7.0),
        (np.arange(16.0), 0, 16, 14.0),  # the medians of pairs: 0.5 to 14.5
        (np.arange(24.0), 0, 24, 21.0),
        (
            np.arange(32.0),
            8,
            24,
            12.5,
        ),  # 9 to 22: the first eighth has two blocks, the last has one
        (blocks((12, 0), (1, 9), (11, 0)), 0, 24, 0.0),  # one block is no eighth's median
        (np.full(10, 3.0), 0, 10, 0.0),
    ],
)
def test_the_bend_is_the_range_of_the_eighths(
    level: Floats, first: int, last: int, bend: float
) -> None:
    assert _bend(level, first, last) == bend


@pytest.mark.parametrize(("cut", "squares"), [(1, 14 / 3), (2, 2.5), (3, 26 / 3)])
def test_the_squares_are_those_around_both_means(cut: int, squares: float) -> None:
    assert _squares(np.array([1.0, 2.0, 5.0, 3.0]), cut) == pytest.approx(squares)


@pytest.mark.parametrize(
    ("level", "scatter", "cuts"),
    [
        (blocks((4, 0), (4, 6)), 1.9, [4]),
        (blocks((4, 0), (4, 6)), 2.0, []),  # no higher than three times the scatter
        (blocks((4, 0), (3, 6)), 0.1, []),  # seven blocks are too few for two levels
        (blocks((4, 0), (8, 6)), 0.1, [4]),
        (blocks((8, 0), (4, 6)), 0.1, [8]),
        (blocks((2, 0), (10, 6)), 0.1, [4]),  # a level has four blocks at least
        (blocks((10, 0), (2, 6)), 0.1, [8]),
        (blocks((8, 0), (8, 6), (8, 12)), 0.1, [8, 16]),
        (blocks((8, 0), (8, 6), (8, 1)), 0.1, [8, 16]),
        (blocks((6, 0), (6, 6), (6, 20), (6, 26)), 0.1, [6, 12, 18]),
        (blocks((9, 9), (4, 0), (11, 5)), 0.1, [9, 13]),
        (np.zeros(24), 0.0, []),
    ],
)
def test_where_new_levels_begin(level: Floats, scatter: float, cuts: list[int]) -> None:
    assert _cuts(level, scatter, 0, len(level)) == cuts


@pytest.mark.parametrize("first", [8, 9])
def test_within_a_stretch_only_its_own_blocks_are_looked_at(first: int) -> None:
    level = blocks((8, 100), (12, 0), (12, 6), (8, 200))
    assert _cuts(level, 0.1, first, 32) == [20]


def test_a_shift_between_levels_of_whole_numbers() -> None:
    assert shift_of(blocks((20, 10), (28, 30))) == LevelShift(10.0, 30.0, 1, 40.0)
    assert shift_of(blocks((20, 30), (28, 10))) == LevelShift(30.0, 10.0, 1, 40.0)
    assert shift_of(blocks((12, 10), (20, 30), (16, 60))) == LevelShift(10.0, 60.0, 2, 64.0)
    assert shift_of(blocks((12, 10), (20, 30), (16, 10))) == LevelShift(10.0, 10.0, 2, 64.0)
    assert shift_of(blocks((20, 10), (28, 30)), each=3) == LevelShift(10.0, 30.0, 1, 60.0)


def test_levels_of_four_blocks_at_either_end_are_told() -> None:
    assert shift_of(blocks((4, 10), (4, 30), (40, 60))) == LevelShift(10.0, 60.0, 2, 16.0)
    assert shift_of(blocks((40, 60), (4, 30), (4, 10))) == LevelShift(60.0, 10.0, 2, 88.0)


def test_three_steps_are_shifts_and_four_are_a_staircase() -> None:
    assert shift_of(blocks((12, 10), (12, 30), (12, 50), (12, 70))) is not None
    assert shift_of(blocks((10, 10), (10, 30), (10, 50), (9, 70), (9, 90))) is None


def slow_step(*highs: int) -> float:
    """When a level of 0 is at 100, seen every second in blocks of four, which lies at 46 from 80 s to 88 s.

    From 88 s on it is at 100, but for single blocks of 40. Those make its mean so low that its
    first block is the one at 80 s, while 46 is nearer to 0 than to 100. At the seconds of `highs`
    it is at 100, too.
    """
    level = blocks((20, 0), (2, 46), (26, 100))
    level[[25, 29, 33, 36, 39, 42, 45]] = 40.0
    values = np.repeat(level, 4)
    values[list(highs)] = 100.0
    shift = found(np.arange(192, dtype=np.float64), values)
    assert shift is not None
    assert (shift.before, shift.after, shift.steps) == (0.0, 100.0, 1)
    return shift.time


@pytest.mark.parametrize(
    ("highs", "time"),
    [
        ((), 80.0),  # nowhere near: its first block begins there
        ((87,), 87.0),  # the last second of the block after its first one
        ((76,), 76.0),  # the first second of the block before it
        ((75,), 80.0),  # further away it is another event
        ((75, 87), 87.0),
    ],
)
def test_the_time_is_sought_from_one_block_before_the_step_to_one_after(
    highs: tuple[int, ...], time: float
) -> None:
    assert slow_step(*highs) == time


def test_two_samples_a_block_are_enough() -> None:
    values = np.repeat(blocks((20, 10), (28, 30)), 2)
    times = np.arange(96, dtype=np.float64)
    assert found(times, values) is not None
    assert found(times[:-1], values[:-1]) is None


@pytest.mark.parametrize("first", [78, 79, 80, 81, 82, 83])
def test_the_time_is_that_of_the_first_value_at_the_new_level(first: int) -> None:
    """Blocks have four samples; the step lies in a block's midst, or at its border."""
    index = np.arange(192, dtype=np.float64)
    times = 100 + 5.0 * index
    shift = found(times, np.where(index < first, 10.0, 30.0))
    assert shift == LevelShift(10.0, 30.0, 1, 100 + 5.0 * first)


def test_a_value_halfway_is_not_at_the_new_level_yet() -> None:
    index = np.arange(192)
    values = np.where(index < 80, 10.0, 30.0)
    values[80], values[81] = 20.0, 21.0
    shift = found(index.astype(np.float64), values)
    assert shift is not None
    assert shift.time == 81.0


def test_a_shift_of_the_last_levels_is_timed_to_the_end() -> None:
    assert shift_of(blocks((44, 10), (4, 30)), each=3) == LevelShift(10.0, 30.0, 1, 132.0)
    values = np.repeat(blocks((44, 10), (4, 30)), 3)
    values[132:134] = 10.0
    shift = found(np.arange(144, dtype=np.float64), values)
    assert shift is not None
    assert shift.time == 134.0


@pytest.mark.parametrize(("height", "steps"), [(15.0, 0), (15.7, 0), (15.9, 1), (18.0, 1)])
def test_a_step_is_more_than_six_times_the_scatter(height: float, steps: int) -> None:
    """Blocks go up and down by two: 1.4826 times two is the scatter, six times that 17.79.

    The medians are those of 23 blocks, low ones before the step and high ones after it.
    """
    level = np.where(np.arange(48) % 2 == 0, -1.0, 1.0) + blocks((24, 0), (24, height))
    shift = shift_of(level)
    assert (0 if shift is None else shift.steps) == steps


@pytest.mark.parametrize(
    ("before", "height", "steps"),
    [(100.0, 10.0, 0), (100.0, 10.1, 1), (-100.0, 10.0, 0), (-100.0, 10.1, 1), (0.0, 0.1, 1)],
)
def test_a_step_is_more_than_a_tenth_of_the_first_level(
    before: float, height: float, steps: int
) -> None:
    shift = shift_of(blocks((24, before), (24, before + height)))
    assert (0 if shift is None else shift.steps) == steps


def test_every_step_is_high_enough() -> None:
    assert shift_of(blocks((16, 100), (16, 150), (16, 159))) is None
    assert shift_of(blocks((16, 100), (16, 150), (16, 161))) is not None
    assert shift_of(blocks((16, 100), (16, 109), (16, 150))) is None


@pytest.mark.parametrize(("bend", "steps"), [(24.0, 1), (24.1, 0)])
def test_a_level_bends_by_a_quarter_of_the_step_at_most(bend: float, steps: int) -> None:
    """The second level scatters so much that the bend of the first one is no step; its median is 96."""
    level = blocks((16, 0), (8, bend), (24, 100))
    level[24:] += 4 * (-1.0) ** np.arange(24)
    shift = shift_of(level)
    assert (0 if shift is None else shift.steps) == steps
