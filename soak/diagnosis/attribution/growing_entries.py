"""What requests leave in containers of Python and Node: entries, whose number rises exactly with one endpoint's requests.

Snapshots count the entries of containers, in Python also the objects of the service's classes. All
that is allocated moves by much more in minutes: caches fill, malloc keeps what threads gave back.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `_LEAST_ENTRY` 64 | bytes | an entry of which nothing is known: the smallest object with its place in a container |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.catalog.metrics import CONTAINERS
from soak.catalog.row_types import Containers
from soak.diagnosis.attribution.exact_counts import (
    FEWEST,
    FULL,
    SETTLED,
    added,
    follow,
    only_rise,
    scatter_about,
)
from soak.diagnosis.attribution.growing_classes import ENDPOINT
from soak.diagnosis.attribution.request_counts import mix_at
from soak.model import Floats, Kind, PhaseName, Recording, Series
from soak.snapshots import SNAPSHOT_SOURCE

_LEAST_ENTRY = 64.0


def growing_entries(recording: Recording, counted: Sequence[Series]) -> list[Series]:
    """Return the bytes that the requests to one endpoint leave as entries, of each runtime that has such containers.

    None if the mix was not varied. `counted` are the series of the snapshots. What an entry holds is
    what was measured of the largest one, but no less than what these requests add to all that the
    runtime holds.
    """
    if not recording.mix_varied:
        return []
    each = (_growing(rows, recording, counted) for rows in CONTAINERS)
    return [series for series in each if series is not None]


def _growing(rows: Containers, recording: Recording, counted: Sequence[Series]) -> Series | None:
    unbounded = [s for s in _named(counted, rows.lengths) if not rows.is_bounded(s.labels)]
    lengths = [_under_load(series, recording) for series in unbounded]
    lengths = [series for series in lengths if len(series.times) >= FEWEST]
    found = [row for series in lengths if (row := _followed(series, recording)) is not None]
    if not found:
        return None
    _, endpoint, _, leader = min(found, key=lambda row: row[0])
    own = [(per_request, series) for _, name, per_request, series in found if name == endpoint]
    per_request = next(per_request for per_request, series in own if series is leader)
    sizes = _named(counted, rows.entry)
    measured = max(per_request * _entry(sizes, series) for per_request, series in own)
    whole = [_under_load(series, recording) for series in _named(counted, rows.held)]
    each = max(measured, _held(recording, whole, endpoint))
    each = each or per_request * max(_beside(whole, leader), _LEAST_ENTRY)
    values = leader.values * each / per_request
    labels = ((ENDPOINT, endpoint),)
    return Series(rows.growing, leader.times, values, labels, Kind.GAUGE, SNAPSHOT_SOURCE)


def _followed(series: Series, recording: Recording) -> tuple[float, str, float, Series] | None:
    """Return the scatter of a length about an endpoint's requests, the endpoint, entries per request, and the length."""
    late = slice(int(SETTLED * len(series.times)), None)
    times, counts = series.times[late], series.values[late, None]
    mix = mix_at(times, recording.windows)
    if not mix.names or not only_rise(counts)[0]:
        return None
    scatter = scatter_about(mix.counts, counts)
    exact = follow(mix.counts, counts, scatter, np.array([True]))[:, 0]
    if not exact.any():
        return None
    at = int(np.argmin(np.where(exact, scatter[:, 0], np.inf)))
    per_request = float(np.ptp(counts) / np.ptp(mix.counts[:, at]))
    return float(scatter[at, 0]), mix.names[at], per_request, series


def _held(recording: Recording, held: Sequence[Series], endpoint: str) -> float:
    """Return how many bytes each request to an endpoint adds to all that the runtime holds; 0 if that is unsure."""
    for whole in held:
        mix = mix_at(whole.times, recording.windows)
        if len(whole.times) >= FEWEST and endpoint in mix.names:
            at = mix.names.index(endpoint)
            return added(mix.counts, whole.values, at) / float(np.ptp(mix.counts[:, at]))
    return 0.0


def _beside(held: Sequence[Series], leader: Series) -> float:
    """Return how many bytes all that the runtime holds rises by with each entry; 0 if it falls or is unknown."""
    for whole in held:
        late = slice(int(FULL * len(whole.times)), None)
        entries = np.interp(whole.times[late], leader.times, leader.values)
        if len(entries) >= FEWEST and np.ptp(entries) > 0:
            return max(float(np.polyfit(entries, whole.values[late], 1)[0]), 0.0)
    return 0.0


def _entry(measured: Sequence[Series], length: Series) -> float:
    """Return what an entry of a container holds alone, as it was measured last; 0 if unknown."""
    holder = dict(length.labels).get("holder")
    sizes = [
        series.values[-1] for series in measured if dict(series.labels).get("holder") == holder
    ]
    return float(max(sizes, default=0.0))


def _named(counted: Sequence[Series], name: str) -> list[Series]:
    return [series for series in counted if series.name == name and len(series.times)]


def _under_load(series: Series, recording: Recording) -> Series:
    """Return the part of a series during the full load."""
    inside = np.zeros(len(series.times), dtype=bool)
    for phase in recording.phases:
        if phase.name == PhaseName.STEADY:
            inside |= (series.times >= phase.start) & (series.times <= phase.end)
    times: Floats = series.times[inside]
    return Series(
        series.name, times, series.values[inside], series.labels, series.kind, series.source
    )
