"""Apply the growth rule to a recording, and adjust the finding of each judged series."""

from __future__ import annotations

from dataclasses import replace

from soak.analysis.positive_control import with_positive_control
from soak.analysis.prepare.gc_accounting import with_few_collections
from soak.analysis.prepare.prepare import prepare_until
from soak.analysis.rules.class_metadata import explain_class_metadata
from soak.analysis.rules.ended_threads import without_those_that_ended
from soak.analysis.rules.growth import judge_growth
from soak.analysis.rules.heap_objects import explain_heap_objects
from soak.analysis.rules.limits import matching, missing
from soak.analysis.rules.live_heaps import explain_live_heaps
from soak.analysis.rules.overload import Overload, failed_before, overload_of, without_overload
from soak.analysis.rules.production import at_production
from soak.analysis.rules.rate_kept import fell_behind
from soak.analysis.rules.released_requests import without_requests_under_way
from soak.analysis.rules.resident_memory import beside_failing_heaps, explain_resident_memory
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.stale_levels import without_stale_level
from soak.analysis.rules.subjects import judged_subjects, never_dropped
from soak.analysis.rules.warmup import keeps_for_good, within_warmup
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.vouch import vouched
from soak.model import Finding, RuleName, series_key


def resource_findings(asked: RuleInput) -> list[Finding]:
    """Return the growth findings of every judged series, then of those that `growth` names but were not recorded.

    If the target was overloaded at the end, a fail in the time before the overload stands.
    """
    prepared = asked.prepared
    overload = overload_of(prepared)
    findings = _findings(asked, overload)
    since = fell_behind(prepared) if overload is not None else None
    if since is None or since <= prepared.judged_from:
        return findings
    before = replace(asked, prepared=prepare_until(prepared, since))
    earlier = _findings(before, overload_of(before.prepared))
    by_series = {_key(finding): finding for finding in earlier if finding.trend is not None}
    loaded = prepared.load_time(since)
    return [failed_before(finding, by_series.get(_key(finding)), loaded) for finding in findings]


def _key(finding: Finding) -> str:
    return series_key(finding.series, finding.labels)


def _findings(asked: RuleInput, overload: Overload | None) -> list[Finding]:
    prepared, limits = asked.prepared, asked.limits
    absent = [
        missing(prepared, RuleName.GROWTH, name, limit)
        for name, limit in limits.growth.items()
        if not matching(prepared, name)
    ]
    subjects = judged_subjects(asked)
    clock = asked.request_clock

    def on_clock(subject: Subject) -> Subject:
        return clock(prepared, subject) if clock else subject

    clocked = [on_clock(subject) for subject in subjects.values()]
    kept = any(keeps_for_good(on_clock(subject)) for subject in never_dropped(prepared))
    seconds = prepared.judged_seconds
    grown = judge_growth(clocked, limits.survive.for_)

    def judge(subject: Subject) -> Finding:
        return judge_growth([subject], limits.survive.for_)[0]

    pairs = list(zip(clocked, grown, strict=True))
    companions = [within_warmup(prepared, *pair, kept=kept) for pair in pairs]
    measured = [without_stale_level(prepared, *pair) for pair in pairs]
    findings = explain_live_heaps(clocked, measured, companions, seconds)
    findings = explain_resident_memory(prepared, clocked, findings, companions, judge)
    findings = explain_class_metadata(prepared, clocked, findings, judge)
    judged = prepared.judged_series()
    for index, subject in enumerate(clocked):
        finding = without_requests_under_way(prepared, subject, findings[index])
        finding = without_those_that_ended(prepared, subject, finding)
        finding = with_few_collections(finding, subject.noun, judged, prepared.collections, seconds)
        at_rate = at_production(subject, finding, limits.survive)
        finding = within_warmup(prepared, subject, at_rate, kept=kept)
        finding = without_stale_level(prepared, subject, finding)
        findings[index] = without_overload(finding, overload)
    findings = beside_failing_heaps(findings)
    findings = vouched(clocked, with_positive_control(clocked, findings, seconds), seconds)
    findings = explain_heap_objects(clocked, findings)
    upright = (_upright(*pair) for pair in zip(clocked, findings, strict=True))
    return [*upright, *absent]


def _upright(subject: Subject, finding: Finding) -> Finding:
    """Return the finding with the series' own sign, if the series was judged with its sign changed."""
    if not subject.falls or finding.trend is None:
        return finding
    observed = None if finding.observed is None else -finding.observed
    return replace(finding, trend=finding.trend.mirrored(), observed=observed)
