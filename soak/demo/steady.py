"""Makes the first minute as flat as the tenth: a calm allocator, and everything used before the service is ready."""

from __future__ import annotations

import gc
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

CONNECTIONS = 10

# One heap for all threads, no caches of freed pieces a thread (they fill for many minutes), and no
# memory given back: resident memory then moves with what the service keeps. glibc reads this once,
# when a process starts.
_TUNABLES = (
    "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0:glibc.malloc.mmap_threshold=1048576"
)
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
        environment = {**os.environ, "GLIBC_TUNABLES": _TUNABLES}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  # no shell is wanted


def warm_up(address: tuple[str, int], rounds: int) -> None:
    """Send every kind of request, over as many connections at once as a small load has; then freeze what lives.

    `rounds` times on each connection: 20 leave resident memory flat to some 10 KiB. OSError or
    HTTPException when one goes unanswered.
    """
    gc.set_threshold(
        700, 5, 2
    )  # full collections often: a low sawtooth, and cheap once all that lives is frozen
    with ThreadPoolExecutor(CONNECTIONS) as clients:
        for client in [clients.submit(_use, address, rounds) for _ in range(CONNECTIONS)]:
            client.result()
    gc.collect()
    gc.freeze()
    gc.collect()  # counts what is left, almost nothing; else no full one would come before a quarter as much was new


def _use(address: tuple[str, int], rounds: int) -> None:
    connection = HTTPConnection(*address, timeout=10)
    order = json.dumps({"product": 7, "quantity": 2})
    for method, path in _REQUESTS * rounds:
        body = order if method == "POST" else None
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        connection.getresponse().read()
    connection.close()
