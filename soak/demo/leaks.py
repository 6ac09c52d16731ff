"""Four well-known mistakes, each beside the code that does it right; `Parts` is what the service is built from."""

from __future__ import annotations

import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from soak.demo.pool import ConnectionPool
from soak.demo.shop import NoTariffError, tariff

FLAT_RATE = 2490
CACHED_PAGES = 8


class Leak(StrEnum):
    """How the service misbehaves."""

    NONE = "none"
    MEMORY = "memory"
    DESCRIPTORS = "descriptors"
    THREADS = "threads"
    POOL = "pool"


# Memory: a cache without a bound.
_recent: OrderedDict[str, bytes] = OrderedDict()
_recent_lock = threading.Lock()
_pages: dict[tuple[str, str], bytes] = {}


def cached_page(query: str, _request_id: str, render: Callable[[str], bytes]) -> bytes:
    """Right: one page a query, and the least recently used goes when there are too many."""
    with _recent_lock:
        page = _recent.pop(query, None) or render(query)
        _recent[query] = page
        if len(_recent) > CACHED_PAGES:
            _recent.popitem(last=False)
    return page


def hoarded_page(query: str, request_id: str, render: Callable[[str], bytes]) -> bytes:
    """Wrong: the key holds the request's id, so no page is ever found again, and none is ever dropped."""
    key = (query, request_id)
    if key not in _pages:
        _pages[key] = render(query)
    return _pages[key]


# Descriptors: a file opened and not closed.
def read_file(path: Path) -> bytes:
    """Right: closed whatever happens."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def read_file_and_forget(path: Path) -> bytes:
    """Wrong: a bare descriptor is a number, which no garbage collector closes."""
    return os.read(os.open(path, os.O_RDONLY), 65536)


# Threads: one a task, waiting for an answer that never comes.
class Mailer:
    """Right: one thread for all confirmations, behind a queue with an end; when that is full, the mail is dropped."""

    def __init__(self) -> None:
        self._outbox: queue.Queue[int] = queue.Queue(maxsize=1000)
        threading.Thread(target=self._deliver, name="mailer", daemon=True).start()

    def confirm(self, order: int) -> None:
        """Have an order confirmed by mail, soon."""
        try:
            self._outbox.put_nowait(order)
        except queue.Full:
            return

    def _deliver(self) -> None:
        while True:
            self._outbox.get()


def confirm_and_await_receipt(order: int) -> None:
    """Wrong: a thread an order, which waits with no timeout for a receipt that nobody signals."""
    receipt = threading.Event()
    threading.Thread(target=receipt.wait, name=f"confirm order {order}", daemon=True).start()


# Pool: a connection not given back on the way out through an error.
def quote(pool: ConnectionPool, country: str) -> int:
    """Right: given back on every path. Cents; countries without a tariff pay the flat rate."""
    try:
        with pool.connection() as connection:
            return tariff(connection, country)
    except NoTariffError:
        return FLAT_RATE


def quote_without_finally(pool: ConnectionPool, country: str) -> int:
    """Wrong: where there is no tariff, the exception jumps over `checkin`."""
    try:
        connection = pool.checkout()
        price = tariff(connection, country)
        pool.checkin(connection)
    except NoTariffError:
        return FLAT_RATE
    return price


@dataclass(frozen=True, slots=True)
class Parts:
    """The four places where the service can go wrong."""

    page: Callable[[str, str, Callable[[str], bytes]], bytes]
    read: Callable[[Path], bytes]
    confirm: Callable[[int], None]
    quote: Callable[[ConnectionPool, str], int]


def right() -> Parts:
    """All parts as they should be."""
    return Parts(cached_page, read_file, Mailer().confirm, quote)


def wrong(parts: Parts, leak: Leak) -> Parts:
    """The same parts, but for the one that is asked to leak."""
    match leak:
        case Leak.MEMORY:
            return replace(parts, page=hoarded_page)
        case Leak.DESCRIPTORS:
            return replace(parts, read=read_file_and_forget)
        case Leak.THREADS:
            return replace(parts, confirm=confirm_and_await_receipt)
        case Leak.POOL:
            return replace(parts, quote=quote_without_finally)
        case Leak.NONE:
            return parts
