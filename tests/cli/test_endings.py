"""How the program ends when its own output fails or something unforeseen happens: the exit code stays true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from soak.cli.delivery import write_reports
from soak.errors import ExitCode, RecordingError
from soak.recording import write_whole
from soak.reporters import REPORTERS, Reporter, installed
from soak.runner import Run
from tests.cli.calling import run
from tests.cli.test_broken import PROFILE, record

SOAK = [sys.executable, "-m", "soak"]


@pytest.fixture
def steady(tmp_path: Path) -> Path:
    return record(tmp_path / "run", 0.2, 100)


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    return record(tmp_path / "run", 0.2, 100, leak=1e5)


def ended(*command: str, stdout: str = "") -> tuple[int, str]:
    """Exit code and standard error of a verb whose standard output a shell redirects."""
    line = 'exec "$@" ' + stdout
    done = subprocess.run(
        ["sh", "-c", line, "sh", *SOAK, *command], stderr=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.thorough
def test_a_closed_standard_output_changes_no_verdict(steady: Path) -> None:
    assert ended("report", str(steady), stdout=">&-") == (ExitCode.PASS, "")
    assert (steady / "report.html").exists()


def test_a_reader_that_left_changes_no_verdict(leaking: Path) -> None:
    line = '{ "$@"; echo code=$? >&2; } | true'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *SOAK, "report", str(leaking), "--json"],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "code=1"
    assert "Traceback" not in done.stderr


def test_a_full_standard_output_is_no_pass(steady: Path) -> None:
    code, err = ended("report", str(steady), "--json", stdout=">/dev/full")
    assert code == ExitCode.BROKEN
    assert "standard output cannot be written: No space left on device" in err
    assert "Traceback" not in err


def test_an_unexpected_exception_is_exit_4_with_its_traceback_kept(
    capsys: pytest.CaptureFixture[str], steady: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr("soak.pipeline.judge_run", explode)
    code, _, err = run(capsys, "report", str(steady))
    assert code == ExitCode.BROKEN
    assert "Traceback" not in err
    [line] = err.splitlines()
    assert line.startswith("soak: internal error: KeyError in test_endings.py:")
    kept = Path(line.rpartition(" ")[2])
    assert "planted" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    kept.unlink()


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (MemoryError(), "soak: no more memory was given"),
        (KeyError("x"), "soak: internal error: KeyError, which cannot be"),
    ],
)
def test_a_crash_that_cannot_be_told_is_exit_4_all_the_same(
    capsys: pytest.CaptureFixture[str],
    steady: Path,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    said: str,
) -> None:
    def explode(*_: object) -> None:
        raise raised

    def no_memory(_: object) -> str:
        raise MemoryError

    monkeypatch.setattr("soak.pipeline.judge_run", explode)
    monkeypatch.setattr("soak.cli.crash.crash_message", no_memory)
    code, _, err = run(capsys, "report", str(steady))
    assert code == ExitCode.BROKEN
    assert err.startswith(said)


def test_an_own_report_that_crashes_costs_the_others_nothing_and_the_pass(
    capsys: pytest.CaptureFixture[str], steady: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(REPORTERS, "junit", Reporter("junit.xml", explode))
    installed.cache_clear()
    code, _, err = run(capsys, "report", str(steady))
    installed.cache_clear()
    assert code == ExitCode.BROKEN
    assert "soak: junit.xml was not written: internal error: ZeroDivisionError" in err
    assert not (steady / "junit.xml").exists()
    assert {"report.html", "summary.md", "analysis.json"} <= {
        path.name for path in steady.iterdir()
    }


def test_another_packages_report_that_crashes_is_a_warning(
    capsys: pytest.CaptureFixture[str], steady: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "soak.reporters.entry_points",
        lambda group: [EntryPoint("theirs", "tests.cli.test_endings:THEIRS", group)],
    )
    installed.cache_clear()
    code, _, err = run(capsys, "report", str(steady))
    installed.cache_clear()
    assert code == ExitCode.PASS
    assert "soak: theirs.txt was not written: internal error: ValueError" in err


def _raise(_: object) -> str:
    raise ValueError("theirs")


THEIRS = Reporter("theirs.txt", _raise)


def test_a_full_disk_still_shows_the_verdict(
    capsys: pytest.CaptureFixture[str], leaking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: str | bytes) -> None:
        if path.name == "report.html":
            raise RecordingError(f"{path}: cannot be written: No space left on device")
        write_whole(path, content)

    monkeypatch.setattr("soak.cli.delivery.write_whole", full)
    code, out, err = run(capsys, "report", str(leaking))
    assert code == ExitCode.FAIL
    assert "FAIL" in out
    assert "report.html was not written" in err
    assert (leaking / "junit.xml").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "nowhere.yaml"],
        ["check", "nowhere.yaml"],
        ["report", "nowhere"],
        ["analyze", "nowhere.csv"],
        ["worker"],
        ["agent"],
        ["demo", "--nothing"],
        ["schema", "extra"],
        ["nothing"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2_in_every_verb(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == ExitCode.USAGE
    assert err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_second_interruption_says_what_is_kept_and_what_judges_it() -> None:
    twice = """
import os, signal, threading
from pathlib import Path
from soak.cli.drive import interruptible
with interruptible(threading.Event(), kept=Path("reports/my run")):
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
"""
    done = subprocess.run(
        [sys.executable, "-c", twice], capture_output=True, text=True, check=False
    )
    assert done.returncode == ExitCode.INTERRUPTED
    assert done.stderr.splitlines()[-1] == (
        "soak: stopped at once; what was recorded is kept: `soak report 'reports/my run'` "
        "judges it and writes its reports"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_reports_are_written_changes_nothing_of_a_complete_run(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    """The load was made to its end: `soak report` says the same afterwards."""

    def interrupted(*given: Any) -> Any:
        os.kill(os.getpid(), number)
        return write_reports(*given)

    def made(self: Run) -> None:
        record(self.directory, 0.2, 100)

    monkeypatch.setattr(Run, "run", made)
    monkeypatch.setattr("soak.cli.drive.write_reports", interrupted)
    profile, directory = tmp_path / "busy.yaml", tmp_path / "run"
    profile.write_text(PROFILE)
    code, _, _ = run(capsys, "run", str(profile), "--out", str(directory))
    assert (code, (directory / "report.html").exists()) == (ExitCode.PASS, True)
