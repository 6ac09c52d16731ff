"""Make the first minute as flat as the tenth: a calm allocator, and everything used before the service is ready."""

from __future__ import annotations

import gc
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

CONNECTIONS = 10

# One heap for all threads, no per-thread caches of freed chunks (they fill for many minutes), and
# no memory returned to the system: resident memory then follows what the service keeps. glibc reads
# this once, when a process starts.
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
    """Restart this process with the same pid and command line, with an allocator that settles at once.

    Return if that has been done already. C libraries other than glibc ignore the setting.
    """
    if sys.platform == "linux" and os.environ.get("GLIBC_TUNABLES") != _TUNABLES:
        environment = {**os.environ, "GLIBC_TUNABLES": _TUNABLES}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  # no shell is wanted


def warm_up(address: tuple[str, int], rounds: int) -> None:
    """Send every kind of request, over as many connections at once as a small load has; then freeze live objects.

    Requests are sent `rounds` times on each connection: 20 leave resident memory flat to some 10 KiB.
    Raise OSError or HTTPException if a request gets no answer.
    """
    gc.set_threshold(
        700, 5, 2
    )  # frequent full collections: a low sawtooth, and cheap once live objects are frozen
    with ThreadPoolExecutor(CONNECTIONS) as clients:
        for client in [clients.submit(_use, address, rounds) for _ in range(CONNECTIONS)]:
            client.result()
    gc.collect()
    gc.freeze()
    gc.collect()  # resets the count of old objects, of which many would delay full collections


def _use(address: tuple[str, int], rounds: int) -> None:
    connection = HTTPConnection(*address, timeout=10)
    order = json.dumps({"product": 7, "quantity": 2})
    for method, path in _REQUESTS * rounds:
        body = order if method == "POST" else None
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        connection.getresponse().read()
    connection.close()
