"""Separate lasting growth from creep: what a young service meets for the first time grows as the logarithm of its work.

Code paths, keys and pages are met by chance, the rare ones last, so the rate of new ones falls in
inverse proportion to all work done so far (Good and Toulmin, The number of new species, and the
increase in population coverage, when a sample is increased, 1956). A level that holds such things
rises for ever without a leak. The level is regressed on its age and on the age's logarithm
together; the coefficient of the age is the lasting growth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from soak.analysis.statistics.t_mixture import t_quantile
from soak.analysis.thresholds import CREEP_BEGINS, FEWEST_SAMPLES, RESOLVED_AT
from soak.model import Floats, Line, Trend


@dataclass(frozen=True, slots=True)
class LastingGrowth:
    """Growth in addition to creep, in the series' unit per hour, with its standard error and 95% interval.

    `rise` is how much creep and growth together raised the level in the last two thirds.
    """

    slope: float
    error: float
    low: float
    high: float
    rise: float


def lasting_growth(times: Floats, values: Floats) -> LastingGrowth | None:
    """Estimate the growth in addition to creep of `values` (n,) at `times` (n,) in seconds; None with too few samples.

    If the level fell for good in the first half of the stretch, for example because classes were
    unloaded, only the values after the fall count. The fit is least squares. The standard error is
    widened as for AR(1) noise with the residuals' first autocorrelation.
    """
    ages = times - times[0]
    late = np.flatnonzero(ages > CREEP_BEGINS * ages[-1])
    if len(late) < FEWEST_SAMPLES:
        return None
    late = late[_since_a_fall(values[late]) :]
    ages, values = ages[late], values[late]
    if len(ages) < FEWEST_SAMPLES:
        return None
    hours = (ages - ages.mean()) / 3600
    columns = np.column_stack((np.ones_like(ages), np.log(ages), hours))
    fitted, _, rank, _ = np.linalg.lstsq(columns, values, rcond=None)
    rest = values - columns @ fitted
    if rank < columns.shape[1]:
        return None
    freedom = len(ages) - columns.shape[1]
    variance = float(rest @ rest) / freedom
    error = float(np.sqrt(variance * np.linalg.inv(columns.T @ columns)[2, 2]))
    memory = max(float(rest[1:] @ rest[:-1]) / max(float(rest @ rest), 1e-300), 0.0)
    error *= float(np.sqrt((1 + memory) / max(1 - memory, 1e-3)))
    slope, reach = float(fitted[2]), t_quantile(0.975, freedom) * error
    since = max(float(ages[-1]) / 3, float(ages[0]))
    rise = float(fitted[1]) * np.log(ages[-1] / since) + slope * (ages[-1] - since) / 3600
    return LastingGrowth(slope, error, slope - reach, slope + reach, float(rise))


def _since_a_fall(values: Floats) -> int:
    """Return the index after the deepest fall if all values after it are lower than all before, else 0.

    The fall must lie in the first half.
    """
    fall = int(np.argmin(np.diff(values))) + 1
    fell = 2 * fall <= len(values) and values[fall:].max() < values[:fall].min()
    return fall if fell else 0


def beside_creep(trend: Trend, lasting: LastingGrowth) -> Trend:
    """Return the trend with the lasting growth instead of its own slope; its resolution never becomes finer."""
    lines = tuple(_turned(line, lasting) for line in trend.lines)
    return replace(
        trend,
        slope_per_hour=lasting.slope,
        slope_low=lasting.low,
        slope_high=lasting.high,
        resolution_per_hour=max(
            trend.resolution_per_hour, lasting.high, RESOLVED_AT * lasting.error
        ),
        doubt=None,
        more_seconds=None,
        stepwise=False,
        lines=lines,
    )


def _turned(line: Line, lasting: LastingGrowth) -> Line:
    """Return a line with the same end but another slope, and with the band of its interval."""
    hours = (line.end - line.start) / 3600
    return replace(
        line,
        first=line.last - lasting.slope * hours,
        low_last=line.last + (lasting.low - lasting.slope) * hours / 2,
        high_last=line.last + (lasting.high - lasting.slope) * hours / 2,
    )
