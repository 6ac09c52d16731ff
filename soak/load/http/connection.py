"""One kept connection and its exchanges; all network errors become a response or a counted failure.

The hot path is one `send`, one wait in the event loop and one `recv`: no timer, no exception, no
header dictionary.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from contextlib import suppress
from math import inf
from typing import Any

import gevent
import gevent.monkey
from gevent import getcurrent

from soak.load.http.connection_options import Origin, Timeouts
from soak.load.http.failures import CLOSED, CUT_SHORT, ENDLESS, RESET, TIMEOUT, failure_kind
from soak.load.http.keep_alive import announced_keep_alive
from soak.load.http.request_head import IDEMPOTENT, is_idempotent
from soak.load.http.response import Response, ResponseParser
from soak.load.http.timeouts import Deadlines
from soak.load.http.tls import TlsSocket, open_socket

#: Bytes read at a time: the first piece of a response is smaller, since most responses fit; the
#: rest is read faster.
FIRST_PIECE, PIECE = 8 << 10, 256 << 10
#: Largest body that is sent in one piece with its head.
SMALL_BODY = 16 << 10
#: Seconds after a connection's last response in which no server is expected to close the
#: connection.
LOOK_AFTER = 0.01
_READ, _BOTH = 1, 3
#: The system's own poll, not the one patched by gevent; it is only called without waiting.
_Poll: Any = gevent.monkey.get_original("select", "poll")
#: `head_of` writes the header's name in exactly this way, so that requests without it need only a
#: constant search.
_CONNECTION = b"\r\nConnection:"
_IS_STREAM = re.compile(rb"\ncontent-type: *text/event-stream", re.IGNORECASE).search
_CLOSES = re.compile(rb"\r\nConnection:[^\r]*\bclose\b", re.IGNORECASE).search


class Connection:
    """A connection to one origin, opened when first needed and again after any failure."""

    __slots__ = (
        "__weakref__",
        "_context",
        "_deadlines",
        "_hub",
        "_keep_alive",
        "_origin",
        "_parser",
        "_poll",
        "_reads",
        "_sock",
        "_tls",
        "_used",
        "_writes",
        "deadline",
        "expired",
        "repeatable",
        "sent",
        "timeouts",
    )

    def __init__(
        self,
        origin: Origin,
        timeouts: Timeouts,
        deadlines: Deadlines,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._origin, self.timeouts, self._deadlines, self._context = (
            origin,
            timeouts,
            deadlines,
            context,
        )
        self._hub = gevent.get_hub()
        self._parser = ResponseParser()
        self._sock: Any = None
        self._tls: TlsSocket | None = None
        self._reads: Any = None
        self._writes: Any = None
        self._poll: Any = None
        #: The time at which the last exchange ended (monotonic seconds).
        self._used = 0.0
        #: Seconds for which the connection may be idle; None until its first response.
        self._keep_alive: float | None = None
        self.deadline = inf
        self.expired = False
        #: After a failure: True if a kept connection ended before any response, and so may have
        #: been stale.
        self.repeatable = False
        #: True if any part of the last request was sent.
        self.sent = False

    def exchange(self, head: bytes, body: bytes | memoryview = b"", keep: bool = False) -> Response:
        """Send a request and read its response, with its body if `keep`. Raises only if its greenlet is killed."""
        now = time.monotonic()
        self.sent = self.repeatable = False
        if self._sock is None:
            fresh = True
        elif now - self._used < LOOK_AFTER and head.startswith(IDEMPOTENT):  # the hot path
            fresh = False
        else:
            fresh = not self._usable(now, head)
        if fresh:
            self.close()
            if failure := self._open():
                return Response(0, failure=failure)
            now = time.monotonic()
        parser = self._parser
        parser.begin(head.startswith(b"HEAD "), keep)
        self.deadline = now + self.timeouts.total
        try:
            if body or self._tls is not None:
                failure = self._send(head, body)
            else:  # the hot path
                sent = self._sock.send(head)
                self.sent = True
                failure = None if sent == len(head) else self._send_rest(memoryview(head)[sent:])
            if failure is None and not parser.ended:
                failure = (
                    self._receive() if self.timeouts.read is None else self._receive_in_pieces()
                )
        except OSError as error:
            failure = failure_kind(error)
        except BaseException:  # the user is stopped
            self.close()
            raise
        self._used, self.deadline = time.monotonic(), inf
        if (  # the hot path: no keep-alive time to read, and no reason to close
            failure is None
            and parser.reusable
            and self._keep_alive is not None
            and _CONNECTION not in head
            and not self.expired
        ):
            return parser.response(None)
        return self._settle(head, failure, fresh)

    def _settle(self, head: bytes, failure: str | None, fresh: bool) -> Response:
        """Return the response of an exchange that ended, and close the connection if it cannot be reused."""
        parser = self._parser
        if failure is None and parser.reusable and not self.expired:
            if self._keep_alive is None:
                self._keep_alive = announced_keep_alive(parser.head)
            if _CONNECTION in head and _CLOSES(head):  # RFC 9112, 9.6
                self.close()
            return parser.response(None)
        if failure and self.expired:
            failure = ENDLESS if _IS_STREAM(parser.head) else TIMEOUT
        elif failure in (CLOSED, RESET):
            self.repeatable = not fresh and not parser.head
        self.close()
        return parser.response(failure)

    def connect(self) -> None:
        """Open the connection if it is not open. If this fails, the next exchange tries again."""
        if self._sock is None:
            self._open()
            self._used = time.monotonic()

    def _send(self, head: bytes, body: bytes | memoryview) -> str | None:
        """Send a whole request; return the failure, or None, also if the server answered before reading all of it."""
        if body and len(body) <= SMALL_BODY:
            head, body = head + body, b""
        sent = self._sock.send(head)
        self.sent = True
        if sent == len(head) and not body and self._tls is None:
            return None
        return self._send_rest(memoryview(head)[sent:], memoryview(body))

    def _receive(self) -> str | None:
        """Read to the end of the response; return the failure, or None."""
        parser, sock, watcher, hub = self._parser, self._sock, self._reads, self._hub
        resume = getcurrent().switch
        size = FIRST_PIECE
        while not parser.ended:
            watcher.start(resume)
            try:
                hub.switch()
            finally:
                watcher.stop()
            try:
                data = sock.recv(size)
            except BlockingIOError:  # woken without data
                continue
            if not data:
                return TIMEOUT if self.expired else parser.closed()
            if failure := parser.feed(data):
                return failure
            size = PIECE
        return None

    def _receive_in_pieces(self) -> str | None:
        """Read to the end of the response as `_receive` does, with a limit on the time between two pieces."""
        parser, end, patience = self._parser, self.deadline, self.timeouts.read or inf
        while not parser.ended:
            self.deadline = min(end, time.monotonic() + patience)
            self._wait(self._reads)
            if failure := self._pull():
                return failure
        return None

    def _pull(self) -> str | None:
        """Read the available data without waiting; return the failure, or None."""
        try:
            data = self._sock.recv(PIECE)
        except BlockingIOError:
            return None
        if data:
            return self._parser.feed(data)
        return TIMEOUT if self.expired else self._parser.closed()

    def _send_rest(self, *pieces: memoryview) -> str | None:
        """Send what the socket did not accept at once, and read meanwhile, because the server may answer early."""
        for whole in pieces:
            piece = whole
            while piece or (self._tls is not None and self._tls.unsent):
                try:
                    if piece:
                        piece = piece[self._sock.send(piece) :]
                    elif self._tls is not None:
                        self._tls.flush()
                except BlockingIOError:
                    self._wait(self._writes)
                    if failure := self._pull():
                        return failure
                except (BrokenPipeError, ConnectionResetError):
                    return self._last_words()
                if (
                    self._parser.ended
                ):  # the server has already answered and may not read the rest of the request
                    self._parser.reusable = False
                    return None
        return None

    def _last_words(self) -> str | None:
        """Read a response that may have arrived although the server stopped reading the request; else return `RESET`."""
        while not self._parser.ended:
            before = self._parser.size, self._parser.head
            gevent.sleep(0)  # an endless response must not block the other greenlets
            if failure := self._pull():
                return RESET if failure in (CLOSED, CUT_SHORT) else failure
            if (self._parser.size, self._parser.head) == before:
                return RESET
        self._parser.reusable = False
        return None

    def _wait(self, watcher: Any) -> None:
        watcher.start(getcurrent().switch)
        try:
            self._hub.switch()
        finally:
            watcher.stop()

    def _usable(self, now: float, head: bytes) -> bool:
        """Return True if an open connection can carry a request: open, silent, and idle for less than announced.

        This takes one system call that does not wait. The call is skipped for a request that may be sent
        again, right after the last response: a stale connection then does no harm, and no server
        announces an idle time shorter than `LOOK_AFTER`.
        """
        idle = now - self._used
        if self._keep_alive is not None and idle > self._keep_alive:
            return False
        if (idle < LOOK_AFTER and is_idempotent(head)) or not self._poll.poll(0):
            return True
        return self._tls is not None and self._tls.is_silent()

    def _open(self) -> str | None:
        timeout = gevent.Timeout(min(self.timeouts.connect, self.timeouts.total))
        sock = None
        try:
            with timeout:
                sock = open_socket(self._origin, self._hub)
                if self._context is not None:
                    self._tls = TlsSocket(sock, self._context, self._origin.host)
                    self._tls.handshake(self._hub)
        except gevent.Timeout as error:
            self._give_up(sock)
            if error is not timeout:
                raise
            return "connect: timeout" if sock is None else "TLS: timeout"
        except (OSError, ValueError) as error:
            self._give_up(sock)
            return failure_kind(error, "connect" if sock is None else "TLS")
        except BaseException:
            self._give_up(sock)
            raise
        self._sock = self._tls or sock
        loop = self._hub.loop
        self._reads, self._writes = loop.io(sock.fileno(), _READ), loop.io(sock.fileno(), _BOTH)
        self._poll = _Poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        self.expired, self._keep_alive = False, None
        self._deadlines.watch(self)
        return None

    def _give_up(self, sock: Any) -> None:
        self._tls = None
        if sock is not None:
            sock.close()

    def expire(self) -> None:
        """Handle a passed deadline: shut down the stream, which wakes the waiting reader."""
        self.expired = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        if self._sock is None:
            return
        self._deadlines.forget(self)
        for watcher in (self._reads, self._writes):
            watcher.stop()
            watcher.close()
        self._sock.close()
        self._sock = self._tls = None
        self.deadline = inf
        self._parser.reset()
