"""A level that switches between two states: the clusters against all other cuts, and each condition at its boundary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from soak.analysis.statistics.two_level_regime import _upper, _with_cut_blocks, state_column
from soak.model import Floats


def between(values: Sequence[int], cut: int) -> Fraction:
    """The variance between the lowest `cut` of some values and the others, times the square of their number."""
    order = sorted(values)
    low, high = order[:cut], order[cut:]
    apart = Fraction(sum(low), len(low)) - Fraction(sum(high), len(high))
    return apart**2 * len(low) * len(high)


@pytest.mark.parametrize("seed", range(40))
def test_the_upper_cluster_is_that_of_the_best_of_all_cuts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice(200, 2 + seed % 9, replace=False).tolist()
    best = max(range(1, len(values)), key=lambda cut: between(values, cut))
    highest = set(sorted(values)[best:])
    assert _upper(np.array(values, dtype=np.float64)).tolist() == [
        value in highest for value in values
    ]


def test_values_that_are_alike_lie_in_the_same_cluster() -> None:
    values = np.array([5.0, 1, 5, 1, 1, 5, 1, 2])
    assert _upper(values).tolist() == [True, False, True, False, False, True, False, False]


@pytest.mark.parametrize(
    ("parts", "states"),
    [
        ([0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0]),
        ([0, 0.3, 1, 1, 0, 0], [0, 0.3, 1, 1, 0, 0]),
        ([0, 0, 0.6, 1, 0, 0], [0, 0, 0.6, 1, 0, 0]),
        ([0, 0, 1, 0.6, 0, 0], [0, 0, 1, 0.6, 0, 0]),
        ([0, 0, 1, 1, 0.3, 0], [0, 0, 1, 1, 0.3, 0]),
        # Of the two at a switch, the one further from its state; the first of two alike.
        ([0, 0.3, 0.6, 1, 0, 0], [0, 0, 0.6, 1, 0, 0]),
        ([0, 0.45, 0.6, 1, 0, 0], [0, 0.45, 1, 1, 0, 0]),
        ([0, 0.25, 0.75, 1, 0, 0], [0, 0.25, 1, 1, 0, 0]),
        ([0, 0.9, 0.6, 1, 0, 0], [0, 0.9, 1, 1, 0, 0]),
        # By more than a hundredth of the way.
        ([0, 0.01, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0]),
        ([0, 0.02, 1, 1, 0, 0], [0, 0.02, 1, 1, 0, 0]),
        ([0, 0.98, 1, 1, 0, 0], [0, 0.98, 1, 1, 0, 0]),
        ([0, 0.99, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0]),
        ([0, -0.5, 1, 1.5, 0.4, 0], [0, 0, 1, 1, 0, 0]),
        # Away from a switch, none is cut through.
        ([0.4, 0, 1, 1, 0, 0.4], [0, 0, 1, 1, 0, 0]),
    ],
)
def test_a_point_that_a_switch_cuts_through_keeps_its_part(
    parts: Sequence[float], states: Sequence[float]
) -> None:
    high = np.array([False, False, True, True, False, False])
    assert _with_cut_blocks(high, np.array(parts, dtype=np.float64)).tolist() == states


@pytest.mark.parametrize(("part", "cut"), [(0.83, False), (0.81, True), (0.5, True), (0.19, True)])
def test_a_point_is_cut_through_if_it_lies_further_from_its_state_than_noise(
    part: float, cut: bool
) -> None:
    """The others lie 0.031 from theirs in the median, a standard deviation of 0.046: four are 0.184."""
    state = np.repeat([0.0, 1.0], 10)
    parts = state + 0.031 * np.resize([1.0, -1.0], 20)
    parts[10] = part
    assert _with_cut_blocks(state > 0, parts)[10] == (part if cut else 1.0)


def switching(count: int, *at: int) -> Floats:
    """0 and 1, switching at each of these places."""
    passed = np.searchsorted(np.array(at), np.arange(count), side="right")
    return np.asarray(passed % 2, dtype=np.float64)


def line(count: int) -> Floats:
    return np.column_stack((np.ones(count), np.arange(count) / count))


def every(count: int, span: int) -> Floats:
    return switching(count, *range(span, count, span))


@pytest.mark.parametrize(
    ("states", "switches"),
    [
        (switching(40, 10, 20), None),
        (switching(40, 10, 20, 30), 3),
        (switching(40, 5, 9, 13, 15, 19, 23, 28, 30, 34, 38), 10),  # exactly a quarter
        (switching(40, 5, 9, 13, 15, 19, 23, 28, 30, 34, 36, 38), None),
        (switching(44, 5, 9, 13, 15, 19, 23, 28, 30, 34, 36, 38), 11),
    ],
)
def test_three_switches_to_one_in_four_points_make_two_states(
    states: Floats, switches: int | None
) -> None:
    count = len(states)
    found = state_column(100 + 7 * states, line(count))
    if switches is None:
        assert found is None
        return
    assert found is not None
    assert found[0].tolist() == states.tolist()
    share = switches / count
    assert found[1] == pytest.approx(
        count * (share * math.log(share) + (1 - share) * math.log(1 - share))
    )


@pytest.mark.parametrize(("spread", "found"), [(2.4, True), (2.6, False)])
def test_two_states_leave_at_most_a_fifth_of_the_variance(spread: float, found: bool) -> None:
    """Each at its level or apart from it by `spread`: at 2.5, a fifth of the variance is within the states."""
    values = 50 + 10 * every(80, 8) + spread * np.resize([1.0, -1.0, -1.0, 1.0], 80)
    assert (state_column(values, line(80)) is not None) is found


@pytest.mark.parametrize(("low", "high"), [(3.4, 0.0), (0.0, 3.4)])
def test_the_spread_of_both_states_counts_together(low: float, high: float) -> None:
    """In one state alone, a fifth of the variance is the spread's at 3.54."""
    states = every(80, 8)
    spread = np.where(states > 0, high, low) * np.resize([1.0, -1.0, -1.0, 1.0], 80)
    assert state_column(50 + 10 * states + spread, line(80)) is not None


def test_states_are_found_beneath_much_larger_growth() -> None:
    states = switching(60, 7, 15, 29, 41, 52)
    found = state_column(20 + 5 * states + 300 * np.arange(60) / 60, line(60))
    assert found is not None
    assert found[0].tolist() == states.tolist()


def test_states_are_found_beside_growth_over_a_gap() -> None:
    """A line through both states at once takes nearly half of the growth, and splits early from late values."""
    times = np.concatenate(
        [
            begin + 0.0056 * np.arange(count)
            for begin, count in ((0.0, 56), (0.334, 26), (0.497, 12), (0.834, 27), (0.997, 2))
        ]
    )
    states = 1 - switching(len(times), 56, 82, 94, 121)
    values = 0.415 * states + 0.87 * times
    found = state_column(values, np.column_stack((np.ones(len(times)), times)))
    assert found is not None
    assert found[0].tolist() == states.tolist()


@pytest.mark.parametrize(
    ("count", "at", "slope"),
    [(58, (3, 5, 15, 17, 28), 10), (55, (9, 15, 25), 0), (62, (21, 24, 33, 38, 41), -12)],
)
def test_states_that_a_line_hides_at_first_are_found_in_a_few_rounds(
    count: int, at: Sequence[int], slope: float
) -> None:
    """The states lean to one end, so that the line takes part of them: the last two need all six rounds."""
    states = switching(count, *at)
    found = state_column(20 + 5 * states + slope * np.arange(count) / count, line(count))
    assert found is not None
    assert found[0].tolist() == states.tolist()


def test_a_point_cut_through_lies_at_its_part_between_the_states() -> None:
    states = switching(60, 7, 15, 29, 41, 52)
    for part in (0.3, 0.7):
        values = 20 + 5 * states
        values[14] = 20 + 5 * part  # the last of the higher state
        found = state_column(values, line(60))
        assert found is not None
        assert found[0][14] == pytest.approx(part, abs=0.02)
        assert np.delete(found[0], 14).tolist() == np.delete(states, 14).tolist()
