"""What others do: the methods that soak is compared with, each answering whether a series leaks."""

from __future__ import annotations

import math

import numpy as np

from soak.model import Floats


def least_squares(times: Floats, values: Floats) -> bool:
    """A rising least-squares slope at p < 0.01, as if samples were independent."""
    n = len(times)
    x = times - times.mean()
    slope = float(x @ values / (x @ x))
    rest = values - values.mean() - slope * x
    error = math.sqrt(float(rest @ rest) / max(n - 2, 1) / float(x @ x))
    return slope > 0 and slope > 2.33 * error


def grew_by_a_tenth(times: Floats, values: Floats) -> bool:
    """The last tenth's mean is over 10% above the first tenth's."""
    k = max(1, len(values) // 10)
    return bool(values[-k:].mean() > 1.1 * values[:k].mean())


def mann_kendall(times: Floats, values: Floats) -> bool:
    """Mann (1945) and Kendall (1975), one-sided p < 0.01."""
    score, variance = _kendall(_thin(values))
    return score > 0 and (score - 1) / math.sqrt(max(variance, 1e-300)) > 2.326


def hamed_rao(times: Floats, values: Floats) -> bool:
    """Mann-Kendall with the variance corrected for autocorrelation: Hamed and Rao (1998)."""
    values = _thin(values)
    n = len(values)
    score, variance = _kendall(values)
    slope = np.polyfit(np.arange(n), values, 1)[0]
    ranks = np.argsort(np.argsort(values - slope * np.arange(n))).astype(np.float64)
    ranks -= ranks.mean()
    size = float(ranks @ ranks) or 1.0
    correction = 0.0
    for lag in range(1, n - 2):
        r = float(ranks[lag:] @ ranks[:-lag]) / size
        if abs(r) > 1.96 / math.sqrt(n):
            correction += (n - lag) * (n - lag - 1) * (n - lag - 2) * r
    factor = max(1 + 2 / (n * (n - 1) * (n - 2)) * correction, 0.05)
    return score > 0 and (score - 1) / math.sqrt(max(variance * factor, 1e-300)) > 2.326


def _thin(values: Floats) -> Floats:
    """At most 600 block means, so that pairs stay affordable."""
    size = -(-len(values) // 600)
    n = len(values) // size * size
    return np.asarray(values[:n].reshape(-1, size).mean(axis=1))


def _kendall(values: Floats) -> tuple[float, float]:
    n = len(values)
    score = float(np.sign(values[None, :] - values[:, None])[np.triu_indices(n, 1)].sum())
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    return score, (
        n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())
    ) / 18


METHODS = {
    "least squares": least_squares,
    "grew 10%": grew_by_a_tenth,
    "Mann-Kendall": mann_kendall,
    "Hamed-Rao": hamed_rao,
}
