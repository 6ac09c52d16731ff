"""Thin a series for drawing, so that peaks remain."""

from __future__ import annotations

import numpy as np

from soak.model import Curve, Floats, Series, Trend

#: A time of this many usual intervals without a value is a gap, which no line crosses, if there are
#: at least this many values.
GAP, TOLD = 5.0, 20
#: Most points of a curve: more than a chart has pixels would show nothing more.
MOST_POINTS = 600


def thinned(series: Series, label: str, trend: Trend | None) -> Curve:
    """Return at most `MOST_POINTS` points, evenly over time: mean, lowest and highest of the samples; NaN in gaps."""
    known = np.isfinite(series.values)
    times, values = series.times[known], series.values[known]
    if len(times) <= MOST_POINTS:
        times, values = _with_gaps(times, values)
        return Curve(label, times, values, values, values, trend, series.key)
    edges = np.linspace(times[0], times[-1], MOST_POINTS + 1)
    starts = np.unique(np.searchsorted(times, edges[:-1]))
    counts = np.diff(np.append(starts, len(times)))

    def per_bin(total: Floats) -> Floats:
        return np.asarray(np.add.reduceat(total, starts) / counts)

    lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    times, values, lows, highs = _with_gaps(per_bin(times), per_bin(values), lows, highs)
    return Curve(label, times, values, lows, highs, trend, series.key)


def _with_gaps(times: Floats, *columns: Floats) -> tuple[Floats, ...]:
    """Return times and columns of the same length with a NaN in the middle of each gap."""
    if len(times) < TOLD:
        return times, *columns
    apart = np.diff(times)
    after = np.flatnonzero(apart > GAP * np.median(apart)) + 1
    middles = (times[after - 1] + times[after]) / 2
    return np.insert(times, after, middles), *(np.insert(one, after, np.nan) for one in columns)
