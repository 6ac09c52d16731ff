"""Adjust a subject before it is judged: put it on a clock on which its growth is even, and add what snapshots found in use.

If the mix of traffic was varied on purpose, growth through one endpoint varies with it. Over
wall-clock time it bends like a warm-up or moves in steps, and a short run could not distinguish it
from those. Over that endpoint's requests it is even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.rule import RequestClock
from soak.analysis.statistics.growth_input import RecentRequests, Subject
from soak.catalog.metrics import ResourceKind, metric_of
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.bounded_holders import bounded_holders
from soak.diagnosis.attribution.levels import attribute_by_endpoint, contributors, levels_of
from soak.diagnosis.attribution.load_profiles import load_profiles
from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.thresholds import WALL_CLOCK_SHARE
from soak.model import Floats, JudgedClock, Recording, Series

#: Fewest snapshots that make a series.
_FEWEST = 10
#: Points of the clock that are kept for charts: a dozen for each slot in which the mix is varied.
_DRAWN = 400
#: What may count as lately: so many lengths from a few seconds to this share of the judged stretch.
#: Sessions and cached answers live for seconds to hours; a longer length is nearly the line of a leak.
_LENGTHS, _SHORTEST, _LONGEST_SHARE = 7, 3.0, 1 / 3


def request_clock(recording: Recording) -> RequestClock:
    """Return the function that adjusts a subject before it is judged, by this run's snapshots and traffic mix."""
    held = cache(lambda: _held(recording))
    coded = recording.mix_varied
    lately = cache(_lately)

    def even(prepared: Prepared, subject: Subject) -> Subject:
        role = metric_of(subject.series.name)
        if (
            subject.floor is None
            and role is not None
            and role.kind is ResourceKind.MEMORY
            and not subject.series.labels
        ):
            subject = replace(subject, floor=held())
        if not coded:
            return subject
        return on_request_clock(prepared, replace(subject, recent=lately(prepared)))

    return even


def _held(recording: Recording) -> Series | None:
    """Return what Python's own allocations held at each snapshot under load, which no other series shows; None if too few."""
    profiles, _ = load_profiles(recording.snapshots, "tracemalloc", recording.windows)
    if len(profiles) < _FEWEST:
        return None
    times = np.array([snapshot.time for snapshot in profiles])
    return Series(
        "tracemalloc",
        times,
        np.array([snapshot.profile.column("inuse_space").sum() for snapshot in profiles]),
    )


def _lately(prepared: Prepared) -> RecentRequests | None:
    """Return the endpoints' requests of late over the judged stretch; None if it is too short for any to count."""
    longest = _LONGEST_SHARE * (prepared.end - prepared.judged_from)
    windows = prepared.recording.windows
    times = windows[0].times
    times = times[(times >= prepared.judged_from) & (times <= prepared.end)]
    if longest <= _SHORTEST or not len(times):
        return None
    rates = []
    for length in np.geomspace(_SHORTEST, longest, _LENGTHS).tolist():
        before, now = np.split(mix_at(np.concatenate((times - length, times)), windows).counts, 2)
        rates.append((now - before) / length)
    return RecentRequests(times, tuple(rates), bounded_holders(prepared, times))


def on_request_clock(prepared: Prepared, subject: Subject) -> Subject:
    """Put the subject on the clock of the requests that surely make it grow; unchanged if none do, or all do alike.

    Both clocks agree when judging begins and when the load ends, so the growth per hour stays the
    same.
    """
    levels = levels_of(prepared, subject.series)
    if levels is None or not np.ptp(levels.values):
        return subject
    told = contributors(
        attribute_by_endpoint(
            prepared, levels, subject.series.name, subject.unit, integer=subject.integer
        )
    )
    if not told or any(amount.endpoint == EVERY for amount in told):
        return subject
    grid = np.union1d(prepared.recording.windows[0].times, [prepared.judged_from, prepared.end])
    grid = grid[(grid >= prepared.judged_from) & (grid <= prepared.end)]
    hands = _due(prepared, told, grid)

    def moved(times: Floats) -> Floats:
        return np.where(
            (times >= grid[0]) & (times <= grid[-1]), np.interp(times, grid, hands), times
        )

    return subject.on_clock(moved, _clock(prepared, told, grid, hands))


def _clock(prepared: Prepared, told: Sequence[Amount], grid: Floats, hands: Floats) -> JudgedClock:
    """Return the clock as reports draw it, at some of the times of `grid`."""
    drawn = np.unique(np.linspace(0, len(grid) - 1, _DRAWN).astype(int))
    endpoints = tuple(amount.endpoint for amount in told)
    mix = mix_at(grid[drawn], prepared.recording.windows)
    requests = np.sum([mix.counts[:, mix.names.index(name)] for name in endpoints], axis=0)
    return JudgedClock(
        tuple(grid[drawn].tolist()),
        tuple(hands[drawn].tolist()),
        tuple(requests.tolist()),
        endpoints,
    )


def _due(prepared: Prepared, told: Sequence[Amount], grid: Floats) -> Floats:
    """Return what the clock shows at each time of `grid`.

    The share of the growth that these endpoints explain advances with what their requests add, and
    the rest with wall-clock time.
    """
    mix = mix_at(grid, prepared.recording.windows)
    wall = (grid - grid[0]) / (grid[-1] - grid[0])
    kept = np.sum(
        [amount.per_request * mix.counts[:, mix.names.index(amount.endpoint)] for amount in told],
        axis=0,
    )
    gained = float(kept[-1] - kept[0])
    if gained <= 0:
        return grid
    share = min(sum(amount.share for amount in told), 1.0 - WALL_CLOCK_SHARE)
    return np.asarray(
        grid[0] + (grid[-1] - grid[0]) * (share * (kept - kept[0]) / gained + (1.0 - share) * wall)
    )
