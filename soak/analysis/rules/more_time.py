"""How much longer a run must be before an interval decides: the advice of every inconclusive finding of a trend."""

from __future__ import annotations

import math
from collections.abc import Iterable

from soak.analysis.thresholds import EDGE_LONGER, MOST_LONGER
from soak.analysis.vouch import SHARPER
from soak.model import Trend
from soak.units import show_duration


def more_seconds(trend: Trend, edges: Iterable[float], seconds: float) -> float:
    """Return how many seconds more probably decide: when the interval, narrowing with T^1.5, excludes the nearest edge.

    `edges` are the hourly growths at which the verdict changes, `seconds` the length judged so far.
    A rate on an edge can never be distinguished from it, so at most MOST_LONGER lengths are advised.
    """
    width = (trend.slope_high - trend.slope_low) / 2
    distance = min((abs(trend.slope_per_hour - edge) for edge in edges), default=0.0)
    longer = (
        (width / distance) ** (1 / SHARPER) - 1
        if distance > 0 and math.isfinite(width)
        else math.inf
    )
    return seconds * min(max(longer, EDGE_LONGER), MOST_LONGER)


def more_would_tell(seconds: float, *, surely: bool = True) -> str:
    """Return `2.5 h more would tell` (or `may tell`), for a run or for a file that was recorded elsewhere."""
    return f"{show_duration(seconds)} more {'would' if surely else 'may'} tell"
