"""Stopping early: a few looks fixed in advance, with a risk of error spent at each so that all together spend little.

The boundaries are far below the risk of a whole run (in the spirit of O'Brien and Fleming, A multiple testing procedure for
clinical trials, 1979), because the chance of a trend is a model's and early recordings are where models are wrong: they were
set by simulating whole recordings, cut at each look, through the whole analysis (`make bench-early`).
"""

from __future__ import annotations

import math

from soak.model import Analysis, Finding, Verdict

#: Shares of the steady phase after which a run is looked at, and the chance that growth must stay below at each.
LOOKS: tuple[tuple[float, float], ...] = ((0.125, 1e-6), (0.25, 1e-5), (0.5, 1e-4))
#: A clean stop wants intervals this much wider than 95%, about 99.9%, to lie below their limits.
_WIDER = 1.7


def certain_already(analysis: Analysis, look: int) -> str | None:
    """Why a run may stop at a look: a leak that is certain, or every growth limit surely kept; None to go on.

    Errors, latency and rates are not final before the end, so they stop nothing.
    """
    growth = [finding for finding in analysis.findings if finding.rule == "growth"]
    boundary = LOOKS[look][1] / max(len(growth), 1)
    for finding in analysis.findings:
        if finding.verdict is Verdict.FAIL and (finding.rule == "restart" or _surely_grows(finding, boundary)):
            return finding.reason
    if growth and all(_surely_kept(finding) for finding in growth) and analysis.verdict is Verdict.PASS:
        return "Every growth limit is surely kept."
    return None


def _surely_grows(finding: Finding, boundary: float) -> bool:
    return finding.rule == "growth" and finding.trend is not None and finding.trend.chance <= boundary


def _surely_kept(finding: Finding) -> bool:
    """Below an explicit limit by a wide interval, long after warm-up; under the default rule nothing is sure before the end."""
    trend = finding.trend
    if trend is None or finding.limit is None or not math.isfinite(trend.slope_high) or trend.doubt is not None:
        return False
    high = trend.slope_per_hour + _WIDER * (trend.slope_high - trend.slope_per_hour)
    judged = trend.lines[-1].end - trend.lines[0].start if trend.lines else 0.0
    return high <= finding.limit and judged >= 3 * (trend.settled_after_seconds or 0.0)
