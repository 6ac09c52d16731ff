"""Stop early: a few looks fixed in advance, each with a risk of error so small that all together risk little.

The boundaries are far below the risk of a whole run (in the spirit of O'Brien and Fleming, A
multiple testing procedure for clinical trials, 1979), because the probability of a trend comes from
a model, and models are wrong most often early in a recording. In addition, no statistic can tell a
cache that fills evenly through half a run from a leak. So a leak that ends a run must be not only
certain but gross: several times the level that it began from, or at the end of a capacity before
the run would end. Both were set by simulating whole recordings, cut at each look, through the whole
analysis (`make bench-early`).
"""

from __future__ import annotations

import math

from soak.analysis.thresholds import CERTAIN, SURELY_SETTLED
from soak.model import Analysis, Finding, RuleName, Verdict

#: Shares of the steady phase after which a run is looked at; the probability of no growth, shared
#: by all growth findings, that a leak must stay below at each; and the multiple of its first level
#: that a series must have reached.
LOOKS: tuple[tuple[float, float, float], ...] = (
    (0.125, 1e-6, 12.0),
    (0.25, 1e-5, 8.0),
    (0.5, 1e-4, 4.0),
)
#: Looks of `--until-certain`, as shares of the maximum time, and the probability of no growth that
#: a fail must stay below at each: CERTAIN spent over them as by O'Brien and Fleming, so that all
#: looks together err no more often than the one at the end.
LOOKS_UNTIL_CERTAIN: tuple[tuple[float, float], ...] = (
    (0.1, CERTAIN * 1e-4),
    (0.2, CERTAIN * 1e-3),
    (0.35, CERTAIN * 0.01),
    (0.5, CERTAIN * 0.05),
    (0.75, CERTAIN * 0.2),
)
#: Below this many descriptors, threads or connections, "several times as many" means little.
_HANDFUL = 5.0
#: A clean stop requires intervals this much wider than 95%, about 99.9%, to lie below their limits.
_WIDER = 1.7
#: A pass before the end must vouch for this multiple of the judged time: twice what keeps a pass
#: from being hollow.
_VOUCHES = 4.0
#: Rules whose fail is final.
_FINAL = (RuleName.GROWTH, RuleName.RESTART)


def certain_already(analysis: Analysis, look: int, left: float) -> str | None:
    """Return why a run may stop at a look, with `left` seconds to go; None to continue.

    The reasons are a restart, a gross leak, or that every growth limit is surely kept. Errors,
    latency and rates are not final before the end, so they stop nothing.
    """
    growth = [finding for finding in analysis.findings if finding.rule is RuleName.GROWTH]
    _, risk, gross = LOOKS[look]
    boundary = risk / max(len(growth), 1)
    for finding in analysis.findings:
        if finding.verdict is Verdict.FAIL and (
            finding.rule is RuleName.RESTART or _surely_grows(finding, boundary, gross, left)
        ):
            return finding.reason
    if (
        growth
        and all(_surely_kept(finding) for finding in growth)
        and analysis.verdict is Verdict.PASS
    ):
        return "Every growth limit is surely kept."
    return None


def all_certain(analysis: Analysis, look: int) -> str | None:
    """Return why a run may stop at one of LOOKS_UNTIL_CERTAIN: no finding is open, and all would stand; else None.

    A fail of growth must be more certain than at the end. A pass must have settled surely and vouch
    for several times what was judged. A failing limit on requests may still recover, so it stops
    nothing.
    """
    growth = [
        finding
        for finding in analysis.findings
        if finding.rule is RuleName.GROWTH and finding.trend is not None
    ]
    if not growth or any(finding.verdict is Verdict.INCONCLUSIVE for finding in analysis.findings):
        return None
    if any(
        finding.verdict is Verdict.FAIL and finding.rule not in _FINAL
        for finding in analysis.findings
    ):
        return None
    risk = LOOKS_UNTIL_CERTAIN[look][1] / len(growth)
    if not all(_stands(finding, risk) for finding in growth):
        return None
    return "every verdict is certain"


def _stands(finding: Finding, risk: float) -> bool:
    trend = finding.trend
    assert trend is not None
    if finding.verdict is Verdict.FAIL:
        return trend.p_no_growth <= risk
    if finding.limit is not None:
        return _surely_kept(finding)
    judged = trend.lines[-1].end - trend.lines[0].start if trend.lines else 0.0
    return (
        trend.p_no_growth >= SURELY_SETTLED
        and (finding.vouched_seconds or 0.0) >= _VOUCHES * judged
    )


def _surely_grows(finding: Finding, boundary: float, gross: float, left: float) -> bool:
    trend = finding.trend.for_the_worse if finding.trend is not None else None
    if (
        finding.rule is not RuleName.GROWTH
        or trend is None
        or trend.p_no_growth > boundary
        or not trend.lines
    ):
        return False
    counted = not finding.unit.startswith("bytes")
    line = trend.lines[-1]
    if line.last >= gross * max(line.first, _HANDFUL if counted else 0.0):
        return True
    # A cache may fill most of the memory that it was given; descriptors and connections are not
    # meant to be filled.
    return (
        counted
        and finding.exhausts_in_hours is not None
        and finding.exhausts_in_hours * 3600 <= left
    )


def _surely_kept(finding: Finding) -> bool:
    """Return True if a wide interval lies below an explicit limit, long after warm-up.

    Under the default rule nothing is sure before the end.
    """
    trend = finding.trend.for_the_worse if finding.trend is not None else None
    if (
        trend is None
        or finding.limit is None
        or not math.isfinite(trend.slope_high)
        or trend.doubt is not None
    ):
        return False
    high = trend.slope_per_hour + _WIDER * (trend.slope_high - trend.slope_per_hour)
    judged = trend.lines[-1].end - trend.lines[0].start if trend.lines else 0.0
    settled = trend.settled_after_seconds
    return high <= finding.limit and settled is not None and judged >= 3 * settled
