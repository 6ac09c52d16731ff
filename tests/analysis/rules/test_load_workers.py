"""What a lost worker left undone is said, and is never a pass by silence."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.load_workers import worker_findings
from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, Phase, Recording, RuleName, RunInfo, Verdict
from soak.profile import Limits
from soak.windows import WorkerCoverages
from tests.analysis.prepared import prepared


def findings(present: list[int], covered: list[float]) -> list[Finding]:
    count = len(present)
    coverages = WorkerCoverages(
        np.arange(1.0, count + 1),
        np.ones(count),
        np.array(present),
        np.full(count, 4),
        np.array(covered),
    )
    run = RunInfo("x", seconds=float(count))
    recording = Recording(
        run, (), phases=(Phase("steady", 0.0, float(count)),), coverages=coverages
    )
    return list(worker_findings(RuleInput(prepare(recording, 0.0), Limits())))


def test_a_whole_run_has_nothing_to_say() -> None:
    assert findings([4] * 100, [1.0] * 100) == []
    assert (
        list(
            worker_findings(RuleInput(prepare(replace(Recording(RunInfo("x"), ())), 0.0), Limits()))
        )
        == []
    )


def test_a_share_that_was_taken_over_soon_is_a_pass_that_says_so() -> None:
    [finding] = findings([4] * 50 + [3] * 50, [1.0] * 50 + [0.75] * 3 + [1.0] * 47)
    assert finding.verdict is Verdict.PASS
    assert finding.reason.startswith(
        "1 of 4 workers was missing for 50 s; their share was not made, or not recorded, for 3 s"
    )
    assert finding.observed == pytest.approx(0.0075)


def test_too_much_that_was_never_made_leaves_the_question_open() -> None:
    [finding] = findings([2] * 20 + [4] * 80, [0.5] * 20 + [1.0] * 80)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "2 of 4 workers were missing for 20 s" in finding.reason
    assert finding.observed == pytest.approx(0.1)


def covered_by(
    present: list[int],
    expected: list[int],
    covered: list[float],
    seconds: list[float],
    start: float = 0.0,
    end: float = 99.0,
) -> list[Finding]:
    """Windows of these lengths, one after the other, in a load from `start` to `end`."""
    lengths = np.array(seconds)
    coverages = WorkerCoverages(
        np.cumsum(lengths), lengths, np.array(present), np.array(expected), np.array(covered)
    )
    run = prepared(coverages=coverages, start=start, end=end)
    return list(worker_findings(RuleInput(run, Limits())))


def test_the_finding_of_a_missing_worker_has_its_seconds_and_its_share() -> None:
    [finding] = covered_by([3, 2, 4, 5], [4, 4, 4, 5], [0.5, 1.0, 1.0, 1.0], [2.0, 20.0, 70.0, 8.0])
    assert finding == Finding(
        RuleName.GENERATOR,
        "load_workers",
        Verdict.PASS,
        "2 of 5 workers were missing for 22 s; their share was not made, or not recorded, for 2 s (1% of the load), "
        "and then taken over by the others.",
        (),
        0.05,
        0.01,
        "ratio",
    )
    [finding] = covered_by([3, 4], [4, 4], [0.4, 1.0], [10.0, 90.0])
    assert finding == Finding(
        RuleName.GENERATOR,
        "load_workers",
        Verdict.INCONCLUSIVE,
        "1 of 4 workers was missing for 10 s; their share was not made, or not recorded, for 10 s: 6% of the load is "
        "not in this run.",
        (),
        0.05,
        0.06,
        "ratio",
    )


@pytest.mark.parametrize(
    ("covered", "verdict"), [(0.5, Verdict.PASS), (0.49, Verdict.INCONCLUSIVE)]
)
def test_a_twentieth_of_the_load_may_be_missing(covered: float, verdict: Verdict) -> None:
    [finding] = covered_by([1, 2], [2, 2], [covered, 1.0], [10.0, 90.0])
    assert finding.verdict is verdict


def test_a_share_is_rounded_to_six_digits() -> None:
    [finding] = covered_by([1, 2, 2], [2, 2, 2], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    assert finding.observed == 0.333333


def test_a_window_counts_that_lies_in_the_load_at_all() -> None:
    """Of five windows of ten seconds the first and the last end and begin where the load begins and ends."""
    present, expected = [1, 2, 2, 2, 1], [2] * 5
    whole, seconds = [0.5, 1.0, 1.0, 1.0, 0.5], [10.0] * 5
    assert covered_by(present, expected, whole, seconds, 10.0, 40.0) == []
    assert len(covered_by(present, expected, whole, seconds, 9.0, 40.0)) == 1
    assert len(covered_by(present, expected, whole, seconds, 10.0, 41.0)) == 1


@pytest.mark.parametrize("whole", [1.0 - 1e-10, 1.0 - 1e-9])
def test_a_share_that_is_whole_but_for_rounding_was_made(whole: float) -> None:
    [finding] = covered_by([1, 2], [2, 2], [whole, 0.5], [10.0, 2.0])
    assert "was not made, or not recorded, for 2 s" in finding.reason
