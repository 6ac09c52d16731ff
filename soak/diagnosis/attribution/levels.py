"""Levels: what a series retains, or a place holds, over time, and how much of it each endpoint adds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from soak.analysis.prepare.load_connections import at_usual_load
from soak.analysis.prepare.prepare import Prepared
from soak.catalog.jvm import GROWING_CLASSES, LIVE_CLASSES
from soak.catalog.metrics import CONTAINERS, Metric
from soak.diagnosis.attribution.attribution import EVERY, Amount, Attribution, attribute
from soak.diagnosis.attribution.growing_classes import ENDPOINT
from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.attribution.retained_level import retained_levels
from soak.diagnosis.attribution.site_growth import slope_and_error
from soak.diagnosis.thresholds import ALIKE_SHARE, ENTRY_LEAST, ENTRY_MOST, LEAST_SNAPSHOTS
from soak.model import Finding, Floats, Series

#: What the requests to one endpoint leave, as counts show that follow them exactly.
_ENTRIES = tuple(rows.growing for rows in CONTAINERS)
OF_AN_ENDPOINT = (GROWING_CLASSES, *_ENTRIES)


@dataclass(frozen=True, eq=False)
class Levels:
    """A level to be attributed: its values at times, with the requests done by then.

    `endpoint` is the one whose requests are known to add to it; empty if that is to be found.
    """

    times: Floats
    values: Floats
    requests: Floats
    borders: tuple[float, ...] = field(default=())
    endpoint: str = ""


def levels_of(prepared: Prepared, series: Series) -> Levels | None:
    """Return the retained level of a series over the judged stretch; None with too few samples."""
    times, values = retained_levels(prepared, series)
    if len(times) < LEAST_SNAPSHOTS:
        return None
    endpoint = dict(series.labels).get(ENDPOINT, "") if series.name in OF_AN_ENDPOINT else ""
    return Levels(
        times, values, requests_at(prepared, times), tuple(prepared.cuts(series)), endpoint
    )


def levels_of_finding(prepared: Prepared, finding: Finding, metric: Metric) -> Levels | None:
    """Return the retained level of a finding's series at the usual load; None if it is missing or has too few samples."""
    series = prepared.beside(finding.series, finding.labels)
    return None if series is None else levels_of(prepared, at_usual_load(prepared, series, metric))


def requests_at(prepared: Prepared, times: Floats) -> Floats:
    """Return the requests done by each time; the times themselves if requests were not counted."""
    done = prepared.requests
    return (
        np.interp(times, done.times, done.values) if done is not None and len(done.times) else times
    )


def attribute_by_endpoint(
    prepared: Prepared, levels: Levels, key: str, unit: str, *, integer: bool = False
) -> Attribution:
    """Attribute a level to endpoints; a single endpoint, or the one that is known, gets all of it."""
    windows = [endpoint for endpoint in prepared.windows() if endpoint.requests.sum() > 0]
    if len(windows) == 1 and np.ptp(levels.requests) > 0:
        return _all_of_it(windows[0].endpoint, levels.requests, levels, key, unit)
    mix = mix_at(levels.times, windows) if levels.endpoint else None
    if mix is not None and levels.endpoint in mix.names:
        requests = mix.counts[:, mix.names.index(levels.endpoint)]
        told = _all_of_it(levels.endpoint, requests, levels, key, unit)
        return _with_what_it_holds(prepared, told, key)
    return attribute(
        levels.times,
        levels.values,
        prepared.recording.windows,
        key=key,
        unit=unit,
        integer=integer,
        borders=levels.borders,
    )


def _all_of_it(endpoint: str, requests: Floats, levels: Levels, key: str, unit: str) -> Attribution:
    slope, error = slope_and_error(requests, levels.values)
    low, high = slope - error, slope + error
    if key in _ENTRIES:  # their number is exact, but what one holds is not
        low, high = ENTRY_LEAST * low, ENTRY_MOST * high
    return Attribution(key, unit, (Amount(endpoint, slope, low, high, 1.0),))


def _with_what_it_holds(prepared: Prepared, told: Attribution, key: str) -> Attribution:
    """Raise the upper end of what classes add to all that the heap gains with these requests, when caches are full.

    The objects of the classes that surely grow refer to others, such as texts, that do so too, but not
    so exactly among all other texts.
    """
    [amount] = told.amounts
    whole = next((found for found in prepared.named(LIVE_CLASSES)), None)
    if key != GROWING_CLASSES or whole is None:
        return told
    times, values = retained_levels(prepared, whole)
    mix = mix_at(times, prepared.windows())
    if len(times) < LEAST_SNAPSHOTS or amount.endpoint not in mix.names:
        return told
    late = len(times) // 3
    made = float(np.ptp(mix.counts[late:, mix.names.index(amount.endpoint)]))
    most = float(values[-1] - values[late]) / made if made > 0 else 0.0
    return replace(told, amounts=(replace(amount, high=max(amount.high, most)),))


def contributors(told: Attribution) -> tuple[Amount, ...]:
    """Return the endpoints that surely add to a level; a single amount for all of them if they contribute alike."""
    if told.refused is not None:
        return ()
    each = [amount.per_request for amount in told.amounts]
    if told.contributors and len(each) > 2 and min(each) >= ALIKE_SHARE * max(each):
        return (told.every or _alike(told),)
    return told.contributors


def _alike(told: Attribution) -> Amount:
    """Return an amount for every endpoint: that of the endpoint with the narrowest interval."""
    best = min(told.contributors, key=lambda amount: amount.high - amount.low)
    return replace(best, endpoint=EVERY, share=1.0)
