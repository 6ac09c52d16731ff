"""A bounded pool of SQLite connections, which are opened on demand, checked out and in, and kept open."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PoolExhaustedError(Exception):
    """No connection became free in time."""


class ConnectionPool:
    """At most `maximum` connections, `warm` of them open from the start; a checkout waits up to `timeout` seconds.

    Idle connections are checked out in turn, the longest idle first, so that all of them are equally
    warm. The pool references every connection it opened: one that is never checked in stays open, with
    its descriptor and its page cache.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        maximum: int,
        warm: int = 0,
        timeout: float = 5.0,
    ) -> None:
        self.maximum = maximum
        self.waiting = 0
        self._connect = connect
        self._timeout = timeout
        self._changed = threading.Condition()
        self._opened = [connect() for _ in range(warm)]
        self._idle = deque(self._opened)
        self._opening = 0

    @property
    def idle(self) -> int:
        """Connections open and free."""
        return len(self._idle)

    @property
    def in_use(self) -> int:
        """Connections checked out and not yet returned."""
        with self._changed:
            return len(self._opened) + self._opening - len(self._idle)

    def checkout(self) -> sqlite3.Connection:
        """Check out a connection, to be returned with `checkin`; raise PoolExhaustedError if none becomes free in time."""
        with self._changed:
            self.waiting += 1
            try:
                if not self._changed.wait_for(self._obtainable, self._timeout):
                    raise PoolExhaustedError(f"all {self.maximum} connections are in use")
            finally:
                self.waiting -= 1
            if self._idle:
                return self._idle.popleft()
            self._opening += 1
        try:
            connection = self._connect()
        except BaseException:
            with self._changed:
                self._opening -= 1
                self._changed.notify()
            raise
        with self._changed:
            self._opening -= 1
            self._opened.append(connection)
        return connection

    def checkin(self, connection: sqlite3.Connection) -> None:
        """Return a connection to the pool."""
        with self._changed:
            self._idle.append(connection)
            self._changed.notify()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Check out a connection for a `with` block; it is returned in every case."""
        connection = self.checkout()
        try:
            yield connection
        finally:
            self.checkin(connection)

    def close(self) -> None:
        """Close every connection, including those never returned."""
        with self._changed:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
            self._idle.clear()

    def _obtainable(self) -> bool:
        return bool(self._idle) or len(self._opened) + self._opening < self.maximum
