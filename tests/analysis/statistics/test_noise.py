"""Whitening, evidence and mixtures, each against a slower way to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soak.analysis.statistics import marginal_likelihood as evidence
from soak.analysis.statistics.noise import Noise, noise_grid, whiten
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


def test_ageing_noise_wanders_on_a_clock_that_slows_as_a_process_ages() -> None:
    rng = np.random.default_rng(7)
    times = np.cumsum(rng.uniform(0.5, 3, 24))
    span = float(times[-1] - times[0])
    starts = np.arange(24) % 9 == 0
    ages = times - times[np.maximum.accumulate(np.where(starts, np.arange(24), 0))] + 0.4
    spread = rng.uniform(0.5, 2, 24)
    columns = rng.standard_normal((24, 2))
    grid = noise_grid(span, 1.5)
    white, log_det = whiten(grid, times, ages, starts, spread, columns)
    lives = np.cumsum(starts)
    # A fiftieth of the run is youth; at the age of the whole run both clocks agree.
    slowed = np.log(1 + ages / (span / 50)) * span / np.log(51)
    seen = 0
    for v in np.flatnonzero(grid.ageing > 0):
        apart = np.abs(slowed[:, None] - slowed)
        covariance = np.exp(-apart / grid.time[v]) * (lives[:, None] == lives)
        covariance += np.diag(spread * grid.white[v])
        assert log_det[v] == pytest.approx(np.linalg.slogdet(covariance)[1])
        assert white[v] @ white[v].T == pytest.approx(
            columns.T @ np.linalg.solve(covariance, columns)
        )
        seen += 1
    assert seen == 4


def test_wandering_of_any_size_is_whitened() -> None:
    """The grid's variances are 1 or 0; others are scaled by themselves."""
    rng = np.random.default_rng(8)
    times = np.arange(15, dtype=np.float64)
    one = np.ones(1)
    noise = Noise(4 * one, 3 * one, 0.5 * one, one, 0 * one, one > 2)
    columns = rng.standard_normal((15, 2))
    white, log_det = whiten(noise, times, times, times == 0, np.ones(15), columns)
    covariance = 3 * np.exp(-np.abs(times[:, None] - times) / 4) + 0.5 * np.eye(15)
    assert log_det[0] == pytest.approx(np.linalg.slogdet(covariance)[1])
    assert white[0] @ white[0].T == pytest.approx(columns.T @ np.linalg.solve(covariance, columns))


def rows(grid: Noise) -> list[tuple[float, ...]]:
    """Time, wander, white, prior, ageing, rough and jumpy of each noise model."""
    columns = (grid.time, grid.wander, grid.white, grid.prior, grid.ageing, grid.rough, grid.jumpy)
    return [tuple(float(value) for value in row) for row in zip(*columns, strict=True)]


def expected_rows(*times: tuple[float, float, float], span: float, least: float) -> list[float]:
    """The same of each time with what white noise adds as much as a step of wandering, and how slow it is (1 or less)."""
    wandering = [
        row
        for time, innovation, slow in times
        for row in (
            (time, 1, 0, 0, 0, 1, 1),
            (time, 1, innovation, -slow, 0, 1, 0),
            (time, 1, 10 * innovation, -7 * slow, 0, 0, 0),
        )
        if row[2] < 8
    ]
    ageing = [
        (time, 1, white, -1, 1, 0, 1) for time in (10 * span, span / 2) for white in (0, least)
    ]
    return [value for row in [*wandering, *ageing] for value in row]


@pytest.mark.parametrize(
    ("span", "spacing", "times", "least"),
    [
        (
            1000.0,
            10.0,
            [
                (10000, 0.0019980013, 1),
                (1000, 0.019801327, 1),
                (1000 / 3, 0.058235466, 1),
                (100, 0.18126925, 1 / 2),
                (100 / 3, 0.45118836, 1 / 6),
                (12.5, 0.79810348, 1 / 16),
            ],
            0.003,
        ),
        (
            # Of shorter times than these no scatter that is ten times as large is told from white
            # noise; and no time is shorter than half of the spacing.
            100.0,
            9.5,
            [
                (1000, 0.018820638, 1),
                (100, 0.17304087, 1),
                (100 / 3, 0.43447456, 1),
                (10, 0.85043138, 1 / 2),
                (4.75, 0.98168436, 1 / 6),
                (4.75, 0.98168436, 1 / 16),
            ],
            0.0285,
        ),
    ],
)
def test_the_grid_of_noise_models(
    span: float, spacing: float, times: list[tuple[float, float, float]], least: float
) -> None:
    white, *others = rows(noise_grid(span, spacing))
    assert white == (spacing, 0, 1, 0, 0, 0, 0)
    flat = [value for row in others for value in row]
    assert flat == pytest.approx(expected_rows(*times, span=span, least=least), rel=1e-7)


@pytest.mark.parametrize(
    ("wander", "white", "ageing", "jumpy"),
    [
        (1.0, 0.0, 0.0, True),
        (1.0, 0.1, 0.0, False),
        (1.0, 0.1, 1.0, True),
        (1.0, 0.0, 1.0, True),
        (0.5, 0.0, 0.0, True),
        (0.0, 0.0, 0.0, False),
        (0.0, 0.0, 1.0, False),
        (0.0, 1.0, 0.0, False),
    ],
)
def test_noise_that_moves_for_good_is_jumpy(
    wander: float, white: float, ageing: float, jumpy: bool
) -> None:
    one = np.ones(1)
    noise = Noise(one, wander * one, white * one, one, ageing * one, one > 0)
    assert noise.jumpy.tolist() == [jumpy]


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
