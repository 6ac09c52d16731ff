"""The growth rule over a whole recording: what an overload leaves of a finding, and which sign it has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules import resources
from soak.analysis.rules.overload import Overload
from soak.analysis.rules.resources import _upright, resource_findings
from soak.analysis.rules.rule import RuleInput
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from tests.analysis.recordings import gauge, noise, recording

TREND = Trend(1.0, 0.5, 1.5, 1.0, 0.0, 100.0)
OVERLOAD = Overload(1.0, 9.0, 10.0, 0.0)


def growth(name: str, verdict: Verdict, trend: Trend | None = TREND) -> Finding:
    return Finding(RuleName.GROWTH, name, verdict, f"{name} {verdict}.", trend=trend)


@pytest.mark.parametrize(
    ("overload", "since", "judged_twice"),
    [
        (None, 200.0, False),
        (OVERLOAD, None, False),
        (OVERLOAD, 20.0, False),
        (OVERLOAD, 20.5, True),
        (OVERLOAD, 200.0, True),
    ],
)
def test_growth_that_failed_before_an_overload_stays_a_fail(
    monkeypatch: pytest.MonkeyPatch,
    overload: Overload | None,
    since: float | None,
    judged_twice: bool,
) -> None:
    ends: list[float] = []

    def found(asked: RuleInput, _: Overload | None) -> list[Finding]:
        ends.append(asked.prepared.end)
        if len(ends) == 1:
            return [growth(name, Verdict.INCONCLUSIVE) for name in "abc"]
        return [
            growth("a", Verdict.FAIL),
            growth("b", Verdict.FAIL, trend=None),
            growth("c", Verdict.PASS),
        ]

    monkeypatch.setattr(resources, "_findings", found)
    monkeypatch.setattr(resources, "overload_of", lambda _: overload)
    monkeypatch.setattr(resources, "fell_behind", lambda _: since)
    prepared = prepare(recording(gauge("a", 1.0)), 20.0)
    findings = resource_findings(RuleInput(prepared, Limits()))
    assert ends == ([300.0, since] if judged_twice else [300.0])
    fails = [finding.verdict is Verdict.FAIL for finding in findings]
    assert fails == [judged_twice, False, False]


def upside_down(*, falls: bool) -> Subject:
    return Subject(Series("free", np.arange(3.0), np.ones(3)), "free", "bytes", falls=falls)


def test_a_series_that_was_judged_upside_down_is_told_upright() -> None:
    finding = replace(growth("free", Verdict.FAIL), observed=1.0)
    seen = _upright(upside_down(falls=True), finding)
    assert (seen.observed, seen.trend) == (-1.0, TREND.mirrored())
    assert _upright(upside_down(falls=True), replace(finding, observed=None)).observed is None
    assert _upright(upside_down(falls=False), finding) is finding
    bare = replace(finding, trend=None)
    assert _upright(upside_down(falls=True), bare) is bare


def test_a_limit_on_what_was_not_recorded_is_told_after_what_was_judged() -> None:
    memory = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
    limits = Limits.model_validate({"growth": {"no_such_series": "1/h", memory.name: "1MiB/h"}})
    prepared = prepare(recording(memory), 0.0)
    findings = resource_findings(RuleInput(prepared, limits))
    assert [finding.series for finding in findings] == [memory.name, "no_such_series"]
    assert findings[1].verdict is Verdict.INCONCLUSIVE


def test_each_subject_is_judged_on_the_clock_that_is_asked_for() -> None:
    memory = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
    clocked: list[str] = []

    def clock(_: Prepared, subject: Subject) -> Subject:
        clocked.append(subject.series.name)
        return subject

    asked = RuleInput(prepare(recording(memory), 0.0), Limits(), request_clock=clock)
    assert resource_findings(asked)[0] == resource_findings(replace(asked, request_clock=None))[0]
    assert clocked == [memory.name]


def test_an_overload_has_the_last_word_on_each_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def marked(finding: Finding, overload: Overload | None) -> Finding:
        assert overload is OVERLOAD
        return finding.adjusted("mark", Verdict.INCONCLUSIVE, "It was overloaded.")

    monkeypatch.setattr(resources, "without_overload", marked)
    monkeypatch.setattr(resources, "overload_of", lambda _: OVERLOAD)
    monkeypatch.setattr(resources, "fell_behind", lambda _: None)
    series = [gauge("process_resident_memory_bytes", 50e6), gauge("process_open_fds", 7.0)]
    findings = resource_findings(RuleInput(prepare(recording(*series), 0.0), Limits()))
    assert [finding.reason for finding in findings] == ["It was overloaded."] * 2


def test_resident_memory_is_judged_again_without_pages_of_files() -> None:
    seconds = np.arange(300.0)
    creep = gauge("process_resident_memory_bytes", 50e6 + 2e4 * seconds + noise(1e4))
    rest = gauge("process_resident_anonymous_bytes", 30e6 + noise(1e4, 5))
    for series, verdict in (((creep,), Verdict.FAIL), ((creep, rest), Verdict.PASS)):
        [finding] = resource_findings(RuleInput(prepare(recording(*series), 0.0), Limits()))
        assert finding.verdict is verdict
