"""Covariates from the load: growth may follow requests instead of time, and a level may follow their rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.analysis.statistics.growth_input import LevelPoints, RecentRequests
from soak.analysis.statistics.process_lives import clean
from soak.analysis.thresholds import PEAK_CONNECTIONS
from soak.model import Floats, Series

_FEWEST = 10
_STEADY = 0.05


def peak_connections(lives: Sequence[LevelPoints], connections: Series | None) -> Floats | None:
    """Return the highest number of open connections so far at each of the lives' points, scaled to 0 to 1.

    Allocators keep memory that was taken for a burst of connections, so a level rises with each
    higher burst without a leak. None if the connections are unknown, or if the maximum hardly
    rises.
    """
    if connections is None:
        return None
    when, count = clean(connections.times, connections.values)
    if len(when) < _FEWEST:
        return None
    times = np.concatenate([p.times for p in lives])
    highest = np.maximum.accumulate(count)[
        np.clip(np.searchsorted(when, times, side="right") - 1, 0, None)
    ]
    rise = float(np.ptp(highest))
    return (
        (highest - highest.min()) / rise
        if rise >= PEAK_CONNECTIONS * max(float(highest.min()), 1.0)
        else None
    )


def load_covariates(
    lives: Sequence[LevelPoints], span: float, requests: Series | None
) -> tuple[list[Floats], Floats | None]:
    """Return what a leak may follow at the lives' points, each (n,), and the request rate there, scaled to 0 to 1.

    The first pace is a process's age. If the request rate varies, the second is requests, in units
    of the late rate. Both rise by 1 per `span` (seconds). The rate is None if it is unknown or
    steady.
    """
    ages = np.concatenate([p.times - p.born for p in lives]) / span
    if requests is None:
        return [ages], None
    when, done = clean(requests.times, requests.values)
    if len(when) < _FEWEST or done[-1] <= done[0]:
        return [ages], None
    times = np.concatenate([p.times for p in lives])
    total = np.interp(times, when, done)
    width = max(float(np.median(np.diff(times))), 1e-9)
    after, before = np.minimum(times + width, when[-1]), np.maximum(times - width, when[0])
    rate = (np.interp(after, when, done) - np.interp(before, when, done)) / np.maximum(
        after - before, 1e-9
    )
    late = float(np.mean(rate[len(rate) // 2 :]))
    spread = float(np.ptp(rate))
    if spread < _STEADY * float(np.max(rate)) or late <= 0:
        return [ages], None
    return [ages, (total - total[0]) / (late * span)], (rate - rate.min()) / spread


def recent_requests(lives: Sequence[LevelPoints], recent: RecentRequests | None) -> list[Floats]:
    """Return what a level may follow at the lives' points if it holds what came lately: columns (n, q) of a range of 1.

    First the rate of one endpoint, or of all, over one length of what counts as lately; then the
    entries of containers. Those that do not vary are left out.
    """
    if recent is None:
        return []
    times = np.concatenate([p.times for p in lives])
    rates = [rate for each in recent.rates for rate in (*each.T, each.sum(axis=1))]
    kinds = (_varying(times, recent.times, each) for each in (rates, list(recent.held.T)))
    return [columns for columns in kinds if columns.shape[1]]


def _varying(times: Floats, known: Floats, levels: Sequence[Floats]) -> Floats:
    """Return the levels, known at some times, at others (n,), as columns of a range of 1; without those that hardly vary."""
    columns = [np.empty((len(times), 0))]
    for level in levels:
        there = np.interp(times, known, level)
        if np.ptp(there) > _STEADY * float(np.max(there)):
            columns.append(((there - there.min()) / np.ptp(there))[:, None])
    return np.concatenate(columns, axis=1)
