"""How much longer a run must be before an interval decides: the advice of every inconclusive finding of a trend."""

from __future__ import annotations

import math
from collections.abc import Iterable

from soak.analysis.vouch import MOST_LONGER, SHARPER
from soak.model import Trend
from soak.units import show_duration

#: The least and the most that is advised, in lengths of the run so far. A smaller difference is
#: within the run's own chance, and this run cannot predict what more than ten times its length
#: would show.
LEAST, MOST = 0.25, MOST_LONGER


def more_time(trend: Trend, edges: Iterable[float], seconds: float) -> str:
    """Return `2.5 h more would tell`: when the interval, narrowing with T^1.5, excludes the nearest of `edges`.

    `edges` are the hourly growths at which the verdict changes, `seconds` the length judged so far.
    A rate on an edge can never be distinguished from it, so at most MOST is advised.
    """
    width = (trend.slope_high - trend.slope_low) / 2
    distance = min((abs(trend.slope_per_hour - edge) for edge in edges), default=0.0)
    longer = (
        (width / distance) ** (1 / SHARPER) - 1
        if distance > 0 and math.isfinite(width)
        else math.inf
    )
    return more_would_tell(seconds * min(max(longer, LEAST), MOST))


def more_would_tell(seconds: float) -> str:
    """Return `2.5 h more would tell`, for a run or for a file that was recorded elsewhere."""
    return f"{show_duration(seconds)} more would tell"
