"""Judges a run while it goes on, as its end will be judged, in a process of its own: the sampler never waits for it.

The process reads the run directory and runs `soak.pipeline`, so what is said of a run under way and
what is said at its end come from one judgement. It is niced, and its CPU time over the run is
bounded.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from soak.model import Analysis

#: Judging may take this share of one core over the run, in the long term.
SHARE = 0.02
#: CPU seconds that may be spent beyond the share, once: so that a run of minutes is judged more than once.
ALLOWANCE = 4.0
#: Seconds between two judgements at least.
EVERY = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A run judged so far: `analysis` without its charts, and its report as HTML where it was asked for.

    `problem` says why there is no analysis. `cpu_seconds` is what the judging process has spent
    since it began.
    """

    number: int
    analysis: Analysis | None
    html: str
    problem: str | None
    cpu_seconds: float


def next_due(now: float, began: float, spent: float, every: float = EVERY) -> float:
    """When to judge again, in the clock's seconds, after `spent` CPU seconds since `began`."""
    return max(now + every, began + (spent - ALLOWANCE) / SHARE)


class Judge:
    """Judges a run directory again and again from `after` seconds on; `latest` is what came out last.

    Between two judgements are `every` seconds at least. `html` asks for the report's page as well.
    Nothing that happens to the judging process harms the run.
    """

    def __init__(
        self,
        directory: Path,
        *,
        html: bool,
        after: float,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory, self._html, self._clock = directory, html, clock
        self._after, self._every = after, every
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="soak-judge", daemon=True)
        self.latest: Judgement | None = None
        self.number = 0

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the judging process."""
        self._ending.set()
        self._end_process()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def judge_now(self) -> Judgement | None:
        """One judgement, whatever it costs; None where the judging process ended without one, or was ended."""
        process = self._process
        if process is None or process.poll() is not None:
            self._end_process()
            process = self._process = _started(self._directory, html=self._html)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"judge\n")
            process.stdin.flush()
            analysis, html, problem, spent = _read(process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._end_process()
            return None
        self.number += 1
        judgement = Judgement(self.number, analysis, html, problem, spent)
        if problem is None or self.latest is None:
            self.latest = judgement
        return judgement

    def _follow(self) -> None:
        began, spent_before, spent = self._clock(), 0.0, 0.0
        due = began + self._after
        while not self._ending.wait(max(0.0, min(due - self._clock(), 1.0))):
            if self._clock() < due:
                continue
            judgement = self.judge_now()
            if (
                judgement is None
            ):  # what it had spent is not known; the allowance is not given twice
                spent_before, spent = spent_before + max(spent, ALLOWANCE), 0.0
            else:
                spent = judgement.cpu_seconds
            due = next_due(self._clock(), began, spent_before + spent, self._every)

    def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the fork that judges now
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


def _started(directory: Path, *, html: bool) -> subprocess.Popen[bytes]:
    """The judging process, in a session of its own: Ctrl-C is for the run."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "soak.live",
        str(directory),
        *(["--html"] if html else []),
    ]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )


def _read(stream: IO[bytes]) -> tuple[Analysis | None, str, str | None, float]:
    """What the judging process sent, which is this program's own."""
    judged: tuple[Analysis | None, str, str | None, float] = pickle.load(stream)  # noqa: S301 - from our own child
    return judged
