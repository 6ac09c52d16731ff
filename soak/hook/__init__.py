"""A Python service's memory, threads and tasks, for soak to ask for: import it first, or run the service through it.

    SOAK_HOOK=127.0.0.1:9230 python -m soak.hook service.py --its-arguments     (or -m service.module)
    SOAK_HOOK=127.0.0.1:9230 python service.py                                  with `import soak.hook` at its top

It needs nothing but Python (3.8 or newer), so this folder alone may be copied next to a service
that has no soak and be run as `python hook service.py`. Without SOAK_HOOK it does nothing.
SOAK_HOOK_FRAMES is how many calls of each allocation are kept (5), SOAK_HOOK_TOKEN what must be
sent along as `Authorization: Bearer …`; other addresses than loopback's need one.

From when soak first asks for memory until its run ends, allocations are traced. What that costs is
measured under load, and where it is more than a fifth of the service's processor time, only short
windows are traced (`tracing.py`). One process is
served: start a server of several workers with one.
"""

from __future__ import annotations

import os
import sys
import threading

from .memory import Memory
from .server import listen
from .threads import remember_starters, threads

__all__ = ["start"]


def start(address: str, frames: int = 5, token: str = "") -> threading.Thread:
    """Serve at HOST:PORT from a thread; ValueError or OSError where that cannot be. Nothing is traced yet."""
    memory = Memory(frames)
    remember_starters()
    pages = {
        "/memory": memory.page,
        "/threads": threads,
        "/gauges": memory.gauges,
        "/gauges?trim": memory.trimmed_gauges,
        "/collect": memory.collect,
        "/end": memory.end,
    }
    return listen(address, token, pages)


def start_from_environment() -> None:
    """Serve as SOAK_HOOK says; a service never fails for it."""
    address = os.environ.get("SOAK_HOOK", "")
    if not address:
        return
    try:
        start(
            address,
            int(os.environ.get("SOAK_HOOK_FRAMES", "5")),
            os.environ.get("SOAK_HOOK_TOKEN", ""),
        )
    except (OSError, ValueError) as error:
        sys.stderr.write(f"soak.hook: not serving at {address}: {error}\n")


start_from_environment()
