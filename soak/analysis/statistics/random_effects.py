"""One growth of several runs: random effects, with an interval for what differs between them.

The growth of each run is an estimate of one growth plus what differs between runs: random effects,
with the interval of Hartung and Knapp (A refined method for the meta-analysis of controlled
clinical trials with binary outcome, 2001), never narrower than that of a common growth (Roever,
Knapp and Friede, Hartung-Knapp-Sidik-Jonkman approach and its modification for random-effects
meta-analysis with few studies, 2015), nor, if the runs agree, wider than the least certain one's. The
variance between runs is DerSimonian and Laird's (1986).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtri

from soak.analysis.statistics.t_mixture import t_quantile
from soak.analysis.thresholds import RESOLVED_AT, SHARED_ERROR
from soak.model import INTERVAL_ERRORS, Floats, Trend

#: More runs than a fortnight's nights are not advised.
MOST_MORE = 14


def shared_error(runs: int) -> float:
    """Return by how much the variance of several runs' mean exceeds that of independent ones.

    Starts of one service share what a fit gets wrong, such as the hour at which a job runs, so that their errors correlate by
    `SHARED_ERROR` (Kish, Survey Sampling, 1965: the design effect).
    """
    return 1 + SHARED_ERROR * (runs - 1)


def more_runs(narrower: float, runs: int) -> int | None:
    """Return how many more runs make the interval of so many together narrower by a factor; None if more than `MOST_MORE`."""
    for more in range(1, MOST_MORE + 1):
        if math.sqrt(_variance(runs) / _variance(runs + more)) >= narrower:
            return more
    return None


def _variance(runs: int) -> float:
    """Return the variance of the growth of several agreeing runs, as a share of one run's."""
    return shared_error(runs) / runs


def pooled_trend(trends: Sequence[Trend]) -> Trend:
    """Return one growth of several runs with its 95% interval, and the resolution of all of them together."""
    slopes = np.array([trend.slope_per_hour for trend in trends])
    resolutions = np.array([max(trend.resolution_per_hour, 1e-300) for trend in trends])
    errors = np.maximum([trend.standard_error for trend in trends], resolutions * 1e-9)
    level = trends[-1].level
    if not (errors > 1e-290).all() or all(trend.slope_high == trend.slope_low for trend in trends):
        # Nothing moved in any run: apply the rule of three over all of the time.
        together = 0.0 if resolutions.max() <= 1e-300 else float(1 / np.sum(1 / resolutions))
        return Trend(0.0, 0.0, 0.0, together, 0.0, level)
    errors = np.maximum(
        errors, resolutions / RESOLVED_AT / 1.4
    )  # if nothing moved in a run, its resolution bounds the error
    between = _between(slopes, errors)
    weights = 1 / (errors**2 + between)
    slope = float(weights @ slopes / weights.sum())
    spread = float(weights @ (slopes - slope) ** 2) / (len(slopes) - 1)
    spread = max(1.0, spread) * shared_error(len(slopes))
    error = math.sqrt(spread / float(weights.sum()))
    reach = t_quantile(0.975, len(slopes) - 1) * error
    if _agree(slopes, errors):
        reach = min(reach, float(errors.max()) * INTERVAL_ERRORS / 2)
    resolution = math.sqrt(spread / float(np.sum(1 / resolutions**2)))
    settled = max((trend.settled_after_seconds or 0.0) for trend in trends)
    return Trend(
        slope, slope - reach, slope + reach, max(resolution, slope + reach), settled, level
    )


def _agree(slopes: Floats, errors: Floats) -> bool:
    """Return True if the runs differ by no more than their errors, by Cochran's Q at 95%.

    Then all together are at least as certain as the least certain one of them. Without this, two runs would bound nothing: one
    difference tells next to nothing of a variance between runs, and Student's t is 12.7.
    """
    weights = 1 / errors**2
    q = float(weights @ (slopes - weights @ slopes / weights.sum()) ** 2)
    return bool(q <= chdtri(len(slopes) - 1, 0.05))


def _between(slopes: Floats, errors: Floats) -> float:
    """Return the variance between runs, after DerSimonian and Laird."""
    weights = 1 / errors**2
    mean = weights @ slopes / weights.sum()
    excess = float(weights @ (slopes - mean) ** 2) - (len(slopes) - 1)
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(0.0, excess / scale) if scale > 0 else 0.0
