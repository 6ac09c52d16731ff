"""Each family of warm-ups against its curve, averaged over the width of a point by brute force."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from soak.analysis.statistics.warmup_families import FAMILIES
from soak.analysis.statistics.warmup_shapes import _Cleared, warmup_shapes
from soak.model import Floats

APPROACH, CREEP, FILL, EVER_SLOWER = FAMILIES
SPAN = 200.0
SHARES = np.array([0.05, 0.2, 0.6])
AGES = np.array([4.0, 10.0, 30.0, 41.0, 90.0, 119.0, 121.0, 180.0])


def averaged(curve: Callable[[Floats, Floats], Floats], widths: Floats) -> Floats:
    """The mean of a curve of age and time scale over the width of each point, shape (n, k)."""
    parts = (np.arange(4000) + 0.5) / 4000 - 0.5
    within = AGES[:, None, None] + parts * widths[:, None, None]
    return np.asarray(curve(within, (SHARES * SPAN)[:, None]).mean(axis=2))


@pytest.mark.parametrize("width", [8.0, 2.0, 1e-3])
def test_points_of_a_settling_level_are_averages_over_their_width(width: float) -> None:
    widths = np.full(len(AGES), width)
    expected = averaged(lambda age, time: 1 - np.exp(-age / time), widths)
    assert APPROACH.columns(AGES, widths, SPAN, SHARES) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("width", [8.0, 2.0, 1e-3])
def test_points_of_a_filling_level_are_averages_over_their_width(width: float) -> None:
    widths = np.full(len(AGES), width)
    expected = averaged(np.minimum, widths)
    assert FILL.columns(AGES, widths, SPAN, SHARES) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("width", [8.0, 2.0, 1e-3])
def test_points_of_a_cache_with_recurring_keys_are_averages_over_their_width(width: float) -> None:
    widths = np.full(len(AGES), width)
    expected = averaged(lambda age, time: np.minimum(age, time) ** 0.6, widths)
    assert EVER_SLOWER.columns(AGES, widths, SPAN, SHARES) == pytest.approx(expected, rel=1e-5)


def test_points_of_a_creep_are_averages_by_simpson_s_rule() -> None:
    widths = np.full(len(AGES), 8.0)
    start, middle, end = (
        np.log(1 + (AGES[:, None] + part) / (SHARES * SPAN)) for part in (-4.0, 0.0, 4.0)
    )
    found = CREEP.columns(AGES, widths, SPAN, SHARES)
    assert found == pytest.approx((start + 4 * middle + end) / 6, rel=1e-12)
    assert found == pytest.approx(
        averaged(lambda age, time: np.log1p(age / time), widths), rel=1e-3
    )


def test_points_of_a_single_sample_lie_on_the_curve() -> None:
    widths = np.zeros(len(AGES))
    age, time = AGES[:, None], SHARES * SPAN
    curves = (
        1 - np.exp(-age / time),
        np.log(1 + age / time),
        np.minimum(age, time),
        np.minimum(age, time) ** 0.6,
    )
    for family, curve in zip(FAMILIES, curves, strict=True):
        assert family.columns(AGES, widths, SPAN, SHARES) == pytest.approx(curve)


def test_a_point_that_began_before_the_process_counts_only_from_its_birth() -> None:
    """Its age is 1 s, and its width 6 s; time scales of 10 s and 2 s."""
    age, width, shares = np.array([1.0]), np.array([6.0]), np.array([0.05, 0.01])
    creep = CREEP.columns(age, width, SPAN, shares)[0]
    assert creep == pytest.approx(
        [(4 * np.log(1 + 1 / time) + np.log(1 + 4 / time)) / 6 for time in (10, 2)]
    )
    slower = EVER_SLOWER.columns(age, width, SPAN, shares)[0]
    filled = 2**1.6 / 1.6 + 2 * 2**0.6
    assert slower == pytest.approx([4**1.6 / 1.6 / 4, filled / 4])
    fill = FILL.columns(age, width, SPAN, np.array([0.05]))[0]
    assert fill == pytest.approx([1.0])


def test_a_settling_level_averaged_over_many_time_scales_stays_finite() -> None:
    """Beyond 60 time scales of 2 s a point's width counts as 60 of them."""
    ages, shares = np.array([60.0, 58.0]), np.array([0.01])
    wide, less = APPROACH.columns(ages, np.array([190.0, 116.0]), SPAN, shares).ravel()
    assert wide == pytest.approx(1 - np.exp(-30.0) * np.sinh(30.0) / 30)
    assert less == pytest.approx(1 - np.exp(-29.0) * np.sinh(29.0) / 29)


@pytest.mark.parametrize(
    ("family", "share", "prior"),
    [
        (APPROACH, 0.1, np.log(0.025)),
        (APPROACH, 0.25, np.log(0.025)),
        (APPROACH, 0.35, np.log(0.025) - 2.0),
        (APPROACH, 3.0, np.log(0.025) - 10.0),
        (CREEP, 1 / 30, np.log(0.08 / 18)),
        (CREEP, 1 / 30 + 0.1, np.log(0.08 / 18) - 3.0),
        (FILL, 0.5, np.log(0.25 / 18)),
        (FILL, 0.6, np.log(0.25 / 18) - 1.5),
        (EVER_SLOWER, 0.5, np.log(0.1 / 18)),
        (EVER_SLOWER, 0.9, np.log(0.1 / 18) - 6.0),
    ],
)
def test_a_longer_warm_up_is_less_plausible(family: object, share: float, prior: float) -> None:
    [known] = [each for each in FAMILIES if each is family]
    assert known.prior(np.array([share]))[0] == pytest.approx(prior)


def test_the_grid_of_warm_ups_is_weighed_with_two_that_fit_best_of_each_family() -> None:
    ages = np.arange(1.0, 31.0)
    values = np.random.default_rng(4).normal(0, 1, 30)
    shapes = warmup_shapes(ages, np.zeros(30), 30.0, values, np.ones((30, 1)))
    parts = shapes.settles / 30.0
    first, second, third, last = 0, 23 + 2, 23 + 2 + 8 + 2, 23 + 2 + 8 + 2 + 18 + 2
    assert parts[first:23] == pytest.approx(
        3 * np.array([*np.geomspace(1 / 240, 0.5, 18), 0.7, 1.0, 1.5, 2.2, 3.2])
    )
    assert np.isinf(parts[second : second + 10]).all()
    assert parts[third : third + 18] == pytest.approx(np.linspace(0.05, 0.9, 18))
    assert parts[last : last + 9] == pytest.approx(np.linspace(0.1, 0.9, 9))
    assert len(parts) == last + 9 + 2 + 2 * len(shapes.pairs)
    for begin, many, log_part in ((first, 5, 0.025), (third, 5, 0.25 / 18), (last, 5, 0.1 / 18)):
        assert shapes.prior[begin : begin + many] == pytest.approx(np.log(log_part))
    creeps = np.geomspace(1 / 300, 1 / 6, 8)
    assert shapes.prior[second : second + 8] == pytest.approx(
        np.log(0.08 / 18) - 30 * np.maximum(0, creeps - 1 / 30)
    )
    assert shapes.columns[:, second : second + 8] == pytest.approx(
        (np.log1p(ages[:, None] / (30 * creeps)) - np.log1p(1 / (30 * creeps)))
        / (np.log1p(1 / creeps) - np.log1p(1 / (30 * creeps)))
    )


def test_the_fine_grid_begins_at_a_four_hundredth_of_the_span() -> None:
    few = np.array([1.0, 2.0, 9.0])
    searched = _Cleared(few, np.zeros(3), 10.0, np.ones((3, 1))).fine
    for family, (columns, _), last, many in zip(
        FAMILIES, searched, (4.0, 0.95, 0.95, 0.95), (240, 200, 200, 200), strict=True
    ):
        assert columns.shape == (3, many)
        assert family.fine == pytest.approx(np.geomspace(1 / 400, last, many))
