"""Extreme values: calibrated on seeded series whose true peaks over a month are simulated."""

from collections.abc import Callable

import numpy as np
import pytest

from soak.analysis.statistics.peaks import BLOCKS, SAMPLES_A_BLOCK, Peaks, fit_peaks
from soak.model import Floats

DAYS_30 = 30 * 86400.0
SERIES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: 100 + 5 * rng.normal(size=n),
    "uniform": lambda rng, n: 100 + 20 * rng.random(n),
    "gamma": lambda rng, n: 80 + rng.gamma(2.0, 5.0, n),
    "lognormal": lambda rng, n: 80 + 10 * np.exp(0.4 * rng.normal(size=n)),
    "counts": lambda rng, n: rng.poisson(60, n).astype(np.float64),
    "sawtooth": lambda rng, n: 60 + (np.arange(n) % 7) * (4 + 0.2 * rng.normal(size=n)),
}


def fitted(kind: str, seed: int, seconds: int) -> Peaks | str:
    values = SERIES[kind](np.random.default_rng(seed), seconds)
    return fit_peaks(np.arange(seconds, dtype=np.float64), values)


def fails(fit: Peaks | str, limit: float) -> bool:
    return (
        not isinstance(fit, str)
        and float(np.quantile(fit.chances(limit, DAYS_30)[1:], 0.025)) >= 0.5
    )


@pytest.mark.parametrize("kind", SERIES)
def test_a_limit_that_no_month_reaches_is_never_said_to_be_reached(kind: str) -> None:
    """2% above the highest of 30 days, simulated sample by sample: no fail in 40 short recordings."""
    month = float(SERIES[kind](np.random.default_rng(1), int(DAYS_30)).max())
    wrong = [seed for seed in range(40) if fails(fitted(kind, 1000 + seed, 900), 1.02 * month)]
    assert wrong == []


def test_a_limit_that_is_reached_every_few_minutes_is_said_to_be_reached() -> None:
    minutes = float(
        np.median([SERIES["normal"](np.random.default_rng(seed), 300).max() for seed in range(20)])
    )
    caught = sum(fails(fitted("normal", 1000 + seed, 900), minutes) for seed in range(40))
    assert caught >= 25


def test_the_estimate_is_near_the_truth() -> None:
    """The level that a month of normal noise reaches with even odds, known exactly: 5.2 standard deviations or so."""
    fits = [fit for seed in range(40) if not isinstance(fit := fitted("normal", seed, 3600), str)]
    middle = float(np.median([fit.levels(0.5, DAYS_30)[0] for fit in fits]))
    assert middle == pytest.approx(126, abs=6)


@pytest.mark.parametrize(
    ("samples", "told"),
    [(BLOCKS[-1] * SAMPLES_A_BLOCK - 1, False), (BLOCKS[-1] * SAMPLES_A_BLOCK, True)],
)
def test_too_few_samples_are_said_to_be_too_few(samples: int, told: bool) -> None:
    assert isinstance(fitted("normal", 3, samples), Peaks) is told


def test_growth_is_left_to_its_own_rule() -> None:
    values = 100 + np.arange(900) * 0.1 + np.random.default_rng(1).normal(size=900)
    assert fit_peaks(np.arange(900.0), values) in (
        "its peaks are not steady yet",
        "its peaks are not independent of each other: more time would tell",
    )


def test_what_never_moves_has_no_chance_to_move() -> None:
    fit = fit_peaks(np.arange(900.0), np.full(900, 100.0))
    assert isinstance(fit, Peaks)
    assert float(fit.chances(101.0, DAYS_30).max()) < 1e-6
