"""Estimate how high peaks reach in a longer time than was observed: block maxima and their extreme-value distribution.

The maxima of equal blocks of a steady series follow a generalised extreme-value distribution
(Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 3), fitted by
probability-weighted moments (Hosking, Wallis, Wood, Estimation of the Generalized Extreme-Value
Distribution by the Method of Probability-Weighted Moments, 1985), which is sound for as few as 20
blocks. Assumed, and checked if possible: the series is steady, its blocks' maxima are hardly
correlated, the load stays as it was, and samples are dense enough to see the peaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soak.model import Floats

#: Numbers of blocks to try, the largest first: below 20 nothing can be said of a tail (Hosking and
#: others, table 2).
BLOCKS = (60, 40, 30, 20)
#: Least samples in a block, so that its maximum is one of several.
SAMPLES_A_BLOCK = 5
#: Highest correlation of neighbouring maxima at which blocks count as independent: twice the
#: standard error at 40 blocks.
CORRELATED = 0.3
#: How far the medians of both halves' maxima may differ, in the standard deviation of the maxima,
#: for a steady series.
DRIFTS = 1.0
#: Bounds of the tail's shape (positive: heavy). Beyond them, a fit to so few blocks reflects
#: chance, not the service.
LIGHTEST, HEAVIEST = -0.5, 0.3
#: Resamples for the interval, from a fixed seed so that a recording always gets the same verdict.
RESAMPLES, SEED = 400, 20261128


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Fitted distributions of the maximum of one block of `seconds`: the estimate, then resamples, each field (n,)."""

    location: Floats
    scale: Floats
    shape: Floats
    seconds: float
    blocks: int

    def chances(self, level: float, horizon: float) -> Floats:
        """Return for each fit the probability that `level` is exceeded within `horizon` seconds, shape (n,)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            z = (level - self.location) / self.scale
            inner = np.maximum(0.0, 1 + self.shape * z)
            rate = np.where(
                np.abs(self.shape) < 1e-6,
                np.exp(-z),
                inner ** (-1 / self.shape),
            )
            return np.asarray(-np.expm1(-rate * max(1.0, horizon / self.seconds)))

    def levels(self, chance: float, horizon: float) -> Floats:
        """Return for each fit the level that is exceeded within `horizon` seconds with this probability, shape (n,)."""
        rate = -np.log1p(-chance) / max(1.0, horizon / self.seconds)
        safe = np.where(np.abs(self.shape) < 1e-6, 1.0, self.shape)
        grown = np.where(np.abs(self.shape) < 1e-6, -np.log(rate), (rate**-safe - 1) / safe)
        return np.asarray(self.location + self.scale * grown)


def fit_peaks(times: Floats, values: Floats) -> Peaks | str:
    """Return the peaks of a series without NaN, or the reason for no estimate; `times` in seconds, both (n,)."""
    why = f"{len(values)} samples are too few: at least {BLOCKS[-1] * SAMPLES_A_BLOCK} are needed"
    for blocks in BLOCKS:
        if len(values) < blocks * SAMPLES_A_BLOCK:
            continue
        maxima = np.array([part.max() for part in np.array_split(values, blocks)])
        if _correlation(maxima) > CORRELATED:
            why = "its peaks are not independent of each other: more time would tell"
            continue
        half = blocks // 2
        moved = abs(float(np.median(maxima[half:]) - np.median(maxima[:half])))
        if moved > DRIFTS * float(maxima.std()):
            return "its peaks are not steady yet"
        return _fitted(maxima, float(times[-1] - times[0]) / blocks)
    return why


def _fitted(maxima: Floats, seconds: float) -> Peaks:
    """Fit the maxima, and resamples of them."""
    drawn = np.random.default_rng(SEED).choice(maxima, (RESAMPLES, len(maxima)))
    location, scale, shape = _weighted_moments(np.vstack([maxima, drawn]))
    return Peaks(location, scale, shape, seconds, len(maxima))


def _weighted_moments(samples: Floats) -> tuple[Floats, Floats, Floats]:
    """Return location, scale and shape for each row of maxima (Hosking, Wallis, Wood 1985, equations 14 and 15)."""
    from scipy.special import gamma  # noqa: PLC0415 - needed for the few series that come near a limit

    ordered, count = np.sort(samples, axis=1), samples.shape[1]
    rank = np.arange(count)
    b0 = ordered.mean(axis=1)
    b1 = (ordered * rank).sum(axis=1) / (count * (count - 1))
    b2 = (ordered * rank * (rank - 1)).sum(axis=1) / (count * (count - 1) * (count - 2))
    least = 1e-12 * np.maximum(np.abs(b0), 1e-12)  # maxima that are all alike have no spread
    spread = np.maximum(2 * b1 - b0, least)
    ratio = spread / np.maximum(3 * b2 - b0, least) - np.log(2) / np.log(3)
    k = np.clip(7.8590 * ratio + 2.9554 * ratio**2, -HEAVIEST, -LIGHTEST)
    k = np.where(np.abs(k) < 1e-6, 1e-6, k)
    scale = spread * k / (gamma(1 + k) * (1 - 2.0**-k))
    return b0 + scale * (gamma(1 + k) - 1) / k, scale, -k


def _correlation(values: Floats) -> float:
    """Return the correlation of successive values; 0 if they are constant."""
    centred = values - values.mean()
    power = float((centred**2).sum())
    return float((centred[1:] * centred[:-1]).sum()) / power if power > 0 else 0.0
