"""`soak watch` at the end of a run: the verdict where a small screen still shows it, and the run's exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.errors import ExitCode
from tests.cli.calling import run
from tests.cli.test_broken import record


@pytest.mark.parametrize(
    ("leak", "code", "said"),
    [(1e5, ExitCode.FAIL, "✗ FAIL (exit 1): "), (0.0, ExitCode.PASS, "✓ PASS (exit 0): ")],
)
def test_a_run_that_has_ended_is_judged_and_its_last_lines_say_how(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, leak: float, code: ExitCode, said: str
) -> None:
    directory = record(tmp_path / "run", 0.2, 100, leak=leak)
    ended, out, _ = run(capsys, "watch", str(directory))
    assert ended == code
    verdict, step = out.splitlines()[-2:]
    assert verdict.startswith(said)
    assert step.startswith("Next: ")
