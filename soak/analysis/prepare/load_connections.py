"""What a target holds for the load's own connections: descriptors, handles, goroutines, and buffers on its heap.

An open model opens connections when the target stalls and closes them again later. Each is a
descriptor of the target, in Go a goroutine or two, and in a server like Jetty 100 KiB of parsers and
buffers; a leak would have to be told apart from that. The load knows how many it has open, so they
are taken off wherever the series is the calmer for it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.analysis.prepare.generator_series import CONNECTIONS
from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import Metric
from soak.model import Floats, Series

#: How many of a thing a target may have for each connection.
_EACH = (1, 2)
#: A series that follows the connections moves less without them, by at least this share.
_CALMER = 0.9
#: The same of bytes, whose amount for each connection is estimated from the series itself: of a dozen levels that have nothing
#: to do with connections, such an estimate takes a tenth or two off by chance.
_CALMER_BYTES = 0.6
#: One that rises with them, as where visitors with long flows arrive one by one, has at most this share of its range left
#: without them. So near to them a leak only is by chance, and what else leaks beside them is left.
_RISING = 0.25
#: Such a series has at least so wide a range.
_LEAST_RANGE = 3.0
_FEWEST = 10


def load_connections(prepared: Prepared) -> Series | None:
    """How many connections the load had open; None where that is unknown."""
    return next(iter(prepared.named(CONNECTIONS)), None)


def at_usual_load(prepared: Prepared, series: Series, metric: Metric) -> Series:
    """A series of what this metric measures as it would be under the load's median number of connections."""
    if not metric.connected:
        return series
    return without_connections(series, load_connections(prepared), counted=metric.integer)


def without_connections(
    series: Series, connections: Series | None, *, counted: bool = True
) -> Series:
    """The series as it would be under its median number of connections; itself where it does not follow them.

    What is not `counted` is bytes, of which nobody knows how many a connection takes.
    """
    if connections is None or len(connections.times) < _FEWEST or len(series.times) < _FEWEST:
        return series
    known = np.isfinite(connections.values)
    if known.sum() < _FEWEST or not np.ptp(connections.values[known]):
        return series
    there = np.interp(series.times, connections.times[known], connections.values[known])
    extra = np.round(there - np.median(there))
    if not counted:
        each = _bytes_each(series, extra)
        fits = _moves(series.values - each * extra) < _CALMER_BYTES * _moves(series.values)
        return replace(series, values=series.values - each * extra) if fits else series
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


def _bytes_each(series: Series, connections: Floats) -> float:
    """By how much the series moves with a connection (least squares of steps, beside a drift); 0 where it does not."""
    known = np.isfinite(series.values)
    if known.sum() < _FEWEST:
        return 0.0
    moved, opened = np.diff(series.values[known]), np.diff(connections[known])
    opened -= opened.mean()
    spread = float(opened @ opened)
    return max(float(opened @ moved) / spread, 0.0) if spread > 0 else 0.0


def _moves(values: Floats) -> float:
    """How far the values go up and down in all, but for the way that they get on."""
    known = values[np.isfinite(values)]
    return float(np.abs(np.diff(known)).sum() - abs(known[-1] - known[0])) if len(known) else 0.0


def _range(values: Floats) -> float:
    """How far apart the levels are, but for the tenth at either end: connections are counted a moment beside them."""
    known = values[np.isfinite(values)]
    return float(np.ptp(np.quantile(known, (0.1, 0.9)))) if len(known) >= _FEWEST else 0.0
