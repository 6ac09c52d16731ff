"""How a cycle is found: its power, its count to a thousandth, its harmonics, and which sets of columns get one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from unittest import mock

import numpy as np
import pytest

from soak.analysis.statistics import cycles
from soak.analysis.statistics.cycles import (
    _harmonics,
    _left,
    _power,
    _rest,
    _strongest,
    _waves,
    cycle_columns,
)
from soak.model import Floats


def turns_of(n: int) -> Floats:
    return np.asarray(2 * np.pi * np.arange(n) / (n - 1))


def basis_of(n: int, *, line: bool = False) -> Floats:
    columns = [np.ones(n), np.arange(n, dtype=np.float64)][: 2 if line else 1]
    return np.asarray(np.linalg.qr(np.column_stack(columns))[0])


def orthogonal(values: Floats, basis: Floats) -> Floats:
    return np.asarray(values - basis @ (basis.T @ values))


def squares_left(values: Floats, *columns: Floats) -> float:
    design = np.column_stack(columns)
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(left @ left)


def test_waves_are_a_sine_and_a_cosine_of_each_harmonic() -> None:
    turns = np.array([0.0, 0.1, 0.5])
    waves = _waves(turns, 3.0, 2)
    expected = [
        [math.sin(3 * t), math.cos(3 * t), math.sin(6 * t), math.cos(6 * t)]
        for t in (0.0, 0.1, 0.5)
    ]
    assert waves == pytest.approx(np.array(expected))


def test_what_columns_and_waves_leave_is_what_least_squares_leaves() -> None:
    n, rng = 30, np.random.default_rng(1)
    values = rng.normal(5, 1, n)
    basis = basis_of(n, line=True)
    rest = orthogonal(values, basis)
    assert _left(values, 3 * basis) == pytest.approx(squares_left(values, basis))
    waves = _waves(turns_of(n), 2.3, 2)
    assert _rest(waves, rest, basis) == pytest.approx(squares_left(values, basis, waves))


def test_a_wave_that_the_columns_hold_already_leaves_all_there_was() -> None:
    n = 30
    basis = basis_of(n)
    rest = orthogonal(np.arange(n, dtype=np.float64) ** 2, basis)
    assert _rest(np.ones((n, 2)), rest, basis) == pytest.approx(float(rest @ rest))


@pytest.mark.parametrize("line", [False, True])
def test_the_power_of_a_count_is_what_its_sine_and_cosine_explain(line: bool) -> None:
    n, rng = 40, np.random.default_rng(2)
    turns, basis = turns_of(n), basis_of(n, line=line)
    rest = orthogonal(rng.normal(0, 1, n), basis)
    counts = np.concatenate((np.linspace(0.02, 1.5, 200), [2.0, 3.3, 7.7]))
    power = _power(turns, counts, rest, basis)
    unusable = 0
    for count, seen in zip(counts, power, strict=True):
        waves = orthogonal(_waves(turns, count, 1), basis)
        gram = waves.T @ waves
        if gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2 <= 0.01 * n**2 / 4:
            assert seen == 0
            unusable += 1
        else:
            explained = float(rest @ rest) - squares_left(rest, waves)
            assert seen == pytest.approx(explained, rel=1e-6)
    assert 20 < unusable < 180


@pytest.mark.parametrize("count", [1.0, 1.4, 1.63, 2.0, 2.9, 5.37, 8.888])
@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_a_count_is_found_to_a_thousandth(count: float, phase: float) -> None:
    n = 80
    basis = basis_of(n)
    rest = orthogonal(np.sin(count * turns_of(n) + phase), basis)
    assert _strongest(turns_of(n), rest, basis) == pytest.approx(count, abs=6e-4)


def test_a_cycle_of_more_than_two_is_sought_by_three_harmonics() -> None:
    """A spike's first wave alone, with noise, would lead to another count."""
    n = 120
    turns, basis = turns_of(n), basis_of(n)
    noise = np.random.default_rng(3).normal(0, 0.2, n)
    for count, few in ((1.45, 1), (3.4, 3)):
        signal = sum(np.cos(k * count * turns) / (2 * k - 1) for k in (1, 2, 3)) + noise
        rest = orthogonal(np.asarray(signal), basis)
        found = _strongest(turns, rest, basis)
        assert found is not None
        near = np.linspace(found - 0.02, found + 0.02, 401)
        left = [_rest(_waves(turns, each, few), rest, basis) for each in near]
        assert found == pytest.approx(float(near[int(np.argmin(left))]), abs=6e-4)


@pytest.mark.parametrize(("best", "few"), [(1.9, 1), (2.0, 3), (2.1, 3)])
def test_from_two_cycles_on_three_harmonics_are_fitted(best: float, few: int) -> None:
    n = 60
    asked: list[int] = []

    def waves(turns: Floats, count: float, harmonics: int) -> Floats:
        asked.append(harmonics)
        return _waves(turns, count, harmonics)

    rest = orthogonal(np.sin(best * turns_of(n)), basis_of(n))
    grid = np.array([best])
    with mock.patch.object(cycles, "_waves", waves), mock.patch.object(cycles, "_CYCLES", grid):
        assert _strongest(turns_of(n), rest, basis_of(n)) == pytest.approx(best, abs=6e-4)
    assert asked == [few] * 39


def test_no_count_lies_below_nine_tenths() -> None:
    n = 60
    rest = orthogonal(np.sin(0.7 * turns_of(n)), basis_of(n))
    assert _strongest(turns_of(n), rest, basis_of(n)) == 0.9


def strongest(count: float, n: int) -> float | None:
    return _strongest(
        turns_of(n), orthogonal(np.sin(count * turns_of(n)), basis_of(n)), basis_of(n)
    )


def test_a_cycle_needs_24_points() -> None:
    assert strongest(2.5, 24) == pytest.approx(2.5, abs=6e-4)
    assert strongest(2.5, 23) is None


def test_a_cycle_has_five_points_at_least() -> None:
    """Of 27 points these are 5.4 cycles, which the grid has exactly."""
    assert strongest(5.4, 27) == pytest.approx(5.4, abs=6e-4)
    assert strongest(5.5, 27) == pytest.approx(5.5, abs=6e-4)
    assert strongest(6.6, 27) is None
    assert strongest(9.0, 27) is None


def test_the_grid_ends_at_forty_cycles() -> None:
    assert strongest(39.6, 240) == pytest.approx(39.6, abs=6e-4)
    assert strongest(40.8, 240) is None


def test_the_grid_begins_at_nine_tenths_and_has_eight_counts_a_cycle() -> None:
    assert cycles._CYCLES[:3] == pytest.approx([0.9, 1.025, 1.15])
    assert cycles._CYCLES[-1] == pytest.approx(39.9)
    assert len(cycles._CYCLES) == 313


@pytest.mark.parametrize(
    ("part", "found"), [(0.15, False), (0.19, False), (0.21, True), (0.3, True)]
)
def test_a_cycle_explains_more_than_a_fifth_of_the_squares(part: float, found: bool) -> None:
    n = 64
    turns = 2 * np.pi * np.arange(n) / n
    basis = basis_of(n)
    # What is not the cycle changes from point to point, where no count of the grid reaches.
    fast = (-1.0) ** np.arange(n)
    rest = math.sqrt(2 * part) * np.sin(3.025 * turns) + math.sqrt(1 - part) * fast
    rest = orthogonal(rest, basis)
    share = _power(turns, cycles._CYCLES[:95], rest, basis).max() / float(rest @ rest)
    assert (share > 0.2) == found
    assert (_strongest(turns, rest, basis) is not None) == found


def harmonics_by_hand(turns: Floats, count: float, rest: Floats, most: Sequence[int]) -> int:
    """The number whose Schwarz criterion is the least."""
    n = len(rest)
    costs = {
        h: n * math.log(squares_left(rest, np.ones(n), _waves(turns, count, h)))
        + 2 * h * math.log(n)
        for h in most
    }
    return min(costs, key=lambda h: costs[h])


@pytest.mark.parametrize("highest", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_as_many_harmonics_are_taken_as_pay_for_their_columns(highest: int, seed: int) -> None:
    n, count = 96, 4.0
    turns, rng = turns_of(n), np.random.default_rng(seed)
    signal = np.sin(count * turns) + 0.35 * np.sin(highest * count * turns)
    rest = orthogonal(signal + rng.normal(0, 0.5, n), basis_of(n))
    seen = _harmonics(turns, count, rest, basis_of(n))
    assert seen == harmonics_by_hand(turns, count, rest, (1, 2, 3, 6))


@pytest.mark.parametrize("amplitude", np.linspace(0.05, 0.6, 12).tolist())
def test_a_second_wave_is_taken_from_the_size_on_that_pays_for_it(amplitude: float) -> None:
    n, count = 48, 3.0
    turns, noise = turns_of(n), np.random.default_rng(8).normal(0, 0.4, n)
    signal = np.sin(count * turns) + amplitude * np.cos(2 * count * turns)
    rest = orthogonal(signal + noise, basis_of(n))
    seen = _harmonics(turns, count, rest, basis_of(n))
    assert seen == harmonics_by_hand(turns, count, rest, (1, 2, 3))


@pytest.mark.parametrize(
    ("n", "count", "expected"),
    [
        (48, 2.0, 6),  # six times two is a quarter of 48
        (47, 2.0, 3),
        (48, 2.1, 3),
        (48, 1.9, 1),  # below two cycles there is one wave
        (96, 4.0, 6),
        (95, 4.0, 3),
        (48, 4.0, 3),
        (47, 4.0, 2),
        (32, 4.0, 2),
        (31, 4.0, 1),
        (40, 30.0, 1),  # one wave is always taken
    ],
)
def test_harmonics_have_four_points_a_wave_at_least(n: int, count: float, expected: int) -> None:
    """All six are there, so as many are taken as may be."""
    turns = turns_of(n)
    signal = sum(np.sin(k * count * turns + k) / k for k in range(1, 7))
    rest = orthogonal(np.asarray(signal), basis_of(n))
    assert _harmonics(turns, count, rest, basis_of(n)) == expected


def test_what_waves_explain_wholly_costs_no_further_wave() -> None:
    n = 48
    turns = turns_of(n)
    assert _harmonics(turns, 3.0, 0.0 * turns, basis_of(n)) == 1


def test_the_columns_are_half_the_waves_on_the_times_since_the_first() -> None:
    n = 60
    times = 10000 + 5 * np.arange(n, dtype=np.float64)
    turns = 2 * np.pi * (times - 10000) / 295
    (columns,) = cycle_columns(times, 7 + np.sin(4.2 * turns), [np.ones((n, 1))])
    assert columns.shape == (n, 2)
    assert columns[:, 0] == pytest.approx(np.sin(4.2 * turns) / 2, abs=0.002)
    assert columns[:, 1] == pytest.approx(np.cos(4.2 * turns) / 2, abs=0.002)


def found_for(
    counts: Sequence[float | None], values: Floats, known: Sequence[Floats]
) -> list[Floats]:
    """The columns where these counts are the strongest beside each set."""
    times = np.arange(len(values), dtype=np.float64)
    with mock.patch.object(cycles, "_strongest", side_effect=counts):
        return cycle_columns(times, values, known)


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ((3.0, 3.0), 1),
        ((3.0, 3.009), 1),
        ((3.0, 3.011), 2),
        ((3.011, 3.0), 2),
        ((0.0, 0.01), 1),  # a hundredth exactly
        ((3.0, None), 1),
        ((None, 3.0), 1),
        ((None, None), 0),
    ],
)
def test_counts_a_hundredth_apart_are_the_same_cycle(
    counts: tuple[float | None, float | None], found: int
) -> None:
    n = 60
    values = np.sin(3.0 * turns_of(n))
    known = [np.ones((n, 1)), np.full((n, 1), 2.0)]
    assert len(found_for(counts, values, known)) == found


@pytest.mark.parametrize(("size", "found"), [(1.45, 2), (1.55, 1)])
def test_a_cycle_that_leaves_half_as_much_again_as_some_columns_do_is_hopeless(
    size: float, found: int
) -> None:
    """The second set explains all but `fast`; beside the first one, the wave leaves `size` as much."""
    n = 64
    index = np.arange(n)
    turns = 2 * np.pi * index / n
    fast = np.cos(np.pi * index)
    step = np.cos(np.pi * index / 2)  # orthogonal to all else
    scale = math.sqrt((size - 1) * float(fast @ fast) / float(step @ step))
    values = fast + scale * step
    first, second = np.ones((n, 1)), np.column_stack((np.ones(n), step))
    with mock.patch.object(cycles, "_harmonics", return_value=1):
        # Counts that explain nothing of what is left.
        times = np.arange(n, dtype=np.float64)
        left = _rest(_waves(turns, 3.0, 1), orthogonal(values, basis_of(n)), basis_of(n))
        assert left / float(fast @ fast) == pytest.approx(size, rel=1e-3)
        with mock.patch.object(cycles, "_strongest", side_effect=(3.0, 5.0)):
            columns = cycle_columns(times, values, [first, second])
    assert len(columns) == found


@pytest.mark.parametrize(("part", "found"), [(1.49, 1), (1.5, 0)])
def test_half_as_much_again_exactly_is_hopeless(part: float, found: int) -> None:
    values, known = np.array([1.0, -1.0] * 16), np.ones((32, 1))
    with mock.patch.object(cycles, "_rest", return_value=part * _left(values, known)):
        assert len(found_for((3.0,), values, [known])) == found


@pytest.mark.parametrize(("power", "found"), [(6.4, False), (6.5, True)])
def test_a_fifth_of_the_squares_exactly_is_too_little(power: float, found: bool) -> None:
    rest = np.array([1.0, -1.0] * 16)
    with mock.patch.object(cycles, "_power", side_effect=lambda _, counts, *__: power + 0 * counts):
        assert (_strongest(turns_of(32), rest, np.zeros((32, 1))) is not None) == found


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_harmonics_do_not_depend_on_the_size_of_the_values(size: float) -> None:
    n, count = 96, 4.0
    turns, noise = turns_of(n), np.random.default_rng(8).normal(0, 0.3, n)
    signal = np.sin(count * turns) + 0.5 * np.cos(2 * count * turns) + noise
    rest = orthogonal(size * signal, basis_of(n))
    assert _harmonics(turns, count, rest, basis_of(n)) == 2
