"""Whether an endpoint still adds to what grows late in the run: a cache that is full by then does not."""

from __future__ import annotations

from soak.catalog.metrics import metric_of
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.levels import Levels, attribute_by_endpoint, levels_of_finding
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext


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
