"""How much longer a run must be before an interval decides: the advice of every inconclusive finding of a trend."""

from __future__ import annotations

import math
from collections.abc import Iterable

from soak.analysis.vouch import MOST_LONGER, SHARPER
from soak.model import Trend
from soak.units import show_duration

#: The least and the most that is advised, in lengths of the run so far: less is within the run's own chance, and what more
#: than ten times the time would bring, this run does not know.
LEAST, MOST = 0.25, MOST_LONGER


def more_time(trend: Trend, edges: Iterable[float], seconds: float) -> str:
    """`2.5 h more would tell`: when the interval, as it narrows with T^1.5, will exclude the nearest of `edges`.

    `edges` are the growths an hour at which the verdict turns, `seconds` how long was judged. A
    rate that lies on an edge can never be told from it, so that no more than MOST is advised.
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
    """`2.5 h more would tell`: of a run or of a file that somebody else recorded."""
    return f"{show_duration(seconds)} more would tell"
