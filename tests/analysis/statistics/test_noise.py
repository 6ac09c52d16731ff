"""Whitening, evidence and mixtures, each against a slower way to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soak.analysis.statistics import marginal_likelihood as evidence
from soak.analysis.statistics.noise import noise_grid, whiten
from soak.analysis.statistics.t_mixture import TMixture, t_cdf


def test_whitening_is_that_of_the_explicit_covariance() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.5, 3, 30))
    starts = np.arange(30) == 0
    starts[12] = True
    spread = rng.uniform(0.5, 2, 30)
    columns = rng.standard_normal((30, 3))
    grid = noise_grid(float(np.ptp(times)), 1.5)
    white, log_det = whiten(grid, times, times, starts, spread, columns)
    lives = np.cumsum(starts)
    for v in np.flatnonzero(grid.ageing == 0):
        apart = np.abs(times[:, None] - times)
        covariance = grid.wander[v] * np.exp(-apart / grid.time[v]) * (lives[:, None] == lives)
        covariance += np.diag(spread * grid.white[v])
        assert log_det[v] == pytest.approx(np.linalg.slogdet(covariance)[1])
        assert white[v] @ white[v].T == pytest.approx(
            columns.T @ np.linalg.solve(covariance, columns)
        )


def test_two_columns_together_are_what_least_squares_says() -> None:
    rng = np.random.default_rng(1)
    y, x = rng.standard_normal((1, 40)), rng.standard_normal((1, 4, 40))
    w = evidence.whitened(y, x, np.zeros(1), np.zeros(1), 0.0)
    fits = evidence.fit_each_with(w, x[:, 1:], x[:, 0])
    for k in range(3):
        design = x[0, [0, k + 1]].T
        coefficients = np.linalg.lstsq(design, y[0], rcond=None)[0]
        rest = y[0] - design @ coefficients
        error = np.sqrt(rest @ rest / 38 * np.linalg.inv(design.T @ design)[0, 0])
        assert (fits.slope[0, k], fits.error[0, k]) == pytest.approx((coefficients[0], error))


def test_one_column_after_another_is_the_same_evidence_as_both_at_once() -> None:
    rng = np.random.default_rng(2)
    y, x = rng.standard_normal((1, 40)), rng.standard_normal((1, 2, 40))
    w = evidence.whitened(y, x, np.zeros(1), np.zeros(1), 0.0)
    one_by_one = evidence.evidence_of_none(
        evidence.project_out(
            evidence.project_out(w, x[:, :1]), evidence.project_out(w, x[:, :1]).x[:, 1:]
        )
    )
    assert evidence.evidence_of_none(evidence.project_out(w, x)) == pytest.approx(one_by_one)


def test_student_s_distribution_is_that_of_the_tables_also_far_out() -> None:
    values = np.linspace(-12, 12, 50)
    for freedom in (1.0, 5.0, 20.0, 150.0):
        assert t_cdf(values, np.full(50, freedom)) == pytest.approx(
            stats.t.cdf(values, freedom), rel=1e-9
        )


def test_the_quantiles_of_a_mixture_of_one_are_its_own() -> None:
    mixture = TMixture(np.ones(1), np.array([3.0]), np.array([2.0]), np.array([60.0]))
    expected = stats.t.ppf([0.025, 0.5, 0.975], 60) * 2 + 3
    assert mixture.quantiles(np.array([0.025, 0.5, 0.975])) == pytest.approx(expected, abs=1e-6)
