"""Non-blocking sockets: opening one, and TLS over one, with the same `send` and `recv`."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
import gevent.monkey
import gevent.socket
from gevent.hub import Hub

from soak.load.http.connection_options import Origin
from soak.profile.hosts import may_connect

#: The system's own socket, not the one patched by gevent: its calls return at once, and this module
#: does the waiting.
_Socket: Any = gevent.monkey.get_original("socket", "socket")
_READ, _WRITE = 1, 2


def open_socket(origin: Origin, hub: Hub) -> Any:
    """Return a non-blocking socket connected to the first address that accepts; raise the last OSError if none does."""
    failed = errno.EADDRNOTAVAIL
    for family, address in _addresses(origin):
        sock = _Socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            failed = sock.connect_ex(address)
            if failed == errno.EINPROGRESS:
                _wait(hub, sock, _WRITE)
                failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except BaseException:  # a timeout, or the end of the user
            sock.close()
            raise
        if not failed:
            return sock
        sock.close()
    raise OSError(failed, os.strerror(failed))


def _addresses(origin: Origin) -> list[tuple[int, Any]]:
    """Return families and addresses. A literal address is not resolved, which would cost a thread switch per connection.

    Raise OSError if the host's name resolves to an address that is not allowed.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, origin.host)
            return _permitted(origin, [(family, (origin.host, origin.port))])
    entries = gevent.socket.getaddrinfo(origin.host, origin.port, 0, socket.SOCK_STREAM)
    return _permitted(origin, [(entry[0], entry[4]) for entry in entries])


def _permitted(origin: Origin, addresses: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    for _, address in addresses:
        if not may_connect(origin.host, str(address[0])):
            raise OSError(errno.EACCES, "address not allowed")
    return addresses


def _wait(hub: Hub, sock: Any, events: int) -> None:
    watcher = hub.loop.io(sock.fileno(), events)
    try:
        hub.wait(watcher)
    finally:
        watcher.close()


class TlsSocket:
    """TLS over a connected non-blocking socket; raises BlockingIOError when the socket would."""

    #: Bytes encrypted at a time, so that a large body is not in memory twice.
    PIECE = 64 << 10

    def __init__(self, sock: Any, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._unsent = b""
        self.fileno: Callable[[], int] = sock.fileno
        self.shutdown: Callable[[int], None] = sock.shutdown
        self.close: Callable[[], None] = sock.close

    @property
    def unsent(self) -> bool:
        """True if encrypted data is waiting to be sent."""
        return bool(self._unsent)

    def handshake(self, hub: Hub) -> None:
        """Perform the TLS handshake. Raise ssl.SSLError if it fails."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush_all(hub)
                _wait(hub, self._sock, _READ)
                self._take()
            except ssl.SSLError:
                with suppress(OSError):
                    self.flush()  # the alert that tells the server why
                raise
            else:
                self._flush_all(hub)
                return

    def _flush_all(self, hub: Hub) -> None:
        while True:
            try:
                self.flush()
            except BlockingIOError:
                _wait(hub, self._sock, _WRITE)
            else:
                return

    def flush(self) -> None:
        """Send encrypted data. Raise BlockingIOError if the socket accepts no more."""
        while True:
            if not self._unsent:
                self._unsent = self._out.read()
            if not self._unsent:
                return
            sent = self._sock.send(self._unsent)
            self._unsent = self._unsent[sent:]

    def send(self, data: bytes | memoryview) -> int:
        """Encrypt and send a piece; return how many of its bytes were accepted."""
        self.flush()
        taken = self._tls.write(data[: self.PIECE])
        with suppress(BlockingIOError):
            self.flush()
        return taken

    def _take(self) -> None:
        data = self._sock.recv(self.PIECE)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def is_silent(self) -> bool:
        """Return True if the server has not closed, and has sent only TLS messages such as session tickets."""
        try:
            while True:
                data = self._sock.recv(self.PIECE)
                if not data:
                    return False
                self._in.write(data)
        except BlockingIOError:
            pass
        try:
            self._tls.read(1)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            return False
        return False

    def recv(self, _size: int) -> bytes:
        """Receive and decrypt all available data; return empty bytes at the end of the stream."""
        while True:
            self._take()
            pieces = []
            try:
                while piece := self._tls.read(self.PIECE):
                    pieces.append(piece)
                return b"".join(pieces)
            except ssl.SSLWantReadError:
                if self._out.pending:  # such as the answer to a key update
                    with suppress(BlockingIOError):
                        self.flush()
                if pieces:
                    return b"".join(pieces)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b"".join(pieces)  # the next call reports the end
