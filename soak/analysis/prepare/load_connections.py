"""Remove what a target holds for the load's own connections: descriptors, handles, goroutines, and buffers on its heap.

An open model opens connections when the target stalls and closes them again later. Each connection
is a descriptor of the target, in Go also one or two goroutines, and in a server like Jetty 100 KiB
of parsers and buffers. Growth from such connections must not be mistaken for a leak. The load knows
how many connections it has open, so their share is subtracted if the series varies less without it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.analysis.prepare.generator_series import CONNECTIONS
from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import Metric
from soak.model import Floats, Series

#: Numbers of a counted resource that a target may hold for each connection.
_EACH = (1, 2)
#: A series follows the connections if subtracting them reduces its variation below this share.
_CALMER = 0.9
#: The same for bytes, whose amount per connection is estimated from the series itself. For a dozen
#: levels that do not depend on connections, such an estimate reduces the variation by a tenth or
#: two by chance.
_CALMER_BYTES = 0.6
#: A series that rises together with the connections, for example when visitors with long flows
#: arrive one by one, keeps at most this share of its range after subtraction. A leak matches the
#: connections this closely only by chance, and any further leak remains in the series.
_RISING = 0.25
#: The smallest range of a series that can count as rising with the connections.
_LEAST_RANGE = 3.0
_FEWEST = 10


def load_connections(prepared: Prepared) -> Series | None:
    """Return the series of how many connections the load had open; None if unknown."""
    return next(iter(prepared.named(CONNECTIONS)), None)


def at_usual_load(prepared: Prepared, series: Series, metric: Metric) -> Series:
    """Return the series of a metric as it would be with the load's median number of connections."""
    if not metric.connected:
        return series
    return without_connections(series, load_connections(prepared), counted=metric.integer)


def without_connections(
    series: Series, connections: Series | None, *, counted: bool = True
) -> Series:
    """Return the series as it would be with the median number of connections; unchanged if it does not follow them.

    A series that is not `counted` is in bytes, and how many bytes a connection takes is estimated.
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
    """Estimate the bytes per connection, 0 or more, by least squares of differences with a drift term."""
    known = np.isfinite(series.values)
    if known.sum() < _FEWEST:
        return 0.0
    moved, opened = np.diff(series.values[known]), np.diff(connections[known])
    opened -= opened.mean()
    spread = float(opened @ opened)
    return max(float(opened @ moved) / spread, 0.0) if spread > 0 else 0.0


def _moves(values: Floats) -> float:
    """Return the sum of all moves up and down, less the absolute change from first to last value."""
    known = values[np.isfinite(values)]
    return float(np.abs(np.diff(known)).sum() - abs(known[-1] - known[0])) if len(known) else 0.0


def _range(values: Floats) -> float:
    """Return the 10% to 90% quantile range: connections are counted slightly before or after the series."""
    known = values[np.isfinite(values)]
    return float(np.ptp(np.quantile(known, (0.1, 0.9)))) if len(known) >= _FEWEST else 0.0
