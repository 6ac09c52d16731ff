"""A recording judged: every rule applied, one verdict, and the sentence that says why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from soak.analysis.charts import charts
from soak.analysis.prepare.exemplars import shown
from soak.analysis.prepare.gc_accounting import AFTER_FULL, doubted, uncollected
from soak.analysis.prepare.generator_series import CONNECTIONS
from soak.analysis.prepare.load_connections import without_connections
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.drift import drift_findings
from soak.analysis.rules.gc_pressure import gc_findings
from soak.analysis.rules.growth import judge_growth
from soak.analysis.rules.limits import matching, max_findings, missing, request_findings
from soak.analysis.rules.load_generator import broken_by, generator_findings, generator_of, generator_warnings, unproven
from soak.analysis.rules.load_workers import worker_findings
from soak.analysis.rules.pools import pool_findings, pool_warnings
from soak.analysis.rules.resident_memory import weighed
from soak.analysis.rules.run_validity import condition_findings, seen_events, warnings
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.metrics import Metric, metric_of, unknown_metric
from soak.model import Analysis, EndpointSummary, Finding, Phase, Recording, Series, Verdict
from soak.profile import EndpointLimits, Limits
from soak.units import show_amount, show_duration

_RANK = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1, Verdict.PASS: 2}
Even = Callable[[Prepared, Subject], Subject]
_NO_LIMITS: Mapping[str, EndpointLimits] = {}


def analyze(
    recording: Recording,
    limits: Limits,
    endpoint_limits: Mapping[str, EndpointLimits] = _NO_LIMITS,
    warmup: float = 0.0,
    *,
    judge_unknown: bool = False,
    even: Even | None = None,
) -> Analysis:
    """Judge a recording. `warmup` seconds of load at least are left out.

    `judge_unknown` is for files somebody chose to have judged: there, series that are not known resources count too.
    `even` puts a subject on a clock of its own, where the mix of traffic was varied on purpose.
    """
    prepared = prepare(recording, warmup)
    growth, absent = growth_findings(prepared, limits, judge_unknown, even)
    found = [*growth, *absent]
    found += request_findings(prepared, limits, dict(endpoint_limits))
    found += max_findings(prepared, limits)
    found += drift_findings(prepared, limits)
    found += pool_findings(prepared, limits)
    collector, advice = gc_findings(prepared, limits)
    found += collector
    found += condition_findings(prepared)
    found += worker_findings(prepared)
    generator = generator_of(prepared)
    found += generator_findings(generator)
    findings = tuple(sorted(unproven(found, generator), key=_urgency))
    verdict, reason = overall(prepared, findings)
    broken = broken_by(generator, findings)
    if broken is not None and verdict is Verdict.INCONCLUSIVE:
        reason = broken
    return Analysis(
        recording.run,
        verdict,
        reason,
        findings,
        endpoints=tuple(_summaries(prepared)),
        warnings=(*generator_warnings(generator), *warnings(prepared), *pool_warnings(prepared, findings), *advice),
        charts=charts(prepared, findings),
        phases=_phases(prepared),
        events=(*recording.events, *seen_events(prepared)),
        exemplars=shown(prepared),
        broken=broken,
    )


def growth_findings(
    prepared: Prepared, limits: Limits, judge_unknown: bool, even: Even | None = None
) -> tuple[list[Finding], list[Finding]]:
    """The growth rule over every resource series, and over whatever `growth` names; then those named and not recorded."""
    subjects: dict[str, Subject] = {}
    for series in prepared.series:
        role = metric_of(series.name)
        if role is not None and role.judges(series.labels) and not _said_better(prepared, role, series):
            subjects[series.key] = _subject(prepared, series, role, None)
    absent = []
    for name, limit in limits.growth.items():
        found = matching(prepared, name)
        if not found:
            absent.append(missing(prepared, "growth", name, limit))
        for series in found:
            subjects[series.key] = _subject(
                prepared, series, metric_of(series.name) or unknown_metric(series.name), limit
            )
    if judge_unknown:
        handed = [series for series in prepared.series if not _is_aside(prepared, series)]
        unknown = [series for series in handed if metric_of(series.name) is None]
        # What is known but only shown elsewhere counts where a file holds nothing better.
        for series in unknown or ([] if subjects else handed):
            subjects[series.key] = _subject(
                prepared, series, metric_of(series.name) or unknown_metric(series.name), None
            )
    asked = [even(prepared, subject) if even else subject for subject in subjects.values()]
    findings = weighed(
        prepared,
        asked,
        judge_growth(asked, limits.survive),
        lambda subject: judge_growth([subject], limits.survive)[0],
    )
    judged = prepared.judged_series()
    return [
        doubted(finding, one.noun, judged, prepared.collections) for finding, one in zip(findings, asked, strict=True)
    ], absent


def _said_better(prepared: Prepared, role: Metric, series: Series) -> bool:
    """Whether the series that says the same better is there for this process, and has ever said anything.

    What only full collections bring up to date says nothing where none ran.
    """
    stale = uncollected(prepared.collections, series.labels)
    if stale and series.name == AFTER_FULL:
        return True
    if stale and role.unless == AFTER_FULL:
        return False
    if not role.unless or not set(role.where) <= set(series.labels):
        return False
    instance = dict(series.labels).get("instance")
    better = [one for one in prepared.named(role.unless) if dict(one.labels).get("instance") == instance]
    return any(bool((one.values[np.isfinite(one.values)] > 0).any()) for one in better)


def _is_aside(prepared: Prepared, series: Series) -> bool:
    """Whether a series of a file is load, time, a counter's rate or somebody's capacity, and so no resource."""
    was_counter = any(one.key == series.key and one.kind.value == "counter" for one in prepared.recording.series)
    name = series.name
    load = name.startswith(("http_request", "load_", "soak_load_", "process_start_time", "go_gc_", "scrape_"))
    return (
        was_counter
        or load
        or name.endswith(("_max", "_limit", "_max_bytes", "_max_fds", "_limit_bytes", "_max_connections"))
    )


def _subject(prepared: Prepared, series: Series, role: Metric, limit: float | None) -> Subject:
    capacities = [found for name in role.capacities if (found := _last(prepared, name, series)) is not None]
    floor = next(
        (found for name in role.floors for found in prepared.named(name) if found.labels == series.labels), None
    )
    instance = dict(series.labels).get("instance")
    own = without_connections(series, next(iter(prepared.named(CONNECTIONS)), None)) if role.connected else series
    return Subject(
        own,
        f"{role.noun} of {instance}" if instance else role.noun,
        role.unit,
        role.integer,
        prepared.judged_from,
        prepared.borders(series),
        prepared.requests,
        floor,
        limit,
        min(capacities, default=None),
        "memory" if role.unit == "bytes" else role.unit,
    )


def _last(prepared: Prepared, name: str, series: Series) -> float | None:
    """The last value of the series that holds a capacity, of the same labels where there is one; None where it has none."""
    found = prepared.named(name)
    best = next((one for one in found if one.labels == series.labels), found[0] if len(found) == 1 else None)
    known = best.values[np.isfinite(best.values)] if best is not None else np.empty(0)
    # Go says "no limit" as the largest integer there is.
    last = float(known[-1]) if len(known) else 0.0
    return last if 0 < last < 2**60 else None


def _urgency(finding: Finding) -> tuple[int, float]:
    """Worst first; among failing growth, what would double soonest."""
    doubling = 0.0
    if finding.trend is not None:
        slope, level = finding.trend.slope_per_hour, finding.trend.level
        doubling = abs(level) / slope if slope > 0 and math.isfinite(level) else math.inf
    elif finding.rule == "generator" and finding.verdict is Verdict.PASS:
        doubling = math.inf  # no news of the target
    return _RANK[finding.verdict], doubling


def _phases(prepared: Prepared) -> tuple[Phase, ...]:
    """The run's phases, the part of the steady one that the profile leaves out of judging, and when snapshots were taken."""
    known = (*prepared.recording.phases, *prepared.snapshots)
    steady = next((phase for phase in known if phase.name == "steady"), None)
    if steady is None or prepared.judged_from <= steady.start:
        return known
    return (*known, Phase("warmup", steady.start, min(prepared.judged_from, steady.end)))


def overall(prepared: Prepared, findings: tuple[Finding, ...]) -> tuple[Verdict, str]:
    """Fail over inconclusive over pass; a run that broke off, or that judged nothing, cannot pass."""
    worst = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    open_ = [finding for finding in findings if finding.verdict is Verdict.INCONCLUSIVE]
    ended = prepared.recording.run.ended
    if worst:
        return Verdict.FAIL, worst[0].reason + _others(len(worst) - 1, "fails", "fail")
    if ended in ("crashed", "aborted", "interrupted"):
        seen = show_duration(max(0.0, prepared.end - prepared.start))
        return (
            Verdict.INCONCLUSIVE,
            f"The run {_ENDED[ended]} after {seen} of load, so a pass cannot be given; nothing had failed by then.",
        )
    if open_:
        return Verdict.INCONCLUSIVE, open_[0].reason + _others(len(open_) - 1, "is open", "are open")
    growth = [one for one in findings if one.rule == "growth" and not one.series.startswith("scrape_")]
    if not growth:
        return Verdict.INCONCLUSIVE, "No resource of the target was recorded, so growth cannot be judged."
    return Verdict.PASS, _all_well(prepared, growth)


_ENDED = {"crashed": "broke off", "aborted": "was aborted", "interrupted": "was interrupted"}


def _others(count: int, one: str, more: str) -> str:
    return "" if count == 0 else f" One more rule {one}." if count == 1 else f" {count} more rules {more}."


def _all_well(prepared: Prepared, growth: list[Finding]) -> str:
    """What passed, over how long, and how slow a leak would have been caught in the most telling series."""
    first = growth[0]
    by_name = {finding.series: finding for finding in reversed(growth)}
    first = by_name.get("process_resident_memory_bytes", first)
    count = "1 series keeps" if len(growth) == 1 else f"{len(growth)} series keep"
    said = f"{count} steady over {show_duration(prepared.end - prepared.start)} of load"
    if first.trend is not None and 0 < first.trend.resolution_per_hour < math.inf:
        role = metric_of(first.series) or unknown_metric(first.series)
        slowest = show_amount(first.trend.resolution_per_hour, f"{role.unit}/h")
        return f"{said}; growth of {role.noun} above {slowest} would have been caught."
    return f"{said}."


def _differ(latency: float | None, service: float | None) -> bool:
    """Whether a latency is noticeably more than the service time: beyond both buckets' error, and a millisecond."""
    return latency is not None and service is not None and latency > 1.1 * service + 1e-3


def _summaries(prepared: Prepared) -> list[EndpointSummary]:
    found = []
    for windows in prepared.windows():
        p99, service_p99 = windows.quantile(0.99), windows.service_quantile(0.99)
        seconds = float(windows.seconds.sum())
        requests = int(windows.requests.sum())
        found.append(
            EndpointSummary(
                windows.endpoint,
                requests,
                int(windows.failures.sum()),
                requests / seconds if seconds else 0.0,
                windows.quantile(0.5),
                windows.quantile(0.95),
                p99,
                windows.quantile(0.999),
                windows.maximum(),
                tuple(sorted(windows.failure_kinds.items(), key=lambda item: -item[1])),
                service_p99,
                _differ(p99, service_p99),
            )
        )
    return found
