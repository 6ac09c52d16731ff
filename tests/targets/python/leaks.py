"""The leaks, one function each."""

from __future__ import annotations

import mmap
import threading
import uuid
from functools import lru_cache
from typing import Any

PAGE = 16 << 10
REQUEST_PAGE = 4 << 10
NATIVE = 64 << 10
CHURN = 50_000

NAMES = (
    "none",
    "list",
    "dict",
    "lru-cache",
    "closure",
    "exceptions",
    "threadlocal",
    "threads",
    "sessions",
    "file",
    "native",
    "pool-large",
    "idle-kept",
    "churn",
    "buffered",
)

_results: list[bytearray] = []
_orders: dict[str, tuple[Any, bytearray]] = {}
_on_stop: list[Any] = []
_exceptions: list[Exception] = []
_files: list[Any] = []
_mapped: list[mmap.mmap] = []
_reply = threading.Event()
_of_thread = threading.local()


def keep_result() -> None:
    """A list that nothing shortens."""
    _results.append(bytearray(b"\x2a") * PAGE)


def keep_order(order: Any) -> None:
    """A dictionary with a fresh key for each order."""
    _orders[uuid.uuid4().hex] = (order, bytearray(b"\x2a") * PAGE)


class Pricing:
    """One object a request, with a cached method: the unbounded cache keeps every `self`."""

    def __init__(self, product: int) -> None:
        self.product = product
        self.tariff = bytearray(b"\x2a") * PAGE

    @lru_cache(maxsize=None)  # noqa: B019, UP033  # this is the leak
    def total(self) -> int:
        """Its result would be the same for each."""
        return self.product * len(self.tariff)


def remember_request() -> None:
    """What runs before every request leaves a closure, with a copy of the request, for the end of the service."""
    copied = bytearray(b"\x2a") * REQUEST_PAGE

    def flush() -> int:
        return len(copied)

    _on_stop.append(flush)


def keep_exception() -> None:
    """A kept exception holds its traceback, that the frames, and those their locals."""
    try:
        _check()
    except ValueError as error:
        _exceptions.append(error)


def _check() -> None:
    payload = bytearray(b"\x2a") * PAGE
    raise ValueError(f"{len(payload)} bytes are too many")


def keep_in_thread() -> None:
    """The server's threads live on, and with them what is theirs."""
    if not hasattr(_of_thread, "requests"):
        _of_thread.requests = []
    _of_thread.requests.append(bytearray(b"\x2a") * PAGE)


def start_watcher() -> None:
    """A thread that waits for an event that never comes."""
    threading.Thread(target=await_reply, daemon=True).start()


def await_reply() -> None:
    """Never returns."""
    _reply.wait()


def keep_open(file: Any) -> None:
    """Not even the garbage collector closes it."""
    _files.append(file)


def map_pages() -> None:
    """Memory from the system, past Python's allocator."""
    pages = mmap.mmap(-1, NATIVE)
    pages.write(b"\x2a" * NATIVE)
    _mapped.append(pages)


def churn() -> None:
    """Cyclic garbage, and none of it kept."""
    for number in range(CHURN // 10):
        node: list[Any] = [number]
        node.append(node)


def whole(pieces: int, size: int) -> bytes:
    """In memory what could have been streamed."""
    return b"".join(bytes(size) for _ in range(pieces))
