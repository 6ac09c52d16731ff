"""Requests counted on a heap under load, compared with those that are left when the load has ended.

Under load the count includes requests that are under way: it jumps with every burst of them and with
every pause of the target. What is kept for good is still there after the drain, when none is under
way, so the growth over the run is at most what is left then.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.metrics import ResourceKind, metric_of
from soak.model import Finding, Series, Trend, Verdict
from soak.units import capitalized, show_count

_STEP = "requests left after the drain"


def without_requests_under_way(prepared: Prepared, subject: Subject, finding: Finding) -> Finding:
    """Pass a count of kept requests if no more are left after the drain than the fewest under load.

    Such a pass is bounded by what is left: one more than that may have been kept in the judged time.
    """
    metric = metric_of(subject.series.name, subject.series.labels)
    trend = finding.trend
    if (
        metric is None
        or metric.kind is not ResourceKind.REQUESTS
        or finding.verdict is Verdict.PASS
        or subject.limit is not None
        or trend is None
        or prepared.judged_seconds <= 0
    ):
        return finding
    left = requests_left(prepared, subject.series)
    judged = subject.series.values[subject.series.times >= subject.judged_from]
    if left is None or not np.isfinite(judged).any() or left > np.nanmin(judged):
        return finding
    bounded = bounded_by_what_is_left(trend, left, prepared.judged_seconds)
    are = "is" if left == 1 else "are"
    counted = f"{show_count(int(left), 'request')} {are}" if left else "none is"
    reason = f"{capitalized(subject.noun)} were under way: {counted} left after the drain, no more than at any moment under load."
    passed = finding.adjusted(_STEP, Verdict.PASS, reason)
    return replace(passed, trend=bounded, observed=bounded.slope_per_hour)


def bounded_by_what_is_left(trend: Trend, left: float, seconds: float) -> Trend:
    """Return the trend of a count of which so many are left of those that came in so many seconds, or one more."""
    most = (left + 1) * 3600 / seconds
    return replace(
        trend,
        slope_per_hour=left * 3600 / seconds,
        slope_low=0.0,
        slope_high=most,
        resolution_per_hour=most,
    )


def requests_left(prepared: Prepared, counted: Series) -> float | None:
    """Return the count when the load had ended; None if it was not taken then."""
    for series in prepared.recording.series:
        if series.key == counted.key:
            after = series.values[(series.times > prepared.end) & np.isfinite(series.values)]
            return float(after[0]) if len(after) else None
    return None
