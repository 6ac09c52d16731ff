"""The state of a run in words: the load's numbers in one line, and a line for each judged resource."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from soak.catalog.metrics import metric_of, unknown_metric
from soak.generator_limits import BUSY
from soak.live.judge import Judgement
from soak.live.progress import Live, Progress
from soak.model import Analysis, Finding, RuleName, Verdict
from soak.reporters import wording
from soak.reporters.sparkline import bars
from soak.units import show_amount, show_count, show_duration, show_number, show_ratio

#: Values in a sparkline.
POINTS = 12


@dataclass(frozen=True, slots=True)
class ResourceLine:
    """One resource: `spark` over the run so far, its last value, its growth so far, and its verdict so far in words."""

    verdict: Verdict | None
    name: str
    spark: str
    now: str
    growth: str
    says: str


def numbers(progress: Progress) -> str:
    """Return the load's numbers: `198 requests/s, no errors, p99 12 ms`."""
    errors = f"errors {show_ratio(progress.error_ratio)}" if progress.failures else "no errors"
    p99 = ""  # without any success, the errors explain why there is no latency
    if progress.p99 is not None:
        p99 = f", p99 {show_amount(progress.p99, 'seconds')}"
    elif not progress.requests:
        p99 = ", no answer yet"
    failed = progress.failed_scrapes
    lost = f", {show_count(failed, 'scrape')} lost" if failed else ""
    cpu = progress.generator_cpu
    busy = f", load generator busy ({show_ratio(cpu)} of a core)" if cpu >= BUSY else ""
    failing = f"; failing: {progress.failing}" if progress.failing else ""
    rate = show_number(round(progress.rate, 1))
    requests = "request" if rate == "1" else "requests"
    return f"{rate} {requests}/s, {errors}{p99}{lost}{busy}{failing}"


def resource_lines(live: Live, judgement: Judgement | None) -> list[ResourceLine]:
    """Return a line per resource, the worst first; before the first judgement, all followed series with values only."""
    latest = live.latest()
    analysis = judgement.analysis if judgement else None
    if analysis is None:
        return [
            ResourceLine(
                None,
                _name(name, labels),
                bars(live.sparkline(name, labels, POINTS)),
                _amount(name, labels, value),
                "",
                "not judged yet",
            )
            for (name, labels), value in sorted(latest.items())
        ]
    return [
        ResourceLine(
            finding.verdict,
            _name(finding.series, finding.labels),
            bars(live.sparkline(finding.series, finding.labels, POINTS)),
            _amount(
                finding.series,
                finding.labels,
                latest.get((finding.series, finding.labels), math.nan),
            ),
            wording.growth(finding.trend, wording.brief(wording.slope_unit(finding))),
            says(finding),
        )
        for finding in growth_findings(analysis)
    ]


def growth_findings(analysis: Analysis) -> list[Finding]:
    """Return the findings on growth: the worst first, and among passes the shortest horizon first."""
    growing = [finding for finding in analysis.findings if finding.rule is RuleName.GROWTH]
    return sorted(
        growing,
        key=lambda finding: (
            wording.WORST_FIRST.index(finding.verdict),
            finding.vouched_seconds if finding.vouched_seconds is not None else math.inf,
        ),
    )


def says(finding: Finding) -> str:
    """Return a finding in words: `fail, runs out in 2.7 days`, `vouches for 3 days`, `inconclusive so far`."""
    if finding.verdict is Verdict.FAIL:
        out = wording.runs_out(finding)
        return f"fail, runs out {out}" if out else "fail"
    if finding.verdict is Verdict.INCONCLUSIVE:
        return "inconclusive so far"
    vouched = finding.vouched_seconds
    return (
        f"vouches for {show_duration(vouched)}"
        if vouched is not None and math.isfinite(vouched)
        else "pass"
    )


def summary(judgement: Judgement | None) -> str:
    """Return the judgement in one line for a log: verdict, findings by verdict, and the fastest growth so far."""
    if judgement is None:
        return "not judged yet"
    if judgement.analysis is None:
        return f"cannot be judged yet: {wording.clean(judgement.problem or 'unknown')}"
    analysis = judgement.analysis
    growing = growth_findings(analysis)
    worst = growing[0] if growing else None
    text = f"{analysis.verdict.value} so far ({wording.tally(analysis)})"
    if analysis.vouched is not None:
        text += f", vouches for {show_duration(analysis.vouched.seconds)}"
    if (
        worst is not None
        and worst.trend is not None
        and worst.trend.slope_per_hour > 0
        and not wording.is_nothing(worst.trend)
    ):
        growth = wording.growth(worst.trend, wording.brief(wording.slope_unit(worst)))
        text += f"; fastest growth so far: {_name(worst.series, worst.labels)} {growth}"
    return text


def _name(name: str, labels: Sequence[tuple[str, str]]) -> str:
    """Return the resource's name for a sentence, with the values of its labels."""
    metric = metric_of(name, tuple(labels)) or unknown_metric(name)
    told = ", ".join(value for _, value in labels)
    return wording.clean(f"{metric.noun} {told}" if told else metric.noun)


def _amount(name: str, labels: tuple[tuple[str, str], ...], value: float) -> str:
    metric = metric_of(name, labels) or unknown_metric(name)
    return wording.amount(value, wording.brief(metric.unit))
