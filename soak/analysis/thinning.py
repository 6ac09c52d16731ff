"""A series thinned for drawing, so that peaks stay."""

from __future__ import annotations

import numpy as np

from soak.model import Curve, Floats, Series, Trend

#: More than a chart has pixels tell nothing more.
MOST_POINTS = 600


def thinned(series: Series, label: str, trend: Trend | None) -> Curve:
    """At most `MOST_POINTS` points, evenly over time: mean, lowest and highest of the samples around each."""
    known = np.isfinite(series.values)
    times, values = series.times[known], series.values[known]
    if len(times) <= MOST_POINTS:
        return Curve(label, times, values, values, values, trend, series.key)
    edges = np.linspace(times[0], times[-1], MOST_POINTS + 1)
    starts = np.unique(np.searchsorted(times, edges[:-1]))
    counts = np.diff(np.append(starts, len(times)))

    def per_bin(total: Floats) -> Floats:
        return np.asarray(np.add.reduceat(total, starts) / counts)

    lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return Curve(label, per_bin(times), per_bin(values), lows, highs, trend, series.key)
