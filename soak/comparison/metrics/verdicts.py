"""Metrics from the verdict of each run: growth, and the horizon for which a pass vouches."""

from __future__ import annotations

import math
from collections.abc import Iterator

from soak.analysis.statistics.room import HANDFUL
from soak.analysis.thresholds import GROWS_BY, RESOLVED_AT
from soak.catalog.metrics import metric_of
from soak.comparison.run_view import Figure, RunView
from soak.model import Finding, Labels, RuleName, Trend, series_key

#: Hours within which growth by `GROWS_BY` matters: the verdict's default, which a profile may
#: change.
_SURVIVE_HOURS = 30 * 24.0
#: Assumed standard error of a horizon on a logarithmic scale, since it follows from the width of
#: one interval.
HORIZON = 0.7


def growth(view: RunView) -> Iterator[Figure]:
    """Yield the growth per hour of each judged series, with the error from its interval.

    A difference matters if it would add half of the level within 30 days, like growth itself.
    """
    for finding in _growing(view):
        trend = finding.trend
        assert trend is not None
        matters = growth_that_matters(finding.series, finding.labels, trend.level)
        yield Figure(
            _key(finding), trend.slope_per_hour, 0.0, slope_error(trend), finding.unit, matters
        )


def growth_that_matters(series: str, labels: Labels, level: float) -> float:
    """Return the growth per hour that adds half of a level within 30 days, and at least a handful of counted things."""
    metric = metric_of(series, labels)
    half = GROWS_BY * abs(level)
    return (max(half, HANDFUL) if metric is not None and metric.integer else half) / _SURVIVE_HOURS


def slope_error(trend: Trend) -> float:
    """Return the standard error of a growth, at least that of its resolution (for a series that did not move)."""
    return max(trend.standard_error, trend.resolution_per_hour / RESOLVED_AT)


def horizon(view: RunView) -> Iterator[Figure]:
    """Yield the horizon for which the run vouches: the shortest of its judged series."""
    known = [finding.vouched_seconds for finding in _growing(view) if finding.vouched_seconds]
    if known:
        yield Figure("", min(known), HORIZON, 0.0, "seconds")


def _growing(view: RunView) -> Iterator[Finding]:
    for finding in view.analysis.findings:
        trend = finding.trend
        if (
            finding.rule is not RuleName.GROWTH
            or trend is None
            or finding.series.startswith("scrape_")
        ):
            continue
        if math.isfinite(slope_error(trend)) and math.isfinite(trend.slope_per_hour):
            yield finding


def _key(finding: Finding) -> str:
    return series_key(finding.series, finding.labels)
