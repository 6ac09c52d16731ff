"""Mixtures of Student's t distributions: their quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soak.analysis.statistics.t_mixture import TMixture, t_cdf, t_quantile

SHARES = np.array([0.025, 0.3, 0.5, 0.975])


@pytest.mark.parametrize("freedom", [2.0, 5.0, 30.0])
@pytest.mark.parametrize(("centre", "scale"), [(0.0, 1.0), (7.0, 0.25), (-3.0, 40.0)])
def test_quantiles_of_one_component_are_those_of_student_s_t(
    freedom: float, centre: float, scale: float
) -> None:
    alone = TMixture(*(np.array([each]) for each in (1.0, centre, scale, freedom)))
    expected = stats.t.ppf(SHARES, freedom, centre, scale)
    assert alone.quantiles(SHARES) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_so_much_of_a_mixture_lies_below_each_quantile() -> None:
    weight, centre, scale, freedom = np.array(
        [[0.5, 0.2, 0.3], [0.0, 5.0, -40.0], [1.0, 0.1, 9.0], [4.0, 30.0, 8.0]]
    )
    mixture = TMixture(weight, centre, scale, freedom)
    found = mixture.quantiles(SHARES)
    below = stats.t.cdf(found[:, None], freedom, centre, scale) @ weight
    assert below == pytest.approx(SHARES, abs=1e-9)


def test_quantiles_are_searched_twelve_scales_around_and_more_with_few_degrees_of_freedom() -> None:
    """Twelve scales more for each twelfth of a degree of freedom; a 2^45th part of it is left by halving."""
    one = TMixture(
        np.array([0.25, 0.75]), np.array([10.0, 20.0]), np.array([1.0, 1.0]), np.array([3.0, 6.0])
    )
    low, high = one.quantiles(np.array([0.0, 1.0]))
    assert low == pytest.approx(10 - 12 * 5)
    assert high == pytest.approx(20 + 12 * 3 + 2 * 12 - 10)
    assert (70.0 - high) / 120.0 == pytest.approx(2.0**-45, rel=0.2, abs=0.0)


def test_the_distribution_and_its_quantile_are_student_s() -> None:
    assert t_cdf(np.array([-1.0, 0.5]), 4.0) == pytest.approx(stats.t.cdf([-1.0, 0.5], 4.0))
    assert t_quantile(0.9, 4.0) == pytest.approx(float(stats.t.ppf(0.9, 4.0)))
