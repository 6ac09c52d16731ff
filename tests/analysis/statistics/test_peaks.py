"""Extreme values: calibrated on seeded series whose true peaks over a month are simulated."""

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pytest

from soak.analysis.statistics.peaks import (
    BLOCKS,
    HEAVIEST,
    LIGHTEST,
    SAMPLES_A_BLOCK,
    Peaks,
    _correlation,
    _weighted_moments,
    fit_peaks,
)
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


def of_shape(shape: float) -> Peaks:
    """Maxima of blocks of 60 s around 100, with a scale of 5."""
    return Peaks(np.array([100.0]), np.array([5.0]), np.array([shape]), 60.0, 20)


@pytest.mark.parametrize("shape", [-0.5, -1e-6, 0.0, 1e-9, 1e-6, 0.1, 0.3])
@pytest.mark.parametrize("horizon", [30.0, 60.0, 600.0, 6e6])
def test_the_chance_is_that_of_the_distribution_of_extremes(shape: float, horizon: float) -> None:
    for level in (92.0, 97.0, 100.0, 108.0, 150.0):
        z = (level - 100) / 5
        if abs(shape) < 1e-6:
            rate = math.exp(-z)
        else:
            inner = 1 + shape * z
            rate = inner ** (-1 / shape) if inner > 0 else 0.0 if shape < 0 else math.inf
        below = math.exp(-rate)  # in one block
        chance = of_shape(shape).chances(level, horizon)
        assert chance[0] == pytest.approx(1 - below ** max(1, horizon / 60), rel=1e-7, abs=1e-13)


@pytest.mark.parametrize("shape", [-0.5, -1e-6, 0.0, 1e-9, 1e-6, 0.1, 0.3])
@pytest.mark.parametrize("horizon", [30.0, 60.0, 600.0, 6e6])
def test_the_level_of_a_chance_is_exceeded_with_that_chance(shape: float, horizon: float) -> None:
    fit = of_shape(shape)
    for chance in (0.02, 0.5, 0.975):
        level = float(fit.levels(chance, horizon)[0])
        assert fit.chances(level, horizon)[0] == pytest.approx(chance, rel=1e-8)
        rate = -math.log(1 - chance) / max(1, horizon / 60)
        grown = -math.log(rate) if abs(shape) < 1e-6 else (rate**-shape - 1) / shape
        assert level == pytest.approx(100 + 5 * grown, rel=1e-9)


def in_blocks(maxima: Sequence[float]) -> Floats:
    """Five samples a block, the third its maximum."""
    parts = np.repeat(np.array(maxima, dtype=np.float64)[:, None], SAMPLES_A_BLOCK, axis=1)
    return np.asarray((parts - [2, 1, 0, 1, 2]).ravel())


def fitted_to(maxima: Sequence[float]) -> Peaks | str:
    values = in_blocks(maxima)
    return fit_peaks(50 + 2 * np.arange(float(len(values))), values)


@pytest.mark.parametrize(
    ("samples", "blocks"),
    [(100, 20), (149, 20), (150, 30), (199, 30), (200, 40), (299, 40), (300, 60), (900, 60)],
)
def test_as_many_blocks_as_have_five_samples(samples: int, blocks: int) -> None:
    fit = fitted("normal", 3, samples)
    assert isinstance(fit, Peaks)
    assert fit.blocks == blocks
    assert fit.seconds == pytest.approx((samples - 1) / blocks)
    assert [len(each) for each in (fit.location, fit.scale, fit.shape)] == [401] * 3


def test_too_few_samples_are_counted() -> None:
    assert fitted("normal", 3, 99) == "99 samples are too few: at least 100 are needed"


def test_the_first_fit_is_of_the_maxima_and_the_others_are_of_draws_of_them() -> None:
    maxima = 100 + np.random.default_rng(2).gumbel(0, 5, 20).round()
    fit = fitted_to(maxima.tolist())
    assert isinstance(fit, Peaks)
    assert fit.seconds == pytest.approx(198 / 20)
    location, scale, shape = _weighted_moments(maxima[None, :])
    assert (fit.location[0], fit.scale[0], fit.shape[0]) == (location[0], scale[0], shape[0])
    assert np.median(fit.location) == pytest.approx(location[0], abs=0.5)
    assert np.std(fit.location[1:]) == pytest.approx(1.1 * scale[0] / np.sqrt(20), rel=0.3)
    # The draws are always the same, so that a recording always gets the same verdict.
    assert fit.location[[1, 400]].tolist() == pytest.approx([102.068255, 102.301080])


#: Neighbours are alike in three of ten: centred on 0, of power 10, with products of 3.
TIED = [0, 1, 1, 0, -1, -1, 0, 1, 1, 0, -1, 0, -1, 0, 1, 0, -1, 0, 0, 0]
CORRELATED = "its peaks are not independent of each other: more time would tell"


def test_maxima_correlated_by_three_tenths_are_independent_enough() -> None:
    assert _correlation(np.array(TIED, dtype=np.float64)) == 0.3
    assert isinstance(fitted_to(TIED), Peaks)
    assert (
        fitted_to([0, 1, 1, 0, -1, -1, 0, 1, 1, 0, -1, -1, 0, 0, 1, 0, -1, 0, 0, 0]) == CORRELATED
    )


@pytest.mark.parametrize(
    ("values", "correlation"),
    [
        ([1, 2, 3, 4], 0.25),
        ([4, 2, 3, 1], -0.35),
        ([5, 5, 5, 9], -1 / 12),
        ([7, 7, 7], 0.0),
        ([1, -1, 1, -1], -0.75),
    ],
)
def test_the_correlation_of_neighbours(values: Sequence[float], correlation: float) -> None:
    for scale in (1, 1 / 64):
        assert _correlation(scale * np.array(values)) == pytest.approx(correlation)


def test_fewer_blocks_are_tried_where_neighbours_are_alike() -> None:
    """Each maximum comes twice, so that sixty blocks are alike in pairs, and thirty are not."""
    maxima = np.repeat(np.random.default_rng(5).integers(0, 50, 30), 2)
    fit = fitted_to(maxima.tolist())
    assert isinstance(fit, Peaks)
    assert fit.blocks == 30


#: The medians of the halves are as far apart as the standard deviation; and a little further.
DRIFTED = [1, 2, -4, -3, 1, -2, -4, 0, -2, -4, -2, 6, -2, 1, 0, 1, -1, 1, 6, 5]
DRIFTED_ON = [*DRIFTED[:-2], 5, 5]


def test_a_drift_by_one_standard_deviation_is_steady() -> None:
    assert isinstance(fitted_to(DRIFTED), Peaks)
    assert isinstance(fitted_to([-value for value in DRIFTED]), Peaks)
    assert fitted_to(DRIFTED_ON) == "its peaks are not steady yet"
    assert fitted_to([-value for value in DRIFTED_ON]) == "its peaks are not steady yet"


def by_all_pairs_and_triples(sample: Sequence[float]) -> tuple[float, float, float]:
    """Location, scale and shape by the highest of each one, two and three values (equations 14 and 15)."""
    one, two, three = (
        float(np.mean([max(chosen) for chosen in combinations(sample, size)])) for size in (1, 2, 3)
    )
    ratio = (two - one) / (three - one) - math.log(2) / math.log(3)
    k = 7.8590 * ratio + 2.9554 * ratio**2
    scale = (two - one) * k / (math.gamma(1 + k) * (1 - 2**-k))
    return one + scale * (math.gamma(1 + k) - 1) / k, scale, -k


def test_moments_weighted_by_rank_are_those_of_all_pairs_and_triples() -> None:
    rng = np.random.default_rng(4)
    samples = np.vstack(
        [rng.gumbel(50, 4, 20), rng.normal(-30, 2, 20), rng.integers(5, 12, 20).astype(np.float64)]
    )
    found = np.array(_weighted_moments(samples)).T
    for sample, row in zip(samples.tolist(), found, strict=True):
        location, scale, shape = by_all_pairs_and_triples(sample)
        assert LIGHTEST < shape < HEAVIEST
        assert row.tolist() == pytest.approx([location, scale, shape])


def test_the_shape_is_bounded() -> None:
    heavy, light = [0.0] * 19 + [1e6], [0.0] + [10.0] * 19
    _, scale, shape = _weighted_moments(np.array([heavy, light]))
    assert shape.tolist() == [HEAVIEST, LIGHTEST]
    assert (scale > 0).all()


def test_a_shape_near_zero_is_taken_to_be_a_millionth() -> None:
    """Three maxima of 0, x and 1 have none where the moments' ratio, 1 to 2 - x, is log 2 to log 3."""
    low = 2 - math.log(3) / math.log(2) + 1e-9
    location, scale, shape = _weighted_moments(np.array([[0.0, low, 1.0]]))
    assert shape[0] == -1e-6
    spread = (low + 2) / 3 - (low + 1) / 3  # of the highest of two, above the mean
    assert scale[0] == pytest.approx(spread / math.log(2), rel=1e-5)
    assert location[0] == pytest.approx((low + 1) / 3 - 0.5772157 * scale[0], rel=1e-4)


@pytest.mark.parametrize(("level", "spread"), [(100.0, 1e-10), (-100.0, 1e-10), (0.0, 1e-24)])
def test_maxima_that_are_all_alike_have_next_to_no_spread(level: float, spread: float) -> None:
    location, scale, shape = _weighted_moments(np.full((1, 20), level))
    assert shape[0] == LIGHTEST
    assert scale[0] == pytest.approx(spread * 0.5 / (math.gamma(1.5) * (1 - 2**-0.5)), rel=1e-6)
    assert location[0] == pytest.approx(level, abs=1e-9)
