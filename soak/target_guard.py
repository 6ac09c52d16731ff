"""End a started target when the soak process that started it dies, by whatever cause.

This is a process of its own, `python -m soak.target_guard PID`. Its standard input is a pipe that
the supervisor holds open. When the pipe is closed, the target, its process group and all its
descendants are asked to end, and killed after GRACE seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import psutil

#: Seconds that the target has to end by itself before it is killed.
GRACE = 1.0


def main(pid: int) -> None:
    """Wait for the end of standard input, then end the process `pid`, which must have been running when this began."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # signals to the supervisor must not end its guard
    try:
        target = psutil.Process(
            pid
        )  # psutil checks its start time too, so a reused pid is not mistaken for it
    except psutil.NoSuchProcess:
        return
    while os.read(0, 4096):
        pass
    end(target)


def end(target: psutil.Process) -> None:
    """End a process and all its descendants, also those in other sessions; do nothing if it is gone already."""
    try:
        family = [target, *target.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(family, timeout=GRACE)[1]:
        with suppress(psutil.Error):
            process.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]))
