"""What a target counts of the load's own connections: descriptors, handles or goroutines that come and go with them.

An open model opens connections when the target stalls and closes them again later. Each is a
descriptor of the target, and in Go a goroutine or two; a leak would have to be told apart from
that. The load knows how many it has open, so they are taken off wherever the series is the calmer
for it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.model import Floats, Series

#: How many of a thing a target may have for each connection.
_EACH = (1, 2)
#: A series that follows the connections moves less without them, by at least this share.
_CALMER = 0.9
#: One that rises with them, as where visitors with long flows arrive one by one, has at most this share of its range left
#: without them. So near to them a leak only is by chance, and what else leaks beside them is left.
_RISING = 0.25
#: Such a series has at least so wide a range.
_LEAST_RANGE = 3.0
_FEWEST = 10


def without_connections(series: Series, connections: Series | None) -> Series:
    """The series as it would be under its median number of connections; itself where it does not follow them."""
    if connections is None or len(connections.times) < _FEWEST or len(series.times) < _FEWEST:
        return series
    known = np.isfinite(connections.values)
    if known.sum() < _FEWEST or not np.ptp(connections.values[known]):
        return series
    there = np.interp(series.times, connections.times[known], connections.values[known])
    extra = np.round(there - np.median(there))
    calmest, each = min((_moves(series.values - each * extra), each) for each in _EACH)
    if calmest < _CALMER * _moves(series.values):
        return replace(series, values=series.values - each * extra)
    during = (series.times >= connections.times[known][0]) & (
        series.times <= connections.times[known][-1]
    )
    whole = _range(series.values[during])
    left, each = min((_range((series.values - each * extra)[during]), each) for each in _EACH)
    if whole >= _LEAST_RANGE and left <= _RISING * whole:
        return replace(series, values=series.values - each * extra)
    return series


def _moves(values: Floats) -> float:
    """How far the values go up and down in all, but for the way that they get on."""
    known = values[np.isfinite(values)]
    return float(np.abs(np.diff(known)).sum() - abs(known[-1] - known[0])) if len(known) else 0.0


def _range(values: Floats) -> float:
    """How far apart the levels are, but for the tenth at either end: connections are counted a moment beside them."""
    known = values[np.isfinite(values)]
    return float(np.ptp(np.quantile(known, (0.1, 0.9)))) if len(known) >= _FEWEST else 0.0
