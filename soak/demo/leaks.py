"""Four well-known mistakes, each next to the correct code; `Parts` is what the service is built from."""

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
    """The kind of leak in the service."""

    NONE = "none"
    MEMORY = "memory"
    DESCRIPTORS = "descriptors"
    THREADS = "threads"
    POOL = "pool"


# Memory: a cache without a limit.
_recent: OrderedDict[str, bytes] = OrderedDict()
_recent_lock = threading.Lock()
_pages: dict[tuple[str, str], bytes] = {}


def cached_page(query: str, _request_id: str, render: Callable[[str], bytes]) -> bytes:
    """Correct: one page per query; the least recently used page is dropped when there are too many."""
    with _recent_lock:
        page = _recent.pop(query, None) or render(query)
        _recent[query] = page
        if len(_recent) > CACHED_PAGES:
            _recent.popitem(last=False)
    return page


def hoarded_page(query: str, request_id: str, render: Callable[[str], bytes]) -> bytes:
    """Wrong: the key contains the request's id, so no page is ever found again, and none is ever dropped."""
    key = (query, request_id)
    if key not in _pages:
        _pages[key] = render(query)
    return _pages[key]


# Descriptors: a file is opened and not closed.
def read_file(path: Path) -> bytes:
    """Correct: the file is closed in every case."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def read_file_and_forget(path: Path) -> bytes:
    """Wrong: a bare descriptor is a number, which no garbage collector closes."""
    return os.read(os.open(path, os.O_RDONLY), 65536)


# Threads: one per task, waiting for an answer that never comes.
class Mailer:
    """Correct: one thread for all confirmations, behind a bounded queue; if it is full, the mail is dropped."""

    def __init__(self) -> None:
        self._outbox: queue.Queue[int] = queue.Queue(maxsize=1000)
        threading.Thread(target=self._deliver, name="mailer", daemon=True).start()

    def confirm(self, order: int) -> None:
        """Queue an order's confirmation by mail."""
        try:
            self._outbox.put_nowait(order)
        except queue.Full:
            return

    def _deliver(self) -> None:
        while True:
            self._outbox.get()


def confirm_and_await_receipt(order: int) -> None:
    """Wrong: one thread per order, which waits without a timeout for a receipt that is never signalled."""
    receipt = threading.Event()
    threading.Thread(target=receipt.wait, name=f"confirm order {order}", daemon=True).start()


# Pool: a connection is not returned after an error.
def quote(pool: ConnectionPool, country: str) -> int:
    """Correct: the connection is returned in every case. Return cents; countries without a tariff pay the flat rate."""
    try:
        with pool.connection() as connection:
            return tariff(connection, country)
    except NoTariffError:
        return FLAT_RATE


def quote_without_finally(pool: ConnectionPool, country: str) -> int:
    """Wrong: without a tariff, the exception skips `checkin`."""
    try:
        connection = pool.checkout()
        price = tariff(connection, country)
        pool.checkin(connection)
    except NoTariffError:
        return FLAT_RATE
    return price


@dataclass(frozen=True, slots=True)
class Parts:
    """The four places where the service can leak."""

    page: Callable[[str, str, Callable[[str], bytes]], bytes]
    read: Callable[[Path], bytes]
    confirm: Callable[[int], None]
    quote: Callable[[ConnectionPool, str], int]


def right() -> Parts:
    """Return all parts in their correct form."""
    return Parts(cached_page, read_file, Mailer().confirm, quote)


def wrong(parts: Parts, leak: Leak) -> Parts:
    """Return the same parts, except that the chosen one leaks."""
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
