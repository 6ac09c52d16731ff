"""The master's own worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from soak.load.plan.cluster_options import WorkerOptions


class LocalWorkers:
    """Worker processes that one master started; each ends when its standard input does, and so with the master."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int, options: WorkerOptions) -> None:
        """Start so many, all with the same options."""
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "soak.load"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            assert process.stdin is not None
            process.stdin.write(options.to_json().encode())
            process.stdin.flush()
            self._processes.append(process)

    @property
    def pids(self) -> set[int]:
        """The process ids of all that were started."""
        return {process.pid for process in self._processes}

    def ended(self) -> dict[int, int]:
        """Those that have ended: exit code by process id, negative for the signal that killed it."""
        return {
            process.pid: process.returncode
            for process in self._processes
            if process.poll() is not None
        }

    def kill(self, pid: int) -> None:
        """Kill one of them; nothing happens to any other process."""
        for process in self._processes:
            if process.pid == pid:
                process.kill()

    def kill_all(self) -> None:
        """Kill all that still run, from any thread: a master that is stuck takes them with it."""
        for process in list(self._processes):
            if process.returncode is None:  # not waited for, so its id is still its own
                os.kill(process.pid, signal.SIGKILL)

    def release(self) -> None:
        """Close their standard inputs: they end in order."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
