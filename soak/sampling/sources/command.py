"""Run a command that prints Prometheus text, for data that no other source offers."""

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
#: Set in each command's environment, to find its descendants in other sessions and after their
#: parent's end.
_MARK = "SOAK_SCRAPE"
#: Precision of process start times on the system's clock (seconds).
_CLOCK = 1.0


@dataclass(frozen=True)
class Command:
    """`command: {run: [./pool-stats, --all], timeout: 5s}`; no shell; on timeout its process tree is killed."""

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
        """Return the samples it prints; a nonzero exit code is an error with the last line of stderr."""
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
            # The sampler's threads have raised priority; child processes must not inherit it.
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
            # Background processes that it left are killed too, or they would accumulate with every
            # scrape.
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
        """Read both outputs to their ends: stdout up to a limit, of stderr only the end."""
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
    """Kill a command's descendants in other sessions, among the processes started after `since` (Unix time).

    `began` is the same moment on the monotonic clock: when the machine's clock is set, psutil's start times
    shift with it.
    """
    since = min(since, time.time() - (time.monotonic() - began))
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.create_time() >= since - _CLOCK and process.environ().get(_MARK) == mark:
                process.kill()
