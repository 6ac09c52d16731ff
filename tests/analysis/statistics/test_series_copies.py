"""Copies of a series: its course stays, its scatter is drawn anew."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.signal import savgol_coeffs, savgol_filter

from soak.analysis.statistics.fit_input import fit_input
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.process_lives import split
from soak.analysis.statistics.series_copies import _course, _redrawn, _sharp, copies_of
from soak.analysis.statistics.trend import level_points
from soak.model import Floats
from tests.analysis.series import subject as made_subject


def test_a_course_is_a_parabola_through_the_nine_points_around_each() -> None:
    """The filter of Savitzky and Golay, as scipy has it."""
    rng = np.random.default_rng(1)
    for n in range(5, 24):
        values = np.round(rng.normal(0, 50, n))
        width = min(9, n if n % 2 else n - 1)
        course, left = _course(values)
        assert course == pytest.approx(savgol_filter(values, width, 2, mode="interp"))
        assert left == pytest.approx(math.sqrt(1 - savgol_coeffs(width, 2)[width // 2]))


@pytest.mark.parametrize(
    ("values", "left"),
    [([7.0], 0.0), ([1.0, 3.0], math.sqrt(1 / 2)), ([1.0, 2.0, 6.0], math.sqrt(2 / 3)), ([0.0, 4.0, 4.0, 8.0], math.sqrt(3 / 4))],
)  # fmt: skip
def test_the_course_of_few_points_is_their_mean(values: list[float], left: float) -> None:
    course, share = _course(np.array(values))
    assert course.tolist() == [np.mean(values)] * len(values)
    assert share == pytest.approx(left)


class Dice:
    """Numbers that are drawn in a known order, and of what."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def integers(self, low: int, high: int, size: tuple[int, int]) -> Any:
        self.asked.append((low, high, size))
        return np.arange(size[0] * size[1]).reshape(size) % high

    def choice(self, of: Floats, size: tuple[int, int]) -> Floats:
        self.asked.append((of.tolist(), size))
        return np.full(size, of.max())


@pytest.mark.parametrize("n", [2, 3, 5, 7, 12, 15])
def test_scatter_is_drawn_in_blocks_of_five_beside_the_course_at_times_as_uneven(n: int) -> None:
    times = 10.0 * np.arange(n)
    times[-1] += 4.0  # one interval is 4 s longer than usual
    values = np.random.default_rng(n).normal(0, 9, n)
    dice = Dice()
    copies = _redrawn(LevelPoints(times, values, 0.0), dice)  # type: ignore[arg-type]
    size, blocks = min(5, n), math.ceil(n / min(5, n))
    uneven = {2: [0.0], 3: [-2.0, 2.0]}.get(n, [0.0] * (n - 2) + [4.0])
    assert dice.asked == [(0, n - size + 1, (20, blocks)), (uneven, (20, n))]
    course, left = _course(values)
    at = np.interp(times + max(uneven) / 2, times, course)
    assert copies.shape == (n, 20)
    for copy in range(20):
        firsts = [(copy * blocks + block) % (n - size + 1) for block in range(blocks)]
        order = [first + step for first in firsts for step in range(size)][:n]
        assert copies[:, copy] == pytest.approx(at + (values - course)[order] / left)


@pytest.mark.parametrize(
    ("values", "there"),
    [
        ([], False),
        ([1.0, 2.0, 1.0, 3.0], False),
        ([1.0, 2.0, 1.0, 3.0, 2.0], True),
        ([5.0] * 30, False),
        ([5.0] * 29 + [6.0], True),
    ],
)
def test_of_fewer_than_five_points_or_none_that_moves_there_are_no_copies(
    values: list[float], there: bool
) -> None:
    copies = copies_of(made_subject(values), 0)
    assert (copies is not None) is there
    if copies is not None:
        assert copies.settings[0][0].y.shape[0] == 20


def test_both_lives_of_a_process_are_copied_and_the_same_seed_gives_the_same_copies() -> None:
    rng = np.random.default_rng(4)
    given = made_subject(1e8 + rng.normal(0, 1e5, 40), borders=(19.5,))
    first, again, other = (copies_of(given, seed) for seed in (3, 3, 4))
    assert first is not None
    assert again is not None
    assert other is not None
    same, different = again.settings[0][0].y, other.settings[0][0].y
    assert np.array_equal(first.settings[0][0].y, same)
    assert not np.allclose(same, different)
    bare = fit_input(given, level_points(split(given))[1], 1.0, False)
    assert (first.span, first.scale) == (bare.span, bare.scale)
    assert first.settings[0][0].freedom == bare.settings[0][0].freedom


@pytest.mark.parametrize(
    ("scatter", "sharp"),
    [
        # The median is 1, which of a normal distribution is 0.6745 of its spread: six of these are 8.9.
        ([1.0, -1.0, 8.8, 1.0, -1.0, 1.0, -1.0], []),
        ([1.0, -1.0, 9.0, 1.0, -1.0, 1.0, -1.0], [1, 2, 3]),
        ([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -9.0], [5, 6]),
        ([9.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0], [0, 1]),
        ([9.0, -1.0, 1.0, -1.0, 1.0, 9.0, 1.0, 1.0, -1.0], []),  # no course at more than half
    ],
)
def test_a_series_turns_sharply_at_points_six_spreads_from_its_course_and_beside_them(
    scatter: list[float], sharp: list[int]
) -> None:
    assert np.flatnonzero(_sharp(np.array(scatter))).tolist() == sharp


def test_copies_keep_a_sharp_turn_where_it_was_and_draw_scatter_from_elsewhere() -> None:
    rng = np.random.default_rng(3)
    values = np.where(np.arange(60) < 30, 0.0, 1e3) + rng.normal(0, 1, 60)
    copies = _redrawn(LevelPoints(np.arange(60.0), values, 0.0), rng)
    assert np.ptp(copies[:29], axis=0).max() < 20
    assert np.ptp(copies[31:], axis=0).max() < 20
    assert (copies[31:].mean(axis=0) - copies[:29].mean(axis=0)) == pytest.approx(1e3, abs=5)


def test_an_outlier_is_in_no_copy() -> None:
    values = 1e8 + np.random.default_rng(2).normal(0, 1e5, 60)
    values[30] = 2e8
    copies = copies_of(made_subject(values), 0)
    assert copies is not None
    assert copies.scale < 1e6
