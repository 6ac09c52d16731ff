"""Wording shared by all formats: findings, growth, limits and times in plain words.

Nothing here computes or judges; what an analysis leaves open becomes an empty string.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

from soak.model import (
    Analysis,
    Exemplar,
    Finding,
    RunInfo,
    Suspect,
    Trend,
    Verdict,
    series_key,
)
from soak.printable import clean as clean  # noqa: PLC0414 - reporters know this module alone
from soak.reporters.course import course as course  # noqa: PLC0414
from soak.reporters.course import load_began as load_began  # noqa: PLC0414
from soak.units import (
    show_amount,
    show_count,
    show_duration,
    show_number,
    show_ratio,
    singular,
    unit_of,
)

WORST_FIRST = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
MARK = {Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?", Verdict.PASS: "✓"}
BROKEN = ("!", "BROKEN")
#: A suspect's endpoint if all endpoints leak alike.
EVERY = "*"
#: The class of a suspect whose kind is unknown.
UNKNOWN = "unknown"
_TRACE_ID = re.compile(r"[0-9a-f]{16,32}")
_NOTHING = 0.005
_NUMBER = re.compile(r"[-+]?[\d.,]+")


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return fails, then inconclusives, then passes, each in the order of the analysis."""
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.verdict))


def series(finding: Finding) -> str:
    """Return the finding's series in Prometheus notation, cleaned."""
    return clean(series_key(finding.series, finding.labels))


def slope_unit(finding: Finding) -> str:
    """Return the unit of the finding's slope without `/h`: the finding's own if it is about growth, else the series'."""
    return (
        finding.unit.removesuffix("/h") if finding.unit.endswith("/h") else unit_of(finding.series)
    )


def brief(unit: str) -> str:
    """Return a short unit: a counted noun is left out, since the series next to it says what is counted."""
    stem = unit.partition("/")[0]
    return unit if stem in ("bytes", "seconds", "ratio") else unit.removeprefix(stem)


def growth(trend: Trend | None, unit: str) -> str:
    """Format a growth in the series' unit, `+3.1 MiB/h`; `0 MiB/h` if it is negligible against its uncertainty."""
    if trend is None:
        return ""
    return signed(0.0 if is_nothing(trend) else trend.slope_per_hour, unit)


def is_nothing(trend: Trend) -> bool:
    """Return True if a growth is negligible against the width of its interval."""
    width = trend.slope_high - trend.slope_low
    return math.isfinite(width) and abs(trend.slope_per_hour) < _NOTHING * width


def interval(trend: Trend | None, unit: str) -> str:
    """Format the growth's 95% interval: `+2.9 to +3.3 MiB/h`."""
    return _between(signed(trend.slope_low, unit), signed(trend.slope_high, unit)) if trend else ""


def growth_and_interval(trend: Trend | None, unit: str) -> str:
    """Format both: `+3.1 MiB/h (+2.9 to +3.3)`, with a common unit once; a constant series has no interval."""
    middle, around = growth(trend, unit), interval(trend, unit)
    if not (middle and around) or (trend and trend.slope_low == trend.slope_high == 0):
        return middle
    tail = _NUMBER.sub("", middle, count=1)
    # Both ends are in the middle's unit if the lower one has none of its own.
    alike = not _NUMBER.sub("", around.partition(" to ")[0], count=1)
    return f"{middle} ({around.removesuffix(tail) if alike else around})"


def signed(per_hour: float, unit: str) -> str:
    """Format a growth with its sign; empty if unknown."""
    sign = "+" if per_hour > 0 else ""
    per_hour = per_hour or 0.0  # avoid -0
    return f"{sign}{show_amount(per_hour, clean(unit) + '/h')}" if math.isfinite(per_hour) else ""


def _between(low: str, high: str) -> str:
    """Format two amounts as a range, with a common unit once."""
    tail = _NUMBER.sub("", high, count=1)
    short = low.removesuffix(tail) if _NUMBER.sub("", low, count=1) == tail else low
    return f"{short} to {high}" if low and high else ""


def amount(value: float | None, unit: str) -> str:
    """Format a value in its unit; empty if there is none."""
    return show_amount(value, clean(unit)) if value is not None and math.isfinite(value) else ""


def signed_amount(value: float, unit: str) -> str:
    """Format a change with its sign; empty if unknown."""
    text = amount(value, unit)
    return f"+{text}" if text and value > 0 else text


def settled(trend: Trend | None) -> str:
    """Return when the trend settled: `after 14 min`, `from the start` or `not yet`."""
    if trend is None:
        return ""
    after = trend.settled_after_seconds
    if after is None:
        return "not yet"
    return f"after {show_duration(after)}" if after else "from the start"


def runs_out(finding: Finding) -> str:
    """Return when the resource is used up at this growth: `in 2.7 days`."""
    hours = finding.exhausts_in_hours
    return f"in {show_duration(hours * 3600)}" if hours is not None and math.isfinite(hours) else ""


def soonest(findings: Sequence[Finding], like: Finding) -> Finding:
    """Return the finding that runs out first among those with `like`'s verdict and unit: two may be about one memory."""
    same = [
        finding
        for finding in findings
        if (finding.verdict, finding.unit) == (like.verdict, like.unit)
    ]
    return min(same, key=lambda finding: finding.exhausts_in_hours or math.inf, default=like)


def facts(finding: Finding) -> list[tuple[str, str]]:
    """Return what is known about a finding, as (name, value) pairs in the order of interest."""
    unit = slope_unit(finding)
    trend = finding.trend
    pairs = [
        ("growth", growth(trend, unit)),
        ("95% interval", interval(trend, unit)),
        ("runs out", runs_out(finding)),
        ("observed", observed(finding, finding.unit)),
        ("limit", amount(finding.limit, finding.unit)),
        ("settled", settled(trend)),
        (
            "vouches for",
            show_duration(finding.vouched_seconds)
            if finding.vouched_seconds is not None and finding.verdict is not Verdict.FAIL
            else "",
        ),
        ("verdict", changed(finding)),
        ("slowest it could catch", amount(trend.resolution_per_hour, f"{unit}/h") if trend else ""),
    ]
    return [(name, value) for name, value in pairs if value]


def observed(finding: Finding, unit: str) -> str:
    """Format the observed value in this unit; empty if it only repeats the growth."""
    if finding.observed is None or (finding.trend and finding.unit.endswith("/h")):
        return ""
    return counted(finding.observed, unit)


def leak_class(suspect: Suspect) -> str:
    """Return the suspect's class, or `kind not known`."""
    return "kind not known" if suspect.leak_class == UNKNOWN else clean(suspect.leak_class)


def sure(suspect: Suspect) -> str:
    """Return e.g. `98% sure`; empty if the class is unknown."""
    return "" if suspect.leak_class == UNKNOWN else f"{show_ratio(suspect.confidence)} sure"


def does(suspect: Suspect) -> str:
    """Return what a request does with the amount in `per_request`, as a verb."""
    return {"gc-pressure": "costs", "buffered-response": "builds"}.get(suspect.leak_class, "leaves")


def per_request(suspect: Suspect) -> str:
    """Return what one request leaves: `1 goroutine per request (0.9 to 1.1)`, with its interval; empty if unknown."""
    each = counted(suspect.per_request, suspect.unit)
    low, high = (amount(value, brief(suspect.unit)) for value in (suspect.low, suspect.high))
    if suspect.per_request <= 0 or not each:
        return ""
    kind = "" if suspect.endpoint else " of any kind"
    if low == high:
        return f"{each} per request{kind}"
    return f"{each} per request{kind} ({_between(low, high)})"


def suspected(suspect: Suspect) -> str:
    """Describe a suspect in one sentence, with its remedy."""
    amount_kept = per_request(suspect)
    kept = f", {amount_kept}" if amount_kept else ""
    remedy = f" {clean(suspect.remedy)}" if suspect.remedy else ""
    return f"{leak_class(suspect)} at {clean(suspect.where)}, through {through(suspect)}{kept}.{remedy}"


def counted(value: float, unit: str) -> str:
    """Format an amount, with the unit in the singular if it is one."""
    text = amount(value, unit)
    noun = clean(unit)
    return f"1 {singular(noun)}" if text == f"1 {noun}" else text


def short(function: str) -> str:
    """Return a function without the path of its package: `http.(*conn).serve`."""
    return clean(function.rpartition("/")[2] or function)


def through(suspect: Suspect) -> str:
    """Return the endpoint that a suspect leaks through, in words."""
    return {"": "not known", EVERY: "every endpoint"}.get(suspect.endpoint) or clean(
        suspect.endpoint
    )


def latency(seconds: float | None) -> str:
    """Format a latency, or a dash if no request succeeded."""
    return show_duration(seconds) if seconds is not None and math.isfinite(seconds) else "–"


def not_judged(analysis: Analysis) -> list[str]:
    """Return a sentence for each endpoint with requests only outside the judged part, as setup and teardown may have."""
    return [
        f"{clean(endpoint.name)}: {show_count(endpoint.whole_requests, 'request')} before or after the judged part of the run."
        for endpoint in analysis.endpoints
        if endpoint.whole_requests and not endpoint.requests
    ]


def any_delayed(analysis: Analysis) -> bool:
    """Return True if an endpoint's latency differs noticeably from its service time, so that both are worth showing."""
    return any(endpoint.delayed for endpoint in analysis.endpoints)


def outcome(exemplar: Exemplar) -> str:
    """Return a request's result: `status 500`, `timeout`, or `200`; a dash if unknown."""
    return clean(exemplar.failure) or (str(exemplar.status) if exemplar.status else "–")


def links(analysis: Analysis, exemplar: Exemplar) -> list[tuple[str, str]]:
    """Return links to the trace and the logs of a request, as (name, address) pairs; empty without a valid trace id."""
    if not _TRACE_ID.fullmatch(exemplar.trace):
        return []
    return [
        (name, template.replace("{trace_id}", exemplar.trace)) for name, template in analysis.links
    ]


def listed(names: Sequence[str]) -> str:
    """Join names: `a, b`."""
    return ", ".join(map(clean, names))


def failure_kinds(kinds: Sequence[tuple[str, int]]) -> str:
    """Format failures by kind: `timeout × 12, status 500 × 3`."""
    return ", ".join(f"{clean(kind)} × {show_number(count)}" for kind, count in kinds)


def started(run: RunInfo) -> str:
    """Format the start, `2026-11-22 22:00 UTC`; unchanged if it is not an ISO 8601 time."""
    try:
        return datetime.fromisoformat(run.started).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return clean(run.started)


def headline(analysis: Analysis) -> tuple[str, str]:
    """Return the mark and the word that a report begins with; a run that broke says so, like its exit code."""
    if analysis.broke:
        return BROKEN
    return MARK[analysis.verdict], analysis.verdict.value.upper()


def tally(analysis: Analysis) -> str:
    """Count findings by verdict: `2 fail, 1 inconclusive, 9 pass`."""
    verdicts = [finding.verdict for finding in analysis.findings]
    counts = ((verdicts.count(verdict), verdict.value) for verdict in WORST_FIRST)
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "no findings"


def vouched(analysis: Analysis) -> str:
    """Return what a pass vouches for, of what was asked: `2.9 days of 30 days asked`; empty unless it is a pass."""
    known = analysis.vouched
    return (
        f"{show_duration(known.seconds)} of {show_duration(known.asked_seconds)} asked"
        if known is not None
        else ""
    )


def changed(finding: Finding) -> str:
    """Return each step that changed a verdict, `changed from fail to pass by: garbage collections`; empty if none did."""
    steps = [
        adjustment
        for adjustment in finding.adjustments
        if adjustment.before is not adjustment.after
    ]
    return "; ".join(
        f"changed from {step.before.value} to {step.after.value} by: {step.by}" for step in steps
    )
