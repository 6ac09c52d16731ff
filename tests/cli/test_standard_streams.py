"""What becomes of a verb whose standard output or error cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")


def code(arguments: str, *, stdout: str = "", stderr: str = "") -> int:
    """The exit code of a verb with these streams: `gone` has no reader, `full` no room."""
    streams: dict[str, int] = {}
    for name, kind in (("stdout", stdout), ("stderr", stderr)):
        if kind == "gone":
            reader, streams[name] = os.pipe()
            os.close(reader)
        else:
            streams[name] = os.open(FULL if kind == "full" else os.devnull, os.O_WRONLY)
    try:
        run = subprocess.run(
            [sys.executable, "-m", "soak", *arguments.split()],
            check=False,
            stdout=streams["stdout"],
            stderr=streams["stderr"],
        )
        return run.returncode
    finally:
        for descriptor in streams.values():
            os.close(descriptor)


def test_a_reader_that_has_left_changes_no_exit_code() -> None:
    assert code("--help", stdout="gone") == 0
    assert code("check", stdout="gone", stderr="gone") == 2


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
def test_a_full_standard_output_is_said_by_the_code_and_a_full_standard_error_changes_none() -> (
    None
):
    assert code("--help", stdout="full") == 4
    assert code("--help", stderr="full") == 0
