"""HTTP client of the sources: one kept connection, a deadline for the whole answer, a size limit, a request count."""

from __future__ import annotations

import gzip
import http.client
import io
import socket
import ssl
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from soak import __version__
from soak.errors import TargetError
from soak.profile.hosts import is_loopback, is_metadata_host, may_connect
from soak.profile.tls import TlsSettings

MAX_BYTES = 32 * 2**20
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, content type (lower case, without parameters) and body of an answer.

    `whole` is False if the body ended only with the connection, so that it may be incomplete without
    any sign.
    """

    status: int
    content_type: str
    body: bytes
    whole: bool = True


#: Bytes of a server's own words about an error that are told.
_SAID = 200


@dataclass(slots=True)
class Fetcher:
    """Fetches from one server over one kept connection, so that polling does not open descriptors in the target.

    `asked` counts the requests sent, because soak's own traffic is part of the target's load.
    """

    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: TlsSettings = field(default_factory=TlsSettings)
    asked: int = 0
    _connection: http.client.HTTPConnection | None = None
    _origin: tuple[str, str] = ("", "")

    def get(self, url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
        """GET `url` and return the answer, whatever its status; TargetError describes a failure in one line.

        `headers` override the fetcher's own headers of the same name.
        """
        return self._request(url, None, headers)

    def post(self, url: str, body: bytes, content_type: str = "application/json") -> Answer:
        """POST to `url` and return the answer, as `get` does."""
        return self._request(url, body, {"Content-Type": content_type})

    def _request(
        self, url: str, body: bytes | None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        parts = urlsplit(url)
        deadline = time.monotonic() + self.timeout
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = self._connection is not None and self._origin == (
            parts.scheme,
            parts.netloc.rpartition("@")[2],
        )
        try:
            try:
                return self._ask(parts.scheme, parts.netloc, path, deadline, body, headers)
            except (http.client.RemoteDisconnected, ConnectionError):
                # A server may close an idle connection at any time. If the connection was kept, try
                # once more on a new one.
                if not kept:
                    raise
                self.close()
                return self._ask(parts.scheme, parts.netloc, path, deadline, body, headers)
        except TimeoutError:
            self.close()
            raise TargetError(f"{url}: no whole answer within {self.timeout:g} s") from None
        except (OSError, http.client.HTTPException, zlib.error, EOFError, ValueError) as error:
            self.close()
            raise TargetError(f"{url}: {_plain(error)}") from None

    def get_ok(self, url: str) -> Answer:
        """GET `url`; raise TargetError unless the status is 200."""
        return accepted(self.get(url), url)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        self.close()

    def _ask(
        self,
        scheme: str,
        netloc: str,
        path: str,
        deadline: float,
        body: bytes | None,
        extra: Mapping[str, str],
    ) -> Answer:
        user, _, host = netloc.rpartition("@")
        if user:
            extra = {
                "Authorization": f"Basic {b64encode(unquote(user).encode()).decode()}",
                **extra,
            }
        connection = self._connected(scheme, host)
        # Each gzip writer costs the target up to 0.8 MB for a short time, and a local connection
        # does not need compression.
        encoding = "identity" if is_loopback(connection.host) else "gzip"
        headers = {
            "User-Agent": f"soak/{__version__}",
            "Accept-Encoding": encoding,
            **self.headers,
            **extra,
        }
        connection.timeout = max(0.001, deadline - time.monotonic())
        if connection.sock is None:
            self._open(connection)
        self.asked += 1
        connection.request("GET" if body is None else "POST", path, body, headers)
        _wait_until(connection.sock, deadline)
        response = connection.getresponse()
        received = bytearray()
        whole = response.length is not None or response.chunked
        while True:
            _wait_until(connection.sock, deadline)
            piece = response.read1(_CHUNK)
            if not piece:
                break
            received += piece
            if len(received) > MAX_BYTES:
                raise http.client.HTTPException(f"the answer is larger than {MAX_BYTES >> 20} MiB")
        if response.length:
            self.close()
            raise http.client.IncompleteRead(bytes(received), response.length)
        response.close()  # read1 leaves the response open at its end; the next request would then be refused
        if response.will_close:
            self.close()
        data = bytes(received)
        if response.headers.get("Content-Encoding", "").lower() == "gzip":
            data = _gunzip(data)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status, content_type, data, bool(whole))

    def _open(self, connection: http.client.HTTPConnection) -> None:
        """Connect, and close the connection if its address is not allowed."""
        connection.connect()
        try:
            check_peer(connection.host, connection.sock)
        except TargetError:
            self.close()
            raise

    def _connected(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        """Return the kept connection, or a new one."""
        if self._connection is None or self._origin != (scheme, netloc):
            self.close()
            if scheme == "https":
                self._connection = http.client.HTTPSConnection(
                    netloc, timeout=self.timeout, context=_context(self.tls)
                )
            elif scheme == "http":
                self._connection = http.client.HTTPConnection(netloc, timeout=self.timeout)
            else:
                raise http.client.HTTPException("its URL must begin with http:// or https://")
            self._origin = (scheme, netloc)
        return self._connection


def check_peer(host: str, connected: socket.socket) -> None:
    """Raise TargetError if the host's name led to a forbidden address, before anything is sent there."""
    address = str(connected.getpeername()[0])
    if not may_connect(host, address):
        what = (
            "a cloud's metadata service"
            if is_metadata_host(address)
            else "another machine, and a name for this one must lead to it"
        )
        raise TargetError(f"{host} leads to {address}, which is {what}: nothing is sent there")


def accepted(answer: Answer, url: str) -> Answer:
    """Return the answer if its status is 200; otherwise raise TargetError, with advice if known."""
    if answer.status in (401, 403):
        what = (
            "give headers: {Authorization: ...}"
            if answer.status == 401
            else "these credentials are not enough"
        )
        raise TargetError(f"{url}: answered {answer.status} ({what})")
    if answer.status != 200:
        raise TargetError(f"{url}: answered {answer.status}{_said(answer)}")
    return answer


def _said(answer: Answer) -> str:
    """Return `, saying ...` with the beginning of a plain text about an error of the server's; empty for anything else."""
    if answer.status < 500 or answer.content_type != "text/plain":
        return ""
    text = " ".join(answer.body[:_SAID].decode("utf-8", "replace").split())
    said = "".join(letter for letter in text if letter.isprintable())
    return f", saying {said!r}" if said else ""


def _context(tls: TlsSettings) -> ssl.SSLContext:
    """Build the TLS context from the profile's `tls` settings."""
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


def _gunzip(data: bytes) -> bytes:
    """Decompress up to MAX_BYTES; raise HTTPException if there is more."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        plain = stream.read(MAX_BYTES + 1)
    if len(plain) > MAX_BYTES:
        raise http.client.HTTPException(
            f"the answer is larger than {MAX_BYTES >> 20} MiB once decompressed"
        )
    return plain


def _wait_until(sock: socket.socket | None, deadline: float) -> None:
    """Set the timeout of the next read to the time left; raise TimeoutError if none is left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if sock is not None:
        sock.settimeout(left)


def _plain(error: BaseException) -> str:
    """Return an exception's message in plain words."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); name its authority in tls.ca"
        )
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut short"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
