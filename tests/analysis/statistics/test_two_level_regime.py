"""A level that switches between two states: the clusters against all other cuts, and each condition at its boundary."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
        ([0, 0.9, 0.6, 1, 0, 0], [0, 0, 1, 1, 0, 0]),
        # Between a fifth and four fifths.
        ([0, 0.2, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0]),
        ([0, 0.21, 1, 1, 0, 0], [0, 0.21, 1, 1, 0, 0]),
        ([0, 0.79, 1, 1, 0, 0], [0, 0.79, 1, 1, 0, 0]),
        ([0, 0.8, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0]),
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


def switching(count: int, *at: int) -> Floats:
    """0 and 1, switching at each of these places."""
    passed = np.searchsorted(np.array(at), np.arange(count), side="right")
    return np.asarray(passed % 2, dtype=np.float64)


def constant(count: int) -> Floats:
    return np.ones((count, 1))


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
@pytest.mark.parametrize("known", [constant, line])
def test_three_switches_to_one_in_four_points_make_two_states(
    states: Floats, switches: int | None, known: Callable[[int], Floats]
) -> None:
    count = len(states)
    found = state_column(100 + 7 * states, known(count))
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
    assert (state_column(values, constant(80)) is not None) is found


@pytest.mark.parametrize(("low", "high"), [(3.4, 0.0), (0.0, 3.4)])
def test_the_spread_of_both_states_counts_together(low: float, high: float) -> None:
    """In one state alone, a fifth of the variance is the spread's at 3.54."""
    states = every(80, 8)
    spread = np.where(states > 0, high, low) * np.resize([1.0, -1.0, -1.0, 1.0], 80)
    assert state_column(50 + 10 * states + spread, constant(80)) is not None


def test_states_are_found_beneath_much_larger_growth() -> None:
    states = switching(60, 7, 15, 29, 41, 52)
    found = state_column(20 + 5 * states + 300 * np.arange(60) / 60, line(60))
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


def test_states_above_a_level_that_is_no_known_column() -> None:
    states = switching(60, 6, 14, 28, 40, 52)
    values = 20 + 5 * states
    values[13] = 20 + 5 * 0.3
    known = np.resize([1.0, -1.0], (60, 1))
    known[12:14] = 0.0  # it has no part in the point that is cut through
    found = state_column(values, known)
    assert found is not None
    assert found[0][13] == pytest.approx(0.3, abs=0.03)
    assert np.delete(found[0], 13).tolist() == np.delete(states, 13).tolist()


def test_a_point_cut_through_lies_at_its_part_between_the_states() -> None:
    states = switching(60, 7, 15, 29, 41, 52)
    for known in (constant, line):
        for part in (0.3, 0.7):
            values = 20 + 5 * states
            values[14] = 20 + 5 * part  # the last of the higher state
            found = state_column(values, known(60))
            assert found is not None
            assert found[0][14] == pytest.approx(part, abs=0.02)
            assert np.delete(found[0], 14).tolist() == np.delete(states, 14).tolist()
