"""Makes the first minute as flat as the tenth: a calm allocator, and everything used before the service is ready."""

from __future__ import annotations

import gc
import json
import os
import sys
from http.client import HTTPConnection

CONNECTIONS = 10
ROUNDS = 40

# One heap for all threads, no caches of freed pieces a thread (they fill for many minutes), and no memory given back:
# what is left of the resident memory's movements is what the service keeps. glibc reads this once, when a process starts.
_TUNABLES = "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0:glibc.malloc.mmap_threshold=1048576"
_TUNABLES += ":glibc.malloc.trim_threshold=1073741824"

_REQUESTS = (
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/products/7"),
    ("GET", "/products/0"),
    ("GET", "/search?q=lamp"),
    ("GET", "/orders"),
    ("GET", "/orders/1"),
    ("POST", "/orders"),
    ("GET", "/invoices/latest"),
    ("GET", "/shipping/de"),
    ("GET", "/shipping/is"),
)


def calm_allocator() -> None:
    """Start this very process over, same pid and same command line, with an allocator that settles at once.

    Returns where that has been done already. C libraries other than glibc take no notice.
    """
    if sys.platform == "linux" and os.environ.get("GLIBC_TUNABLES") != _TUNABLES:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "GLIBC_TUNABLES": _TUNABLES})


def warm_up(address: tuple[str, int]) -> None:
    """Send every kind of request over as many connections as a small load has; then keep what now lives out of the GC.

    A leaking endpoint leaks here as well, `ROUNDS` times.
    """
    gc.set_threshold(700, 5, 2)  # full collections every few hundred requests: a low sawtooth, and cheap once frozen
    connections = [HTTPConnection(*address, timeout=10) for _ in range(CONNECTIONS)]
    order = json.dumps({"product": 7, "quantity": 2})
    for turn in range(ROUNDS):
        for method, path in _REQUESTS:
            body = order if method == "POST" else None
            connection = connections[turn % CONNECTIONS]
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            connection.getresponse().read()
    for connection in connections:
        connection.close()
    gc.collect()
    gc.freeze()
