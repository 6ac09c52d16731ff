"""What an abort rule that ended a run means for its verdict."""

from dataclasses import replace

import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.abort import abort_findings
from soak.analysis.rules.rule import RuleInput
from soak.cli.delivery import code_of
from soak.errors import ExitCode, RecordingError
from soak.model import Aborted, Ending, Finding, Recording, RuleName, Verdict
from soak.profile import Limits
from soak.recording.describing import aborted_entry, read_aborted
from tests.analysis.recordings import gauge, recording

LABELS = (("endpoint", "GET /"),)
ABORTED = Aborted(
    30.0,
    "p99 > 2s for 30s",
    "http_request_p99_seconds",
    LABELS,
    3.0,
    2.0,
    "seconds",
    True,
    "it came true",
)


def aborted(of_target: bool) -> Recording:
    whole = recording(gauge("process_open_fds", 20.0), ended=Ending.ABORTED)
    return replace(whole, run=replace(whole.run, aborted=replace(ABORTED, of_target=of_target)))


def finding_of(recording: Recording) -> Finding:
    [abort] = [
        finding
        for finding in analyze(recording, Limits()).findings
        if finding.rule is RuleName.ABORT
    ]
    return abort


@pytest.mark.parametrize(
    ("of_target", "verdict", "reason"),
    [
        (True, Verdict.FAIL, "The run was ended at once: it came true."),
        (
            False,
            Verdict.INCONCLUSIVE,
            "The run was ended at once: it came true; that is no limit of the target, so nothing is proven.",
        ),
    ],
)
def test_the_rule_that_ended_a_run_is_its_finding(
    of_target: bool, verdict: Verdict, reason: str
) -> None:
    asked = RuleInput(prepare(aborted(of_target), 0.0), Limits())
    assert list(abort_findings(asked)) == [
        Finding(RuleName.ABORT, ABORTED.series, verdict, reason, LABELS, 2.0, 3.0, "seconds")
    ]
    whole = RuleInput(prepare(recording(), 0.0), Limits())
    assert list(abort_findings(whole)) == []


def test_a_limit_of_the_target_fails_the_run_first_of_all() -> None:
    analysis = analyze(aborted(of_target=True), Limits())
    assert (analysis.verdict, code_of(analysis)) == (Verdict.FAIL, ExitCode.FAIL)
    assert analysis.reason.startswith("The run was ended at once: it came true.")
    finding = finding_of(aborted(of_target=True))
    assert (finding.verdict, finding.observed, finding.limit, finding.labels) == (
        Verdict.FAIL,
        3.0,
        2.0,
        LABELS,
    )


def test_any_other_rule_leaves_the_run_open() -> None:
    analysis = analyze(aborted(of_target=False), Limits())
    assert (analysis.verdict, code_of(analysis)) == (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE)
    assert "was aborted" in analysis.reason
    assert "it came true" in analysis.reason


def test_a_run_that_no_rule_ended_has_no_such_finding() -> None:
    analysis = analyze(recording(gauge("process_open_fds", 20.0)), Limits())
    assert not [finding for finding in analysis.findings if finding.rule is RuleName.ABORT]


def test_run_json_keeps_it() -> None:
    assert read_aborted({"aborted": aborted_entry(ABORTED)}, "run.json") == ABORTED
    assert read_aborted({"aborted": aborted_entry(None)}, "run.json") is None
    assert read_aborted({}, "run.json") is None


@pytest.mark.parametrize("entry", [3, {}, {**(aborted_entry(ABORTED) or {}), "limit": "x"}])
def test_a_damaged_entry_is_said(entry: object) -> None:
    with pytest.raises(RecordingError, match=r"run.json: damaged: aborted"):
        read_aborted({"aborted": entry}, "run.json")
