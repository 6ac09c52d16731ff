"""Serve a Python service's memory, threads and tasks to soak: import it first, or run the service through it.

    SOAK_HOOK=127.0.0.1:9230 python -m soak.hook service.py --its-arguments     (or -m service.module)
    SOAK_HOOK=127.0.0.1:9230 python service.py                                  with `import soak.hook` at its top

It needs only Python (3.8 or newer), so this folder alone can be copied next to a service without soak
and run as `python hook service.py`. Without SOAK_HOOK it does nothing. SOAK_HOOK_FRAMES is the number of
calls kept per allocation (5). SOAK_HOOK_TOKEN must be sent as `Authorization: Bearer …`; addresses other
than loopback require it.

Allocations are traced from soak's first request for memory until its run ends. The cost is measured
under load, and if it is more than a fifth of the service's processor time, only short windows are
traced (`tracing.py`). One process is served: start a server with several workers with a single one.
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
    """Serve at HOST:PORT from a thread; raise ValueError or OSError if that fails. Nothing is traced yet."""
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
    """Serve as SOAK_HOOK says; errors are printed and never stop the service."""
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
