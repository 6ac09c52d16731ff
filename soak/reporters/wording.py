"""How every format says the same thing: findings, growth, limits and times in a person's words.

Nothing here computes or judges; what an analysis leaves open comes out as an empty string.
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
#: A suspect's endpoint where every one of them leaks alike.
EVERY = "*"
#: The class of a suspect of which nothing tells what kind it is.
UNKNOWN = "unknown"
_TRACE_ID = re.compile(r"[0-9a-f]{16,32}")
_NOTHING = 0.005
_NUMBER = re.compile(r"[-+]?[\d.,]+")


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Fails, then inconclusives, then passes, each in the order of the analysis."""
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.verdict))


def series(finding: Finding) -> str:
    """The finding's series as Prometheus writes it, cleaned."""
    return clean(series_key(finding.series, finding.labels))


def slope_unit(finding: Finding) -> str:
    """The unit of the finding's slope, without its `/h`: the finding's own if it is about growth, else the series'."""
    return (
        finding.unit.removesuffix("/h") if finding.unit.endswith("/h") else unit_of(finding.series)
    )


def brief(unit: str) -> str:
    """The unit where room is short: a counted noun goes, since the series beside it says what is counted."""
    stem = unit.partition("/")[0]
    return unit if stem in ("bytes", "seconds", "ratio") else unit.removeprefix(stem)


def growth(trend: Trend | None, unit: str) -> str:
    """`+3.1 MiB/h`, for a series in this unit; `0 MiB/h` for what is nothing beside how well it is known."""
    if trend is None:
        return ""
    return signed(0.0 if is_nothing(trend) else trend.slope_per_hour, unit)


def is_nothing(trend: Trend) -> bool:
    """Whether a growth is less than what its interval's width would let anybody tell from none."""
    width = trend.slope_high - trend.slope_low
    return math.isfinite(width) and abs(trend.slope_per_hour) < _NOTHING * width


def interval(trend: Trend | None, unit: str) -> str:
    """`+2.9 to +3.3 MiB/h`: the 95% interval of the growth."""
    return _between(signed(trend.slope_low, unit), signed(trend.slope_high, unit)) if trend else ""


def growth_and_interval(trend: Trend | None, unit: str) -> str:
    """`+3.1 MiB/h (+2.9 to +3.3)`: both, with the unit once where it is the same; what never moved has no interval to tell."""
    middle, around = growth(trend, unit), interval(trend, unit)
    if not (middle and around) or (trend and trend.slope_low == trend.slope_high == 0):
        return middle
    tail = _NUMBER.sub("", middle, count=1)
    return f"{middle} ({around.removesuffix(tail) if around.count(tail) == 1 else around})"


def signed(per_hour: float, unit: str) -> str:
    """A growth with its sign, for a change has a direction; empty where unknown."""
    sign = "+" if per_hour > 0 else ""
    per_hour = per_hour or 0.0  # no minus before nothing
    return f"{sign}{show_amount(per_hour, clean(unit) + '/h')}" if math.isfinite(per_hour) else ""


def _between(low: str, high: str) -> str:
    """Two amounts as a range, with their unit once where it is the same."""
    tail = _NUMBER.sub("", high, count=1)
    short = low.removesuffix(tail) if _NUMBER.sub("", low, count=1) == tail else low
    return f"{short} to {high}" if low and high else ""


def amount(value: float | None, unit: str) -> str:
    """A value in its unit; empty where there is none."""
    return show_amount(value, clean(unit)) if value is not None and math.isfinite(value) else ""


def signed_amount(value: float, unit: str) -> str:
    """A change with its sign, for it has a direction; empty where unknown."""
    said = amount(value, unit)
    return f"+{said}" if said and value > 0 else said


def settled(trend: Trend | None) -> str:
    """`after 14 min`, or `not yet`."""
    if trend is None:
        return ""
    after = trend.settled_after_seconds
    if after is None:
        return "not yet"
    return f"after {show_duration(after)}" if after else "from the start"


def runs_out(finding: Finding) -> str:
    """`in 2.7 days`: when the resource is used up at this growth."""
    hours = finding.exhausts_in_hours
    return f"in {show_duration(hours * 3600)}" if hours is not None and math.isfinite(hours) else ""


def soonest(findings: Sequence[Finding], like: Finding) -> Finding:
    """Of the findings with the verdict and unit of one, that whose resource runs out first: two may tell of one memory."""
    same = [
        finding
        for finding in findings
        if (finding.verdict, finding.unit) == (like.verdict, like.unit)
    ]
    return min(same, key=lambda finding: finding.exhausts_in_hours or math.inf, default=like)


def facts(finding: Finding) -> list[tuple[str, str]]:
    """What is known about a finding, as (name, value) pairs in the order a reader asks for them."""
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
    """The observed value in this unit; empty where it is the growth over again."""
    if finding.observed is None or (finding.trend and finding.unit.endswith("/h")):
        return ""
    return counted(finding.observed, unit)


def leak_class(suspect: Suspect) -> str:
    """The suspect's class, or in words that there is none."""
    return "kind not known" if suspect.leak_class == UNKNOWN else clean(suspect.leak_class)


def sure(suspect: Suspect) -> str:
    """`98% sure`; empty where no class is known that one could be sure of."""
    return "" if suspect.leak_class == UNKNOWN else f"{show_ratio(suspect.confidence)} sure"


def does(suspect: Suspect) -> str:
    """What a request does with the amount that `per_request` tells."""
    return {"gc-pressure": "costs", "buffered-response": "builds"}.get(suspect.leak_class, "leaves")


def per_request(suspect: Suspect) -> str:
    """`1 goroutine a request (0.9 to 1.1)`: what one request leaves behind, with its interval; empty where it is not known."""
    each = counted(suspect.per_request, suspect.unit)
    low, high = (amount(value, brief(suspect.unit)) for value in (suspect.low, suspect.high))
    if suspect.per_request <= 0 or not each:
        return ""
    kind = "" if suspect.endpoint else " of any kind"
    if low == high:
        return f"{each} per request{kind}"
    return f"{each} per request{kind} ({_between(low, high)})"


def suspected(suspect: Suspect) -> str:
    """A suspect in one sentence, with its remedy: for places that have room for one."""
    amount_kept = per_request(suspect)
    kept = f", {amount_kept}" if amount_kept else ""
    remedy = f" {clean(suspect.remedy)}" if suspect.remedy else ""
    return f"{leak_class(suspect)} at {clean(suspect.where)}, through {through(suspect)}{kept}.{remedy}"


def counted(value: float, unit: str) -> str:
    """An amount, its unit in the singular where it is one."""
    said = amount(value, unit)
    noun = clean(unit)
    return f"1 {singular(noun)}" if said == f"1 {noun}" else said


def short(function: str) -> str:
    """A function without the path of its package: `http.(*conn).serve`."""
    return clean(function.rpartition("/")[2] or function)


def through(suspect: Suspect) -> str:
    """The endpoint that a suspect leaks through, in words."""
    return {"": "not known", EVERY: "every endpoint"}.get(suspect.endpoint) or clean(
        suspect.endpoint
    )


def latency(seconds: float | None) -> str:
    """A latency, or a dash where no request succeeded."""
    return show_duration(seconds) if seconds is not None and math.isfinite(seconds) else "–"


def not_judged(analysis: Analysis) -> list[str]:
    """A sentence an endpoint all of whose requests came outside of the judged part, as those of setup and teardown may."""
    return [
        f"{clean(endpoint.name)}: {show_count(endpoint.whole_requests, 'request')} before or after the judged part of the run."
        for endpoint in analysis.endpoints
        if endpoint.whole_requests and not endpoint.requests
    ]


def any_delayed(analysis: Analysis) -> bool:
    """Whether some endpoint's latency differs noticeably from its service time, so that both are worth showing."""
    return any(endpoint.delayed for endpoint in analysis.endpoints)


def outcome(exemplar: Exemplar) -> str:
    """`status 500`, `timeout`, or `200`: what became of a request; a dash where that is not known."""
    return clean(exemplar.failure) or (str(exemplar.status) if exemplar.status else "–")


def links(analysis: Analysis, exemplar: Exemplar) -> list[tuple[str, str]]:
    """Where the trace and the logs of a request are, as (name, address) pairs; nothing for an id that is none."""
    if not _TRACE_ID.fullmatch(exemplar.trace):
        return []
    return [
        (name, template.replace("{trace_id}", exemplar.trace)) for name, template in analysis.links
    ]


def listed(names: Sequence[str]) -> str:
    """`a, b`."""
    return ", ".join(map(clean, names))


def failure_kinds(kinds: Sequence[tuple[str, int]]) -> str:
    """`timeout 12, status 500 3`: what failed how often."""
    return ", ".join(f"{clean(kind)} × {show_number(count)}" for kind, count in kinds)


def started(run: RunInfo) -> str:
    """`2026-11-22 22:00 UTC`; as it stands when it is no ISO 8601 time."""
    try:
        return datetime.fromisoformat(run.started).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return clean(run.started)


def headline(analysis: Analysis) -> tuple[str, str]:
    """The mark and the one word that a report begins with; a run that broke says so, as its exit code does."""
    if analysis.broke:
        return BROKEN
    return MARK[analysis.verdict], analysis.verdict.value.upper()


def tally(analysis: Analysis) -> str:
    """`2 fail, 1 inconclusive, 9 pass`: findings by verdict."""
    verdicts = [finding.verdict for finding in analysis.findings]
    counts = ((verdicts.count(verdict), verdict.value) for verdict in WORST_FIRST)
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "no findings"


def vouched(analysis: Analysis) -> str:
    """`2.9 days of 30 days`: what a pass vouches for, of what was asked; empty for what is no pass."""
    known = analysis.vouched
    return (
        f"{show_duration(known.seconds)} of {show_duration(known.asked_seconds)} asked"
        if known is not None
        else ""
    )


def changed(finding: Finding) -> str:
    """`changed from fail to pass by garbage collections`, for each step that changed a verdict; empty where none did."""
    steps = [
        adjustment
        for adjustment in finding.adjustments
        if adjustment.before is not adjustment.after
    ]
    return "; ".join(
        f"changed from {step.before.value} to {step.after.value} by: {step.by}" for step in steps
    )
