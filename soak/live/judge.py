"""Judge a run in progress, as its end will be judged, in a separate process, so that the sampler never waits.

The process reads the run directory and runs `soak.pipeline`, so that the results during a run and
at its end come from the same code. It is niced, and its CPU time over the run is bounded.
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

#: Long-term share of one core that judging may use over the run.
SHARE = 0.02
#: CPU seconds allowed once in addition to the share, so that a run of minutes is judged more than
#: once.
ALLOWANCE = 4.0
#: Minimum seconds between two judgements.
EVERY = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A run judged so far: `analysis` without its charts, and its report as HTML if requested.

    `problem` says why there is no analysis. `cpu_seconds` is the CPU time of the judging process since
    it began.
    """

    number: int
    analysis: Analysis | None
    html: str
    problem: str | None
    cpu_seconds: float


def next_due(now: float, began: float, spent: float, every: float = EVERY) -> float:
    """Return when to judge again, in the clock's seconds, after `spent` CPU seconds since `began`."""
    return max(now + every, began + (spent - ALLOWANCE) / SHARE)


class Judge:
    """Judges a run directory repeatedly from `after` seconds on; `latest` is the last result.

    There are at least `every` seconds between two judgements. `html` also requests the report's page.
    A failure of the judging process does not affect the run.
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
        """Start the thread; return at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the judging process."""
        self._ending.set()
        self._end_process()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def judge_now(self) -> Judgement | None:
        """Judge once, whatever it costs; return None if the judging process ended without a result or was ended."""
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
            ):  # the process's CPU time is unknown; the allowance is not granted twice
                spent_before, spent = spent_before + max(spent, ALLOWANCE), 0.0
            else:
                spent = judgement.cpu_seconds
            due = next_due(self._clock(), began, spent_before + spent, self._every)

    def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also ends the fork that is judging
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


def _started(directory: Path, *, html: bool) -> subprocess.Popen[bytes]:
    """Start the judging process in a session of its own, so that it does not get the run's Ctrl-C."""
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
    """Read the judging process's answer; unpickling is safe, because the process is our own."""
    judged: tuple[Analysis | None, str, str | None, float] = pickle.load(stream)  # noqa: S301 - from our own child
    return judged
