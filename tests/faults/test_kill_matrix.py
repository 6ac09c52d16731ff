"""The fast part of the kill matrix: one moment of what once went wrong."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from tests.faults.kill_matrix import case

#: Beside other work processes take their time to end; a process that lives on is there for ever.
PATIENCE = 60.0


@pytest.mark.parametrize(
    ("victim", "name"), [("supervisor", "KILL"), ("load", "KILL"), ("worker", "TERM")]
)
def test_nothing_outlives_a_run_and_nothing_cut_short_passes(victim: str, name: str) -> None:
    outcome = case(victim, name, 3.0, PATIENCE)
    assert outcome.faults == []


def test_a_target_and_its_children_in_other_sessions_end_with_the_process_that_holds_its_lifeline() -> (
    None
):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    target = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert target.stdout is not None
    child = psutil.Process(int(target.stdout.readline()))
    guard = subprocess.Popen(
        [sys.executable, "-m", "soak.target_guard", str(target.pid)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert guard.stdin is not None
    with pytest.raises(subprocess.TimeoutExpired):
        guard.wait(2.0)
    assert target.poll() is None
    guard.stdin.close()
    guard.wait(PATIENCE)
    assert target.wait(PATIENCE) is not None
    target.stdout.close()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
