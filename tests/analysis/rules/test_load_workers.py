"""What a lost worker left undone is said, and is never a pass by silence."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.load_workers import worker_findings
from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, Phase, Recording, RunInfo, Verdict
from soak.profile import Limits
from soak.windows import WorkerCoverages


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
