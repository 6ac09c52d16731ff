"""The series that a report shows first, and its line: the forecast of a leak, or the steepest growth not ruled out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from soak.analysis.vouch import bound
from soak.model import Chart, Finding, Lead, Line, RuleName, Trend, Verdict, Vouched, series_key

FAILED_REQUESTS = "http_request_error_ratio"


def lead_of(
    findings: Sequence[Finding], vouched: Vouched | None, charts: Sequence[Chart]
) -> Lead | None:
    """Return the lead from the most urgent finding that is drawn; of a pass, from the one that bounds its horizon.

    If something failed that has no curve, such as the life of a process, failed requests lead if
    there were any, because they show since when. None if nothing is drawn.
    """
    drawn = {curve.series for chart in charts for curve in chart.curves if curve.series}
    bounding = [
        finding
        for finding in findings
        if vouched is not None and _key(finding) == vouched.by and finding.trend is not None
    ]
    chosen = next(
        (finding for finding in (*bounding, *findings) if _shown_by(finding, drawn)), None
    )
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    if failed and (chosen is None or chosen.verdict is Verdict.PASS) and _any_failed(charts):
        return Lead(FAILED_REQUESTS)
    if chosen is None:
        return None
    if _key(chosen) not in drawn:
        return Lead(chosen.series)
    if chosen.trend is None or chosen.rule is not RuleName.GROWTH:
        return Lead(_key(chosen))
    if chosen.verdict is Verdict.FAIL:
        return _forecast(chosen, chosen.trend)
    return Lead(_key(chosen), _steepest_hidden(chosen.trend))


def _any_failed(charts: Sequence[Chart]) -> bool:
    """Return True if a curve of failed requests is drawn that is ever above zero."""
    return any(
        bool((curve.high > 0).any())
        for chart in charts
        for curve in chart.curves
        if curve.series == FAILED_REQUESTS
    )


def _shown_by(finding: Finding, drawn: set[str]) -> bool:
    """Return True if the finding's series is drawn; unless it passes, the series of all endpoints is enough."""
    open_ = finding.verdict is not Verdict.PASS
    return _key(finding) in drawn or (open_ and finding.series in drawn)


def _key(finding: Finding) -> str:
    return series_key(finding.series, finding.labels)


def _forecast(finding: Finding, trend: Trend) -> Lead:
    """Return the lead with a line from the end of the fit to the capacity, or to twice the level if that is unknown."""
    hours, capacity = finding.exhausts_in_hours, True
    if hours is None and trend.slope_per_hour > 0 and trend.level > 0:
        hours, capacity = trend.level / trend.slope_per_hour, False
    if hours is None or not math.isfinite(hours * trend.slope_per_hour) or not trend.lines:
        return Lead(_key(finding))
    start = trend.lines[-1].end
    target, low, high = (
        trend.level + slope * hours
        for slope in (trend.slope_per_hour, trend.slope_low, trend.slope_high)
    )
    return Lead(
        _key(finding),
        Line(start, start + 3600 * hours, trend.level, target, low, high),
        target,
        capacity,
    )


def _steepest_hidden(trend: Trend) -> Line | None:
    """Return the fastest growth not ruled out, as a line from the start of the longest fitted stretch."""
    steepest = bound(trend) * (-1.0 if trend.falls else 1.0)
    if not (trend.lines and math.isfinite(steepest)):
        return None
    fit = max(trend.once_settled().lines, key=lambda line: line.end - line.start)
    last = fit.first + steepest * (fit.end - fit.start) / 3600
    return Line(fit.start, fit.end, fit.first, last, last, last)
