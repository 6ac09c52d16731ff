"""Commands that print metrics: what they say, and how they may fail."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from soak.errors import TargetError, UsageError
from soak.sampling.sources.command import Command


def python(code: str, timeout: float = 10.0) -> Command:
    return Command((sys.executable, "-c", code), timeout)


def test_what_a_command_prints_is_scraped() -> None:
    samples = {
        sample.name: sample.value
        for sample in python("print('pool_size 5\\npool_used{db=\"a\"} 3')").collect()
    }
    assert samples["pool_size"] == 5
    assert samples["pool_used"] == 3
    assert samples["scrape_samples_scraped"] == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('no such pool')", "ended with code 1: no such pool"),
        ("import os; os.kill(os.getpid(), 9)", "ended with code -9"),
        ("print('hello, world')", "not valid Prometheus text"),
        ("pass", "holds no metric"),
        ("import sys; sys.stdout.write('a 12')", "it ends within a line, so it was cut short"),
        (
            "import sys\nfor _ in range(40): sys.stdout.write('a' * 2**20)",
            "printed more than 32 MiB",
        ),
    ],
)
def test_a_command_that_fails_is_one_clear_error(code: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        list(python(code).collect())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(
        TargetError, match=r"nobody-has-this: cannot be started: no such file or directory"
    ):
        list(Command(("./nobody-has-this",)).collect())
    with pytest.raises(UsageError, match="give the program"):
        Command(())


@pytest.mark.parametrize("ending", ["time.sleep(60)", "print('a 1', flush=True)"])
def test_it_is_killed_with_all_that_it_started(tmp_path: Path, ending: str) -> None:
    """Whether it is too slow, or ends and leaves something behind that holds its output open."""
    note = tmp_path / "pid"
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        f"import subprocess, sys, time, os\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n"
    )
    code += f"while not os.path.exists({str(note)!r}) or not open({str(note)!r}).read(): time.sleep(0.01)\n{ending}"
    for patience in (2, 8, 32):  # a crowded machine may take longer to start both
        with pytest.raises(TargetError, match=f"did not end within {patience} s, and was killed"):
            list(python(code, patience).collect())
        if note.exists() and note.read_text():
            break
    pid = int(note.read_text())
    deadline = time.monotonic() + 60
    while (
        psutil.pid_exists(pid)
        and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("set_back", [0.0, 3600.0])
def test_what_a_command_leaves_in_a_session_of_its_own_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_back: float
) -> None:
    """Also where the machine's clock is set back meanwhile, by which psutil tells when processes began."""
    clock = time.time
    moved = iter([set_back])
    monkeypatch.setattr(time, "time", lambda: clock() + next(moved, 0.0))
    told = tmp_path / "pid"
    left = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {left!r}], start_new_session=True, stdout=-3, stderr=-3)\n"
        f"while not (os.path.exists({str(told)!r}) and os.path.getsize({str(told)!r})): time.sleep(0.01)\n"
        "print('a 1')\n"
    )
    assert list(python(code, 60.0).collect())
    pid = int(told.read_text())
    assert (
        not psutil.pid_exists(pid)
        or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        or _ends(pid)
    )


def _ends(pid: int) -> bool:
    """Whether a killed process ends: its parent is not ours, so nobody here waits for it."""
    try:
        psutil.Process(pid).wait(60.0)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True
