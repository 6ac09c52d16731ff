"""HTTP GET for sources: one kept connection, one deadline for the whole answer, a bound on its size."""

from __future__ import annotations

import gzip
import http.client
import io
import socket
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from soak import __version__
from soak.errors import TargetError

MAX_BYTES = 32 * 2**20
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, content type (lower case, without parameters) and body of one answer."""

    status: int
    content_type: str
    body: bytes


@dataclass(slots=True)
class Fetcher:
    """Fetches from one server over one kept connection, so that polling opens no descriptors in the target."""

    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None
    _origin: tuple[str, str] = ("", "")

    def get(self, url: str) -> Answer:
        """The answer to GET `url`, whatever its status; TargetError says what went wrong in one line."""
        parts = urlsplit(url)
        deadline = time.monotonic() + self.timeout
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = self._connection is not None and self._origin == (parts.scheme, parts.netloc)
        try:
            try:
                return self._ask(parts.scheme, parts.netloc, path, deadline)
            except (http.client.RemoteDisconnected, ConnectionError):
                # A server may close an idle connection at any time: once more on a fresh one, if this one was kept.
                if not kept:
                    raise
                self.close()
                return self._ask(parts.scheme, parts.netloc, path, deadline)
        except TimeoutError:
            self.close()
            raise TargetError(f"{url}: no whole answer within {self.timeout:g} s") from None
        except (OSError, http.client.HTTPException, zlib.error, EOFError, ValueError) as error:
            self.close()
            raise TargetError(f"{url}: {_plain(error)}") from None

    def get_ok(self, url: str) -> Answer:
        """The same, and a TargetError unless the status is 200."""
        answer = self.get(url)
        if answer.status != 200:
            raise TargetError(f"{url}: answered {answer.status}")
        return answer

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        self.close()

    def _ask(self, scheme: str, netloc: str, path: str, deadline: float) -> Answer:
        if self._connection is None or self._origin != (scheme, netloc):
            self.close()
            kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
            self._connection = kind(netloc, timeout=self.timeout)
            self._origin = (scheme, netloc)
        connection = self._connection
        headers = {"User-Agent": f"soak/{__version__}", "Accept-Encoding": "gzip", **self.headers}
        connection.timeout = max(0.001, deadline - time.monotonic())
        connection.request("GET", path, headers=headers)
        _wait_until(connection.sock, deadline)
        response = connection.getresponse()
        body = bytearray()
        while True:
            _wait_until(connection.sock, deadline)
            piece = response.read1(_CHUNK)
            if not piece:
                break
            body += piece
            if len(body) > MAX_BYTES:
                raise http.client.HTTPException(f"the answer is larger than {MAX_BYTES >> 20} MiB")
        if response.length:
            self.close()
            raise http.client.IncompleteRead(bytes(body), response.length)
        response.close()  # read1 leaves it open at its end, and the connection would refuse the next request
        if response.will_close:
            self.close()
        data = bytes(body)
        if response.headers.get("Content-Encoding", "").lower() == "gzip":
            data = _gunzip(data)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status, content_type, data)


def _gunzip(data: bytes) -> bytes:
    """Decompressed, and never more than MAX_BYTES of it."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        plain = stream.read(MAX_BYTES + 1)
    if len(plain) > MAX_BYTES:
        raise http.client.HTTPException(f"the answer is larger than {MAX_BYTES >> 20} MiB once decompressed")
    return plain


def _wait_until(sock: socket.socket | None, deadline: float) -> None:
    """Give the next read only the time that is left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if sock is not None:
        sock.settimeout(left)


def _plain(error: BaseException) -> str:
    """An exception as a person would say it."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut short"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
