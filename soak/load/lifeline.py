"""Standard input is the lifeline: when it ends, because the supervisor stopped the load or died, the load ends."""

from __future__ import annotations

import os
from collections.abc import Callable

import gevent.monkey

#: When the lifeline ends, requests under way get this long; `LAST_EXIT` after it the process ends whatever happens.
GRACE, LAST_EXIT = 0.5, 1.8


def end_of_input(at_last: Callable[[], None] = lambda: None) -> None:
    """Return when standard input ends, in a native thread; a stuck event loop then cannot keep the process alive.

    `at_last` is called before a process ends that was stuck: it ends what would outlive it.
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
