"""Series cut at restarts and cleaned of what is not a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.process_lives import _restarts, clean, split, too_few
from soak.model import Floats
from tests.analysis.series import noise, subject

SECONDS = np.arange(900.0)


def test_clean_sorts_and_leaves_out_what_is_not_finite() -> None:
    times, values = clean(
        np.array([3.0, 1, 2, 2, np.nan, 5]), np.array([3.0, 1, np.inf, 2, 9, np.nan])
    )
    assert times.tolist() == [1, 2, 3]
    assert values.tolist() == [1, 2, 3]


def test_known_restarts_cut_where_they_are() -> None:
    lives = split(subject(noise(900), borders=(300.0, 600.0, -5.0, 1e9, np.nan)))
    assert [len(life.times) for life in lives] == [300, 300, 300]
    assert [life.born for life in lives] == [0, 300, 600]


def test_what_is_not_judged_is_left_out_but_birth_is_remembered() -> None:
    (life,) = split(subject(noise(900), judged_from=100.0))
    assert life.times[0] == 100
    assert life.born == 0


def test_a_sharp_drop_to_the_first_level_is_a_restart() -> None:
    lives = split(subject(100 + 0.1 * (SECONDS % 500) + 0.2 * noise(900)))
    assert [life.born for life in lives] == pytest.approx([0, 500], abs=5)


def test_where_identity_is_known_a_drop_is_no_restart() -> None:
    assert len(split(subject(100 + 0.1 * (SECONDS % 500) + 0.2 * noise(900), borders=()))) == 1


def test_a_quick_start_after_a_drop_is_a_restart_too() -> None:
    age = SECONDS % 300
    lives = split(subject(100 + 20 * (1 - np.exp(-age / 6)) + 0.2 * noise(900)))
    assert [life.born for life in lives] == pytest.approx([0, 300, 600], abs=3)


@pytest.mark.parametrize(
    "values",
    [
        100 + 10 * (SECONDS / 60 % 1),
        100 + 10 * np.sin(SECONDS / 50),
        100 + 20 * ((SECONDS > 400) & (SECONDS < 420)),
        100 - 0.1 * SECONDS,
        100 + np.cumsum(noise(900)),
        100 + 10 * (SECONDS // 90 % 2),
        100 + 12 * (SECONDS % 97 / 97) * (1 + SECONDS // 97 % 3),
    ],
    ids=["collections", "cycle", "burst", "decline", "wander", "switch", "uneven collections"],
)
def test_what_is_no_restart_is_not_taken_for_one(values: Floats) -> None:
    assert len(split(subject(values + 0.1 * noise(900)))) == 1


def test_a_heap_that_is_collected_falls_without_a_restart() -> None:
    assert len(split(subject(100 + 0.1 * (SECONDS % 500) + 0.2 * noise(900), collected=True))) == 1


def at_once(length: int, height: float = 10.0) -> list[float]:
    """A life that is up from its second sample on."""
    return [0.0] + [height] * (length - 1)


def climb(length: int, slope: float = 1.0) -> list[float]:
    """A life that climbs evenly, as a heap does between collections."""
    return [slope * age for age in range(length)]


def climbs_of(*lengths: int) -> list[float]:
    return [value for length in lengths for value in climb(length)]


SLOW = [0.0] * 6 + [5.0] + [10.0] * 23
TWO = at_once(30)
THREE = climbs_of(21, 21, 21)


@pytest.mark.parametrize(
    ("levels", "restarts"),
    [
        (TWO + TWO, [30]),
        # At least forty samples, five before a restart and six from it on.
        (at_once(20) + at_once(20), [20]),
        (at_once(20) + at_once(19), []),
        (at_once(5) + at_once(45), [5]),
        (at_once(4) + at_once(46), []),
        (at_once(40) + at_once(6), [40]),
        (at_once(40) + at_once(5), []),
        # One life may be five samples long.
        (at_once(40) + at_once(5) + at_once(20), [40, 45]),
        # A fall over two samples is at once, one over three is not.
        ([*TWO, 5.0, *TWO], [30]),
        ([*TWO, 5.0, 5.0, *TWO], []),
        ([*TWO, 13.0, 6.0, *TWO], [31]),
        ([*TWO, 6.0, *TWO], [31]),  # still nearer to what was before
        # It falls by over 60% of the height,
        ([*TWO[:-2], 6.0, 6.0, *TWO], []),
        ([*TWO[:-1], 7.0, *TWO], [30]),
        # to less than 30% above where the process began,
        ([0.0, 5.0, *TWO[2:], 3.0, 5.0, *TWO[2:]], []),
        ([0.0, 5.0, *TWO[2:], 2.0, 5.0, *TWO[2:]], [30]),
        ([0.0, 5.0, *TWO[2:], -5.0, 5.0, *TWO[2:]], [30]),
        # over 30% of the whole range.
        (at_once(30, 30) + at_once(30, 30) + [*range(40, 100, 10), *[100] * 9], []),
        (at_once(30, 30) + at_once(30, 30) + [*range(39, 99, 10), *[99] * 9], [30]),
        # What follows resembles the first start, to 30% of the height on average.
        ([*SLOW, 0, 3, 3, 4, 4, 4, 5, *([10] * 23)], []),
        ([*SLOW, 0, 3, 3, 3, 4, 4, 5, *([10] * 23)], [30]),
        ([*SLOW, 0, -3, 3, -4, 4, -4, 5, *([10] * 23)], []),
        # Each level had lasted for more than 4% of all samples, at over 30% of its height.
        (at_once(60) + at_once(5) + at_once(35), []),
        (at_once(60) + at_once(6) + at_once(34), [60, 66]),
        ([*at_once(60), 0.0, 3.0, *([10.0] * 4), *at_once(34)], []),
        ([*at_once(60), 0.0, 4.0, *([10.0] * 4), *at_once(34)], [60, 66]),
        ([10, 0, 10, 10, 10, 10, 0, 0, *[10] * 92], [6]),
        # At most twenty restarts.
        (at_once(10) * 21, [10 * life for life in range(1, 21)]),
        (at_once(10) * 22, []),
        # A level that leaps up by over 60% after the first samples of a life switches.
        (([0.0] * 4 + [10.0] * 26) * 2, [30]),
        (([0.0] * 5 + [10.0] * 25) * 2, []),
        ([0] * 5 + [10] * 25 + [0] * 4 + [10] * 26, []),
        ([0] * 4 + [10] * 26 + [0] * 5 + [10] * 25, []),
        (TWO + TWO + [16.0] * 10, [30]),
        (TWO + TWO + [17.0] * 10, []),
        (at_once(30, 12) + at_once(30) + at_once(12) + [16.0] * 10, [30, 60]),
        (at_once(30, 12) + at_once(30) + at_once(12) + [17.0] * 10, []),
        # After even climbs, three falls of one pace are collections.
        (climbs_of(20, 20, 20), [20, 40]),
        (climbs_of(20, 20, 20, 20), []),
        (climbs_of(30, 20, 20, 30), []),
        (climbs_of(20, 30, 20, 20), [20, 50, 70]),
        (climbs_of(80, 46, 34, 40), [80, 126, 160]),  # 15% apart
        (climbs_of(80, 45, 34, 40), []),
        # So are three of one height, whatever their pace.
        ([*climb(40, 0.5), *climb(20), *climb(32, 0.625), *climb(30)], []),
        ([*climb(40, 0.5), *climb(20), *climb(32, 0.875), *climb(30)], [40, 60, 92]),
        # Lives that are mostly at three quarters of their height did not climb.
        ([0.0, 1.0, 2.0, 3.0, *[3.9] * 3, *[6.0] * 8, *[8.0] * 5] * 4, [20, 40, 60]),
        ([0.0, 1.0, 2.0, 3.0, *[3.9] * 3, *[5.9] * 8, *[8.0] * 5] * 4, []),
        # Nor did lives that are at half of their height within a quarter of it.
        ([0.0, 1.0, 2.0, 3.0, *[4.0] * 3, *[5.9] * 8, *[8.0] * 5] * 4, [20, 40, 60]),
        # Over seven falls after climbs are collections.
        (climbs_of(*[20, 30] * 4), [20, 50, 70, 100, 120, 150, 170]),
        (climbs_of(*[20, 30] * 4, 20), []),
        # So are two smaller falls beside two large ones: by more than a quarter of the height.
        ([*THREE, *range(14, 24), *range(17, 23)], []),
        ([*range(8), *range(1, 21), *climb(21), *climb(20), *range(13, 23)], []),
        ([*THREE, *range(14, 30)], [21, 42]),
        ([*THREE, *range(14, 24), *range(18, 24)], [21, 42]),  # a quarter
        ([*THREE, 13.0, 16.0, 20.0, *range(13, 23)], []),
        ([*THREE, 13.0, 20.0, *range(13, 23)], [21, 42]),  # too soon after each other
    ],
)
def test_a_restart_at_the_boundary_of_each_of_its_conditions(
    levels: Sequence[float], restarts: Sequence[int]
) -> None:
    assert _restarts(np.array(levels, dtype=np.float64), 0.0) == restarts
    assert _restarts(1000.0 + np.array(levels, dtype=np.float64), 0.0) == restarts


@pytest.mark.parametrize(
    ("first", "least", "found"),
    [
        ([0.0, 5.0], 9.0, True),
        ([0.0, 5.0], 10.0, False),
        ([5.0, 0.0], 9.0, True),
        ([5.0, 5.0, 0.0], 9.0, False),
        ([3.0, 5.0], 6.0, True),
    ],
)
def test_a_restart_is_higher_than_the_least_above_the_lower_of_the_first_two(
    first: list[float], least: float, found: bool
) -> None:
    life = first + [10.0] * (30 - len(first))
    assert _restarts(np.array(life + TWO), least) == ([30] if found else [])


def test_the_third_sample_is_no_level_that_a_process_began_at() -> None:
    life = [5.0, 5.0, 0.0] + [10.0] * 27
    assert _restarts(np.array([*life, 2.0, *life[1:]]), 4.0) == [30]
    assert _restarts(np.array([*life, 2.0, *life[1:]]), 5.0) == []


QUIET = 1.4826  # the usual scatter, where most values differ by one from those beside them


@pytest.mark.parametrize(
    ("height", "found"),
    [(14.0, False), (10 * QUIET, False), (15.0, True), (20.0, True)],
)
def test_a_restart_is_higher_than_ten_times_the_scatter(height: float, found: bool) -> None:
    life = [0.0, height, *[height + 1, height] * 12, *[height] * 5]
    assert _restarts(np.array(life * 2), 0.0) == ([31] if found else [])


@pytest.mark.parametrize(("second", "found"), [(11.4, True), (13.2, False)])
def test_the_start_may_differ_by_three_times_the_scatter_more(second: float, found: bool) -> None:
    first = [0.0] * 6 + [8.0, 16.0, *[21.0, 20.0] * 11, *[20.0] * 5]
    again = [0.0] + [second] * 5 + [16.0, *[21.0, 20.0] * 14]
    assert _restarts(np.array(first + again), 0.0) == ([35] if found else [])


def test_long_series_are_searched_in_pairs() -> None:
    level = np.concatenate((at_once(601), at_once(650)))
    assert _restarts(level[:1199], 0.0) == [601]
    assert _restarts(level[:1200], 0.0) == [600]
    assert _restarts(level[:1201], 0.0) == [600]


@pytest.mark.parametrize(
    ("times", "values", "kept"),
    [
        ([0, 1, 2], [5, 6, 7], [(0, 5), (1, 6), (2, 7)]),
        ([0, 1, 1.5], [5, 6, 7], [(0, 5), (1, 6), (1.5, 7)]),
        ([1, 1, 2], [5, 6, 7], [(1, 6), (2, 7)]),
        ([2, 1.5, 1.5, 1], [5, 6, 7, 8], [(1, 8), (1.5, 7), (2, 5)]),
        ([1, 2, 3, 4], [5, 6], [(1, 5), (2, 6)]),
        ([1, 2], [5, 6, 7, 8], [(1, 5), (2, 6)]),
        ([4], [5], [(4, 5)]),
        ([], [], []),
        ([1, 2, 1e15], [5, 6, 7], [(1, 5), (2, 6)]),
        ([-1e15, 1, 1e15 - 0.5], [5, 6, 7], [(1, 6), (1e15 - 0.5, 7)]),
        ([1, 2, 3], [1e150, -1e150, 9e149], [(3, 9e149)]),
        ([1, 2, np.inf, 4], [np.nan, 6, 7, 8], [(2, 6), (4, 8)]),
    ],
)
def test_clean_keeps_the_last_of_equal_times_and_what_can_be_squared(
    times: Sequence[float], values: Sequence[float], kept: Sequence[tuple[float, float]]
) -> None:
    columns = clean(np.array(times, dtype=np.float64), np.array(values, dtype=np.float64))
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == kept


def lengths(subject: Subject) -> list[tuple[int, float]]:
    """How many samples each life has, and when it began."""
    return [(len(life.times), life.born) for life in split(subject)]


@pytest.mark.parametrize(
    ("borders", "lives"),
    [
        ((), [(10, 100)]),
        ((100.0,), [(10, 100)]),
        ((100.5,), [(1, 100), (9, 101)]),
        ((101.0,), [(1, 100), (9, 101)]),
        ((104.0, 104.0), [(4, 100), (6, 104)]),
        ((109.0,), [(9, 100), (1, 109)]),
        ((109.5,), [(10, 100)]),
        ((np.nan, np.inf, -np.inf, 102.0), [(2, 100), (8, 102)]),
    ],
)
def test_a_border_begins_a_life_with_the_first_sample_from_it_on(
    borders: tuple[float, ...], lives: Sequence[tuple[int, float]]
) -> None:
    values, times = np.arange(10.0), 100 + np.arange(10.0)
    assert lengths(subject(values, times, borders=borders)) == lives
    assert lengths(subject(values, times, borders=(), gaps=borders)) == lives


def test_a_life_that_ended_before_judging_began_is_left_out() -> None:
    for judged_from, lives in (
        (3.0, [(1, 0), (6, 4)]),
        (4.0, [(6, 4)]),
        (5.0, [(5, 4)]),
        (9.0, [(1, 4)]),
        (9.5, []),
    ):
        assert (
            lengths(subject(np.arange(10.0), borders=(4.0,), judged_from=judged_from)) == lives
        ), judged_from
    assert split(subject([])) == []


def test_unknown_restarts_are_found_within_each_stretch_of_the_load() -> None:
    levels = np.array(at_once(30) + at_once(40) + at_once(50) + at_once(25))
    assert lengths(subject(levels, gaps=(70.0,))) == [(30, 0), (40, 30), (50, 70), (25, 120)]


def test_a_count_that_falls_by_five_is_no_restart() -> None:
    for height, integer, found in (
        (5.0, True, False),
        (6.0, True, True),
        (1.0, False, True),
        (5.0, False, True),
    ):
        levels = np.array(at_once(30, height) * 2)
        assert len(split(subject(levels, integer=integer))) == 1 + found, (height, integer)


def test_a_saw_has_no_restarts_whether_it_climbs_evenly_or_at_once() -> None:
    """What has collections is judged by its floors."""
    tooth = [0.0, 3.0, 6.0, 9.0, *[10.0] * 16]
    assert _restarts(np.array(tooth * 6), 0.0) == [20, 40, 60, 80, 100]
    assert len(split(subject(tooth * 6))) == 1


@pytest.mark.parametrize("known", [{"borders": ()}, {"collected": True}])
def test_where_a_restart_would_be_known_or_falls_are_collections_none_is_guessed(
    known: dict[str, Any],
) -> None:
    assert len(split(subject(TWO + TWO, **known))) == 1
    assert len(split(subject(TWO + TWO))) == 2


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((1,), "1 sample is too few, at least 9 more are needed"),
        ((9,), "9 samples are too few, at least 1 more are needed"),
        ((20,), "20 samples are too few, at least 1 more are needed"),
        ((4, 4), "8 samples are too few, at least 3 more are needed"),
        ((4, 4, 2), "10 samples are too few, at least 2 more are needed"),
        ((9, 10), "19 samples are too few, at least 1 more are needed"),
        ((9, 11), "no process lived long enough, the longest gave 11 samples"),
    ],
)
def test_what_is_missing_is_said(counts: Sequence[int], said: str) -> None:
    lives = [LevelPoints(np.arange(float(n)), np.arange(float(n)), 0.0) for n in counts]
    assert too_few(lives, max(counts)) == said
