"""Runs a command that prints Prometheus text: for whatever no other source can tell."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from soak.errors import TargetError, UsageError
from soak.model import Sample
from soak.profile.fields import Positive
from soak.sampling.exposition import Exposition
from soak.sampling.fetch import MAX_BYTES, Answer
from soak.sampling.sources.prometheus import about

_LAST_WORDS = 4096
#: Set in the environment of each command, so that what it started is found in other sessions and after its parent's end.
_MARK = "SOAK_SCRAPE"
#: The system's clock tells when processes began to so many seconds.
_CLOCK = 1.0


@dataclass(frozen=True)
class Command:
    """`command: {run: [./pool-stats, --all], timeout: 5s}`; no shell, and killed with all it started when it is too slow."""

    run: tuple[str, ...]
    timeout: Positive = 5.0
    _exposition: Exposition = field(
        init=False, repr=False, compare=False, default_factory=Exposition
    )

    def __post_init__(self) -> None:
        if not self.run:
            raise UsageError(
                "command: run: give the program and its arguments, such as [./pool-stats]"
            )

    def collect(self) -> Iterable[Sample]:
        """What it prints; an exit code other than 0 is an error with its last words."""
        began = time.monotonic()
        output = self._output(began + self.timeout)
        page = self._exposition.read(Answer(200, "text/plain", output, whole=False), self.run[0])
        return [*page.samples, *about(page, time.monotonic() - began)]

    def _output(self, deadline: float) -> bytes:
        began, since = time.monotonic(), time.time()
        mark = f"{os.getpid()}-{time.monotonic_ns()}"
        try:
            process = subprocess.Popen(
                self.run,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, _MARK: mark},
            )
        except OSError as error:
            raise TargetError(
                f"{self.run[0]}: cannot be started: {(error.strerror or str(error)).lower()}"
            ) from None
        with suppress(OSError):
            # The sampler's threads run at raised priority; its child processes must not.
            os.setpriority(
                os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, os.getpid())
            )
        try:
            output, words = self._read(process, deadline)
            code = process.wait(max(0.001, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, TimeoutError):
            raise TargetError(
                f"{self.run[0]}: did not end within {self.timeout:g} s, and was killed"
            ) from None
        finally:
            # What it left behind in the background is killed too: it would add up, one a scrape.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _kill_marked(mark, since, began)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        if code != 0:
            last = words.decode(errors="replace").strip().splitlines()[-1:]
            raise TargetError(
                f"{self.run[0]}: ended with code {code}{f': {last[0][:200]}' if last else ''}"
            )
        return output

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
        """Both outputs to their ends: the first bounded, of the second only the last of it."""
        assert process.stdout is not None
        assert process.stderr is not None
        output, words = bytearray(), bytearray()
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ, output)
            waiting.register(process.stderr, selectors.EVENT_READ, words)
            while waiting.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                for key, _ in waiting.select(left):
                    piece = os.read(key.fd, 1 << 16)
                    if not piece:
                        waiting.unregister(key.fileobj)
                    key.data.extend(piece)
                if len(output) > MAX_BYTES:
                    raise TargetError(
                        f"{self.run[0]}: printed more than {MAX_BYTES >> 20} MiB, and was killed"
                    )
                del words[:-_LAST_WORDS]
        return bytes(output), bytes(words)


def _kill_marked(mark: str, since: float, began: float) -> None:
    """Kill what a command started and left behind in sessions of its own, of all processes begun `since` (Unix time).

    `began` is the same moment on the monotonic clock: psutil moves all starts with a machine's
    clock that is set.
    """
    since = min(since, time.time() - (time.monotonic() - began))
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.create_time() >= since - _CLOCK and process.environ().get(_MARK) == mark:
                process.kill()
