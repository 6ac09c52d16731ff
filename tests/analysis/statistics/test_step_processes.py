"""Growth in steps, at the boundary of each comparison: the moves are whole numbers, so that ties are exact."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.step_processes import (
    _few_late_steps,
    _goes_back,
    _without_spikes,
    flickers,
    late_to_early_rise,
    least_p_no_growth,
    most_p_no_growth,
)
from soak.analysis.thresholds import CANNOT_TELL, SETTLING
from soak.model import Floats

BEGAN, BASE = 100.0, 50.0
NO_STEPS = 0.0


def level(moves: Sequence[float] | Floats) -> LevelPoints:
    """A level that starts at `BASE` and makes these moves, one each second from `BEGAN` on."""
    values = BASE + np.concatenate(([0.0], np.cumsum(np.asarray(moves, dtype=np.float64))))
    return LevelPoints(BEGAN + np.arange(float(len(values))), values, BEGAN)


def moves(count: int, at: Mapping[int, float]) -> Floats:
    """`count` moves, all 0 but for those at these places."""
    result = np.zeros(count)
    for place, move in at.items():
        result[place] = move
    return result


def every(places: Sequence[int], move: float = 1.0) -> dict[int, float]:
    """The same move at each of these places."""
    return dict.fromkeys(places, move)


FLAT = level(np.zeros(30))


@pytest.mark.parametrize(
    ("made", "chance"),
    [
        # Few equal steps: their number divided by its root is the surplus of rises.
        (moves(40, {20: 1}), SETTLING),
        (moves(40, every((10, 20, 30))), SETTLING),  # 1.73
        (moves(40, every((10, 20, 25, 30))), CANNOT_TELL),  # exactly 2.0
        (moves(40, every((8, 12, 16, 20, 25, 30))), CANNOT_TELL),  # 2.45
        (moves(40, every((8, 12, 16, 20, 25, 30, 35))), NO_STEPS),  # 2.65
        (moves(40, {**every((8, 12, 16, 20, 25, 30), 2), 35: 1}), NO_STEPS),  # 13 / 5, exactly 2.6
        (moves(40, every((10, 20, 25, 30), 0.001)), CANNOT_TELL),
        (moves(40, every((10, 20, 25, 30), -1)), NO_STEPS),  # falls only: garbage-collected
        (moves(40, {}), SETTLING),
        # What moves by more than a fiftieth of the largest move does not rest.
        (moves(25, {5: 100, **every((8, 10, 12, 14, 16), 2)}), SETTLING),
        (moves(25, {5: 100, **every((8, 10, 12, 14, 16), 3)}), NO_STEPS),
        # At rest in four fifths of all samples, and at most 50 steps.
        (moves(26, {3: 1, 9: 1, 12: 1, 15: -1, 20: -1}), SETTLING),
        (moves(24, {3: 1, 9: 1, 12: 1, 15: -1, 20: -1}), NO_STEPS),
        (moves(300, {**every(range(40, 65)), **every(range(80, 105), -1)}), SETTLING),
        (moves(300, {**every(range(40, 66)), **every(range(80, 105), -1)}), NO_STEPS),
        # More than three large falls for each large rise: garbage-collected.
        (moves(26, {4: 5, **every((8, 12, 16), -5)}), SETTLING),
        (moves(26, {4: 5, **every((8, 12, 16, 20), -5)}), NO_STEPS),
        (moves(26, {4: 5, **every((8, 12, 16), -5), 20: -1}), SETTLING),
        (moves(26, {4: 5, 6: -5, 20: 1, **every((8, 12), -5)}), SETTLING),
        (moves(40, {4: 5, 6: 1, **every((8, 12, 16, 20), -5)}), NO_STEPS),
        (moves(40, {4: 5, 6: 2, **every((8, 12, 16, 20), -5)}), SETTLING),
        # The first tenth of the moves does not count.
        (moves(30, every((2, 10, 20, 25))), SETTLING),
        (moves(30, every((3, 10, 20, 25))), CANNOT_TELL),
        (moves(36, every((2, 10, 20, 25))), SETTLING),
        (moves(36, every((3, 10, 20, 25))), CANNOT_TELL),
        (moves(36, {0: 100, **every((10, 20, 25, 30), 3)}), CANNOT_TELL),
        # Each step is followed by one back.
        (moves(200, {7 * i + 21: (-1) ** i for i in range(20)}), SETTLING),
        (moves(200, {7 * i + 21: (-1) ** i for i in range(21)}), NO_STEPS),
    ],
)
def test_few_steps_of_a_still_level_bound_the_chance(made: Floats, chance: float) -> None:
    assert least_p_no_growth([level(made)], [FLAT], jumpy=False) == chance
    shorter = level(made[:5])
    assert least_p_no_growth([shorter, level(made), shorter], [FLAT], jumpy=False) == chance


def test_only_what_is_still_or_jumpy_is_a_matter_of_steps() -> None:
    restless = level(np.tile([1.0, 2.0], 20))
    late = level(moves(40, {30: 10.0}))
    assert least_p_no_growth([restless], [late], jumpy=False) == NO_STEPS
    assert least_p_no_growth([restless], [late], jumpy=True) == CANNOT_TELL
    # Seven even steps are no chance, but what follows may still be few steps of the floors.
    even = level(moves(40, every((8, 12, 16, 20, 25, 30, 35))))
    assert least_p_no_growth([even], [late], jumpy=False) == CANNOT_TELL
    assert least_p_no_growth([even], [level(moves(38, {})), late], jumpy=False) == CANNOT_TELL


@pytest.mark.parametrize(
    ("early", "late", "chance"),
    [
        # What is late: the moves that begin in the middle or after it.
        ([0, 0, 0, 0], [1, 0, 0, 0], CANNOT_TELL),
        ([0, 0, 0, 1], [0, 0, 0, 0], NO_STEPS),
        ([0, 0, 0, 0, 1], [0, 0, 0, 0], NO_STEPS),
        ([0, 0, 0, 0, 0], [1, 0, 0, 0], CANNOT_TELL),
        # A large step is more than six times the median one, of at least four.
        ([0] * 5, [1, 1, 1, 1, 6], NO_STEPS),
        ([0] * 4, [1, 1, 1, 7], CANNOT_TELL),
        ([0] * 4, [1, 1, 1, -7], SETTLING),
        ([0] * 3, [1, 1, 7], NO_STEPS),
        ([0] * 3, [7, 1, 1], NO_STEPS),
        # Where the level did not rise, it settles.
        ([0] * 5, [0, 1, 0, 0, -1], SETTLING),
        ([0] * 5, [0, 1, 0, 0, -3], SETTLING),
        ([0] * 4, [0, 0, 0.5, 0], CANNOT_TELL),
        # The large steps carry three fifths of the rise.
        ([0] * 7, [1, 1, 1, 1, 1, 1, 9], CANNOT_TELL),
        ([0] * 8, [1, 1, 1, 1, 1, 1, 1, 9], NO_STEPS),
        ([0] * 10, [*[1] * 9, 7], NO_STEPS),
        # Five steps go on, four may not.
        ([0] * 11, [1] * 4 + [0] * 7, CANNOT_TELL),
        ([0] * 11, [1] * 5 + [0] * 6, NO_STEPS),
        ([0] * 11, [1, 1, 1, 1, 0.5] + [0] * 6, CANNOT_TELL),  # worth 4.76
        ([0] * 13, [1, 1, 1, 1, 0.5, 0.5] + [0] * 7, NO_STEPS),  # worth 5.56
        # Slower than at first: 7 of 20 is not below 35%.
        ([13, *[0] * 14], [1] * 7 + [0] * 8, NO_STEPS),
        ([13, *[0] * 14], [7, *[0] * 14], CANNOT_TELL),
        ([14, *[0] * 14], [1] * 7 + [0] * 8, CANNOT_TELL),
        ([14, *[0] * 14], [7, *[0] * 14], SETTLING),
        ([0] * 14 + [14], [0] * 14 + [7], SETTLING),
        # Below 35%, eleven steps do not go on, and twelve do.
        ([39, *[0] * 24], [1] * 11 + [0] * 14, CANNOT_TELL),  # 22%
        ([40, *[0] * 24], [1] * 11 + [0] * 14, SETTLING),
        ([40, *[0] * 24], [1] * 12 + [0] * 13, NO_STEPS),
        ([15, *[0] * 12], [1] * 5 + [0] * 7, CANNOT_TELL),  # 25%, and as many as five
        ([15, *[0] * 12], [1] * 4 + [0] * 8, SETTLING),
        # What fell before has no share in the rise.
        ([-9, *[0] * 10], [1] * 4 + [0] * 7, CANNOT_TELL),
    ],
)
def test_the_late_steps_that_carry_the_rise(
    early: Sequence[float], late: Sequence[float], chance: float
) -> None:
    made = np.array([*early, *late], dtype=np.float64)
    assert _few_late_steps(level(made)) == chance
    assert _few_late_steps(level(made * 2.0**-20)) == chance


def test_huge_steps_do_not_overflow() -> None:
    huge = LevelPoints(np.arange(20.0), np.where(np.arange(20) > 11, 1e100, 0.0), 0.0)
    assert _few_late_steps(huge) == CANNOT_TELL
    assert least_p_no_growth([huge], [huge], jumpy=False) == SETTLING


def noisy(count: int, spikes: Mapping[int, float]) -> Floats:
    """Values of -1, 0 and 1 in turn, whose running median is 0 and whose usual distance from it is 1."""
    values = np.resize([1.0, -1.0, 0.0], count)
    for place, height in spikes.items():
        values[place] = height
    return values


USUAL = 1.4826


@pytest.mark.parametrize(
    ("count", "spikes", "removed"),
    [
        (27, (12,), False),
        (28, (12,), True),
        (30, (9, 15), True),
        (30, (9, 15, 21), False),  # a tenth of all samples
        (31, (9, 15, 21), True),
    ],
)
def test_rare_spikes_become_the_running_median(
    count: int, spikes: Sequence[int], removed: bool
) -> None:
    spiky, quiet = (100 + noisy(count, every(spikes, height)) / 64 for height in (40.0, 0.0))
    assert _without_spikes(spiky).tolist() == (quiet if removed else spiky).tolist()


def test_a_spike_of_exactly_eight_usual_distances_is_none() -> None:
    low, high = noisy(40, {18: 8 * USUAL}), noisy(40, {18: 8 * USUAL + 1e-9})
    assert _without_spikes(low)[18] == 8 * USUAL
    assert _without_spikes(high)[18] == 0.0
    assert _without_spikes(noisy(40, {18: -40.0}))[18] == 0.0


def test_a_spike_above_no_noise_is_a_step_and_back() -> None:
    values = np.where(np.arange(30) == 12, 5.0, 0.0)
    assert _without_spikes(values).tolist() == values.tolist()


def test_a_spike_becomes_the_median_of_seven_samples_around_it() -> None:
    values = 100 + noisy(40, {}) + 0.01 * np.arange(40)
    values[[0, 20, 39]] += 500.0
    cleaned = _without_spikes(values)
    padded = [values[0]] * 3 + values.tolist() + [values[-1]] * 3
    assert cleaned[20] == sorted(values[17:24])[3]
    assert cleaned[0] == sorted(padded[0:7])[3]
    assert cleaned[39] == sorted(padded[39:46])[3]
    assert np.delete(cleaned, [0, 20, 39]).tolist() == np.delete(values, [0, 20, 39]).tolist()


@pytest.mark.parametrize(
    ("signs", "back"),
    [
        ([1, -1] * 10, False),
        ([1, -1] * 10 + [1], True),
        ([1, 0, -1, 0] * 10 + [1], True),  # resting is no step
        ([1, 0, -1, 0] * 10, False),
        ([1] * 4 + [-1, 1] * 8 + [-1], True),  # 17 changes in 20
        ([1] * 5 + [-1, 1] * 8, False),  # 16 in 20, exactly four fifths
        ([1] * 30, False),
    ],
)
def test_steps_go_back_where_over_four_fifths_are_followed_by_one_back(
    signs: Sequence[int], back: bool
) -> None:
    assert _goes_back(3.0 * np.array(signs, dtype=np.float64)) is back


def rises_at(span: int, at: Sequence[float]) -> LevelPoints:
    """A count over `span` seconds that rises by one at each of these seconds after `BEGAN`."""
    return level(moves(span, every([int(second) - 1 for second in at])))


SLOWED = tuple(range(2, 8))


@pytest.mark.parametrize(
    ("span", "at", "chance"),
    [
        (40, (10, 30), 1.0),
        (
            40,
            (10, 20, 30),
            1.0,
        ),  # one of three is in the later half, and none in the last third twice more
        (40, (10, 25, 30), 0.3),
        (40, (10, 12, 25, 30), 0.15),
        (50, (10, 12, 30, 35, 40), 0.075),
        (80, (10, 20, 30, 40, 50, 60, 70, 78), 0.01),
        # At most a tenth of the samples rise.
        (30, (5, 17, 25), 0.3),
        (29, (5, 17, 25), 1.0),
        # Exactly in the middle is not late.
        (40, (5, 10, 20, 30), 1.0),
        (40, (5, 10, 21, 30), 0.15),
        # 7 of 20 late is not slowed.
        (200, (*range(1, 14), 110, 120, 130, 150, 160, 170, 195), 0.01),
        (210, (*range(1, 15), 110, 120, 130, 150, 160, 170, 205), CANNOT_TELL),
        # Two and a half usual waits without a rise: stopped. Ten rises in 120 s make 30 s.
        (120, (5, 10, 15, 20, 30, 40, 65, 70, 75, 90), 0.01),
        (120, (5, 10, 15, 20, 30, 40, 65, 70, 75, 89), 1.0),
        # Stopped by all rises, but not by those of the last third.
        (240, (*range(3, 90, 8), *range(121, 131), 165, 170, 175), CANNOT_TELL),
        # Slowed, but it goes on to the end: three rises in the last third.
        (120, (*SLOWED, 85, 90, 100), CANNOT_TELL),
        (120, (*SLOWED, 70, 90, 100), 1.0),
        (120, (*SLOWED, 80, 90, 100), 1.0),  # exactly where the last third begins
        (120, (*SLOWED, 81, 90, 100), CANNOT_TELL),
        (180, (*SLOWED, 122, 126, 130), 1.0),  # exactly two and a half waits before the end
        (180, (*SLOWED, 122, 126, 131), CANNOT_TELL),
        (180, (*SLOWED, 8, 122, 124, 126, 131), 1.0),  # four make a shorter wait
    ],
)
def test_a_count_that_only_rises_is_likelier_to_go_on_with_each_rise(
    span: int, at: Sequence[float], chance: float
) -> None:
    assert most_p_no_growth([rises_at(span, at)]) == pytest.approx(chance, rel=1e-12)


def test_a_count_that_ever_falls_may_have_no_growth() -> None:
    assert most_p_no_growth([level(moves(40, {10: 1, 24: 1, 30: 1, 35: 1}))]) < 1
    assert most_p_no_growth([level(moves(40, {10: 1, 24: 1, 30: 1, 35: 1, 37: -0.5}))]) == 1


def test_the_longest_life_counts() -> None:
    short, long = rises_at(30, (5,)), rises_at(40, (10, 25, 30))
    assert most_p_no_growth([short, long, short]) == pytest.approx(0.3)
    assert late_to_early_rise([level([0.0, 5.0]), level(np.ones(20))]) == 1
    assert not flickers([level(np.zeros(12)), level(np.ones(20))])


@pytest.mark.parametrize(
    ("values", "none_gained"),
    [
        ((2, 1, 2, 3, 2, 3, 1, 2, 1), True),
        ((2, 1, 2, 4, 2, 3, 1, 2, 1), False),  # it moves by three
        ((2, 1, 2, 3, 2, 3, 2, 2, 1), False),  # down once
        ((1, 1, 2, 3, 2, 1, 2, 3, 1), False),  # the other times are before the last third
        ((1, 1, 1, 3, 2, 1, 2, 3, 2), False),
        ((2, 2, 2, 2, 2, 2, 1, 2, 1), True),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0), True),
    ],
)
def test_a_count_flickers_where_it_is_down_twice_in_the_last_third(
    values: Sequence[float], none_gained: bool
) -> None:
    column = np.array(values, dtype=np.float64)
    assert flickers([LevelPoints(np.arange(9.0), column, 0.0)]) is none_gained


@pytest.mark.parametrize(
    ("levels", "ratio"),
    [
        ((0, 1, 3), 2.0),
        ((0, 2, 3), 0.5),
        ((0, 0.5, 1), 1.0),
        ((0, 1, 1), 0.0),
        ((0, 1, 0.5), 0.0),
        ((0, 0, 0.5), math.inf),
        ((0, -1, 0), math.inf),
        ((0, 0, 0), 0.0),
    ],
)
def test_the_late_rise_is_divided_by_the_early_one(levels: Sequence[float], ratio: float) -> None:
    # One value of each third is far away, and the median does not see it.
    values = np.array([part for each in levels for part in (each, each, 99.0)], dtype=np.float64)
    assert late_to_early_rise([LevelPoints(np.arange(9.0), values, 0.0)]) == ratio
