"""How often a run is judged while it goes on, and that the judging process harms nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

from soak.live import judge as judge_module
from soak.live.judge import ALLOWANCE, EVERY, SHARE, Judge, next_due


def test_judging_keeps_to_its_share_over_days() -> None:
    now = spent = 0.0
    judged = 0
    while now < 2 * 86400:
        spent += 3.0
        judged += 1
        now = next_due(now + 5.0, 0.0, spent)
        assert spent <= ALLOWANCE + SHARE * now + 1e-9 or now == pytest.approx(EVERY)
    assert judged > 1000


def test_a_young_run_is_judged_every_few_seconds() -> None:
    assert next_due(20.0, 0.0, 1.0) == 20.0 + EVERY
    assert next_due(20.0, 0.0, ALLOWANCE + 2.0) == 2.0 / SHARE


#: Stands for the judging process, whose imports take seconds.
CHILD = """
import pickle, sys
for _ in sys.stdin.buffer:
    pickle.dump((None, "", "no recording", 0.5), sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


def test_a_judging_process_that_was_killed_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(_directory: Path, *, html: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    monkeypatch.setattr(judge_module, "_started", started)
    judge = Judge(tmp_path, html=False, after=0.0)
    try:
        assert judge.judge_now() is not None
        first = judge._process
        assert first is not None
        first.kill()
        first.wait()
        judgement = judge.judge_now()
        assert judgement is not None
        assert (judgement.number, judgement.problem) == (2, "no recording")
    finally:
        judge.stop()
    assert judge._process is not None
    assert judge._process.poll() is not None


@pytest.mark.slow
def test_what_cannot_be_judged_says_why(tmp_path: Path) -> None:
    judge = Judge(tmp_path / "nothing", html=False, after=0.0)
    try:
        judgement = judge.judge_now()
        assert judgement is not None
        assert judgement.analysis is None
        assert "not a run directory" in str(judgement.problem)
        process, spent = judge._process, judgement.cpu_seconds
        again = judge.judge_now()
        assert again is not None
        assert (
            judge._process is process
        )  # each judgement is a fork of it, and takes its memory away
        assert again.cpu_seconds >= spent > 0
    finally:
        judge.stop()
