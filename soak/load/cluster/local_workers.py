"""The master's own worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from soak.load.plan.cluster_options import WorkerOptions


class LocalWorkers:
    """Worker processes started by one master. Each ends when its standard input ends, and so with the master."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int, options: WorkerOptions) -> None:
        """Start `count` workers, all with the same options."""
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
        """The process ids of all workers that were started."""
        return {process.pid for process in self._processes}

    def ended(self) -> dict[int, int]:
        """Return the exit code of each worker that has ended, by process id; negative for the signal that killed it."""
        return {
            process.pid: process.returncode
            for process in self._processes
            if process.poll() is not None
        }

    def kill(self, pid: int) -> None:
        """Kill the worker with this process id; ignore the id of any other process."""
        for process in self._processes:
            if process.pid == pid:
                process.kill()

    def kill_all(self) -> None:
        """Kill all workers that still run. Callable from any thread: a stuck master takes its workers with it."""
        for process in list(self._processes):
            if process.returncode is None:  # not waited for, so its id cannot have been reused
                os.kill(process.pid, signal.SIGKILL)

    def release(self) -> None:
        """Close the workers' standard inputs, so that they end in order."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
