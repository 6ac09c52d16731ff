"""Goroutines, threads and tasks that were counted under load, compared with those that are left when the load has ended.

What waits for ever is still there after the drain. Workers of a pool, timers of orders and long polls come and
go with the load, so their number swings, and a short run may not tell that from growth; but they end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.released_requests import bounded_by_what_is_left
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.metrics import ResourceKind, metric_of
from soak.model import Finding, Verdict
from soak.units import capitalized, show_number

_STEP = "left after the drain"


def without_those_that_ended(prepared: Prepared, subject: Subject, finding: Finding) -> Finding:
    """Pass a count of goroutines, threads or tasks unless it fails, if no more are left after the drain than under load.

    Such a pass is bounded by what is left beyond the first count, and one more. Growth that is certain
    stays a fail: what a connection keeps ends with it, when the load does.
    """
    metric = metric_of(subject.series.name, subject.series.labels)
    trend = finding.trend
    if (
        metric is None
        or metric.kind is not ResourceKind.THREADS
        or finding.verdict is Verdict.FAIL
        or subject.limit is not None
        or trend is None
        or prepared.judged_seconds <= 0
    ):
        return finding
    recorded = next(
        (each for each in prepared.recording.series if each.key == subject.series.key), None
    )
    if recorded is None:
        return finding
    known = np.isfinite(recorded.values)
    after = recorded.values[known & (recorded.times > prepared.end)]
    judged = subject.series.values[subject.series.times >= subject.judged_from]
    judged = judged[np.isfinite(judged)]
    if not len(after) or not len(judged) or after[-1] > judged.min() or not np.ptp(judged):
        return finding
    left = max(0.0, float(after[-1] - recorded.values[known][0]))
    decided = replace(trend, doubt=None, more_seconds=None)
    bounded = bounded_by_what_is_left(decided, left, prepared.judged_seconds)
    finer = trend.resolution_per_hour <= bounded.resolution_per_hour
    if finding.verdict is Verdict.PASS and finer:
        return finding
    reason = (
        f"{capitalized(subject.noun)} came and went with the load: {show_number(float(after[-1]))} are left after the drain, "
        "no more than at any moment under load."
    )
    passed = finding.adjusted(_STEP, Verdict.PASS, reason)
    return replace(passed, trend=bounded, observed=bounded.slope_per_hour)
