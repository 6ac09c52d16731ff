"""Whether what grows still does so late in the run: a cache that is full by then does not."""

from __future__ import annotations

import numpy as np

from soak.catalog.metrics import metric_of
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.levels import (
    OF_AN_ENDPOINT,
    Levels,
    attribute_by_endpoint,
    levels_of_finding,
)
from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.attribution.signals import PLACE, Signal
from soak.diagnosis.attribution.site_growth import slowing
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import FILLING_ERRORS, FILLING_RATIO
from soak.units import show_ratio


def adds_late(case: Case, context: RunContext) -> bool:
    """Return True if one of a case's series surely grows through its endpoints in the later half of the run too.

    Growth through every endpoint is not looked at: no cache fills through all of them alike.
    """
    return case.endpoint == EVERY or any(
        _adds_late(signal, case, context) for signal in case.signals
    )


def _adds_late(signal: Signal, case: Case, context: RunContext) -> bool:
    finding, prepared = signal.finding, context.prepared
    metric = None if finding is None else metric_of(finding.series, finding.labels)
    if finding is None or metric is None:
        return False
    if (levels := levels_of_finding(prepared, finding, metric)) is None:
        return False
    late = levels.times >= 0.5 * (levels.times[0] + levels.times[-1])
    half = Levels(levels.times[late], levels.values[late], levels.requests[late], levels.borders)
    told = attribute_by_endpoint(prepared, half, signal.name, signal.unit, integer=metric.integer)
    return any(amount.endpoint in case.endpoints and amount.low > 0 for amount in told.amounts)


def slows_down(case: Case, context: RunContext) -> str:
    """Say that the growth per request at the case's fastest place slows down, as in a cache that fills up, if it does."""
    if any(signal.name in OF_AN_ENDPOINT for signal in case.signals):
        return ""  # their objects are counted, and follow the requests to the end
    for signal in case.of(PLACE)[:1]:
        assert signal.site is not None
        mix = mix_at(signal.site.times, context.prepared.recording.windows)
        own = [mix.names.index(name) for name in case.endpoints if name in mix.names]
        clock = mix.counts[:, own].sum(axis=1) if own else signal.site.requests
        # Before the second snapshot a young service also keeps what it sets up.
        ratio, errors = slowing(np.asarray(clock)[1:], signal.site.levels[1:], signal.site.period)
        if ratio <= FILLING_RATIO and errors >= FILLING_ERRORS:
            share = show_ratio(max(ratio, 0.0))
            return f"Late in the run a request adds {share} as much at {signal.name} as early in it: it fills up, or keys repeat."
    return ""
