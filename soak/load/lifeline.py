"""The lifeline: when standard input ends, because the supervisor stopped the load or died, the load ends."""

from __future__ import annotations

import os
from collections.abc import Callable

import gevent.monkey

#: Seconds for requests in flight once the lifeline has ended; the process exits in any case
#: `LAST_EXIT` seconds after it.
GRACE, LAST_EXIT = 0.5, 1.8


def end_of_input(at_last: Callable[[], None] = lambda: None) -> None:
    """Block until standard input ends. Run it in a native thread, so a stuck event loop cannot keep the process alive.

    If the process has not exited `LAST_EXIT` seconds later, call `at_last` to end what would
    outlive the process, such as child processes, and exit.
    """
    while os.read(0, 4096):
        pass
    start_thread = gevent.monkey.get_original("_thread", "start_new_thread")
    start_thread(_exit_after, (LAST_EXIT, at_last))


def _exit_after(seconds: float, at_last: Callable[[], None]) -> None:
    gevent.monkey.get_original("time", "sleep")(seconds)
    try:
        at_last()
    finally:
        os._exit(0)
