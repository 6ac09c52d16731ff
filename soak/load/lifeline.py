"""Standard input is the lifeline: when it ends, because the supervisor stopped the load or died, the load ends."""

from __future__ import annotations

import os

import gevent.monkey

#: When the lifeline ends, requests under way get this long; `LAST_EXIT` after it the process ends whatever happens.
GRACE, LAST_EXIT = 0.5, 1.8


def end_of_input() -> None:
    """Return when standard input ends, in a native thread; a stuck event loop then cannot keep the process alive."""
    while os.read(0, 4096):
        pass
    start_thread = gevent.monkey.get_original("_thread", "start_new_thread")
    start_thread(_exit_after, (LAST_EXIT,))


def _exit_after(seconds: float) -> None:
    gevent.monkey.get_original("time", "sleep")(seconds)
    os._exit(0)
