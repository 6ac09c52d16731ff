"""Responses: the parser of one while it is read, and the result afterwards."""

from __future__ import annotations

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from soak.load.http.failures import CLOSED, CUT_SHORT
from soak.load.http.repair import UnrepairableError, end_of_head, foreign_protocol, repaired

#: Maximum bytes of a response that are neither body nor its end: heads, interim responses,
#: trailers. More is malformed.
MAX_HEAD = 64 << 10
#: Maximum size in bytes, also after decoding, of a body that a check or extractor reads.
MAX_BODY = 16 << 20
UPGRADED = "protocol: 101 Switching Protocols (WebSocket?): use load.locustfile"
TOO_LARGE = f"body over {MAX_BODY >> 20} MiB"


class Response:
    """The result of one request: a status or a `failure`. `size` is the body's bytes on the wire; `body` is optional."""

    __slots__ = ("_fields", "_head", "body", "failure", "size", "status", "url")

    def __init__(
        self,
        status: int,
        size: int = 0,
        failure: str | None = None,
        head: bytes = b"",
        body: bytes = b"",
    ) -> None:
        self.status, self.size, self.failure, self.body = status, size, failure, body
        self._head = head
        #: The final URL after redirects; empty if none was followed.
        self.url = ""
        self._fields: list[tuple[str, str]] | None = None

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Lower-cased header names with values, in order; parsed on first use."""
        if self._fields is None:
            self._fields = _fields(self._head)
        return self._fields

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name; values of a repeated header are joined by a comma (RFC 9110, 5.3)."""
        headers: dict[str, str] = {}
        for name, value in self.fields:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    @property
    def head(self) -> bytes:
        """The bytes that contain the head; interim responses may precede it, and part of the body may follow."""
        return self._head


def _fields(head: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    while head:
        start, _, head = head.partition(b"\r\n\r\n")
        first, *lines = start.decode("latin-1").split("\r\n")
        if first.partition(" ")[2].startswith("1"):
            continue  # an interim response
        for line in lines:
            if line[:1] in (" ", "\t") and fields:
                fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
            else:
                name, _, value = line.partition(":")
                fields.append((name.strip().lower(), value.strip()))
        break
    return fields


class ResponseParser:
    """Parses the response that a connection reads now: one object per connection, reset for each request.

    The HTTP parser calls the methods that begin with `on_`.
    """

    __slots__ = (
        "_feed",
        "_head_only",
        "_http_parser",
        "_in_trailers",
        "_pieces",
        "_repairing",
        "_unproductive",
        "ended",
        "head",
        "headed",
        "reusable",
        "size",
        "status",
    )

    def __init__(self) -> None:
        self._head_only = False
        self._fresh()
        self.begin(head_only=False, keep=False)

    def _fresh(self) -> None:
        self._http_parser: Any = HttpResponseParser(self)
        # A connection with data after such a response is closed, so that data cannot reach another
        # response.
        self._http_parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed = self._http_parser.feed_data

    def begin(self, head_only: bool, keep: bool) -> None:
        """Prepare for another response, without a body if the request was HEAD; `keep` its body if requested."""
        if self._head_only:  # the parser still waits for the previous response's body
            self._fresh()
        self.head = b""
        self.headed = self.reusable = self._repairing = self._in_trailers = False
        self.ended = self.size = self.status = self._unproductive = 0
        self._head_only = head_only
        self._pieces: list[bytes] | None = [] if keep else None

    def feed(self, data: bytes) -> str | None:
        """Parse more bytes; return a failure if they are malformed. `ended` is 1 once the response is complete."""
        size = self.size
        if not self.headed:
            self.head = self.head + data if self.head else data
        try:
            if self._repairing and not self.headed:
                self._repair()
            else:
                self._feed(data)
        except (HttpParserError, HttpParserUpgrade, UnrepairableError) as error:
            # After the head of a response to HEAD, further data is ignored.
            if not (self._head_only and self.headed) and (failure := self._malformed(error)):
                return failure
        if self.ended != 1:
            if self.ended > 1:
                return "protocol: more than one answer"
            if self.size == size:
                self._unproductive += len(data)
                if self._unproductive > MAX_HEAD:
                    return f"protocol: over {MAX_HEAD >> 10} KiB of headers"
        return None

    def _malformed(self, error: Exception) -> str | None:
        """Return why the strict parser refuses a response; None if its head was repaired, or is not complete yet."""
        if self.status == 101:
            return UPGRADED
        if self.headed or self._repairing:
            return f"protocol: {error}"[:80]
        if foreign := foreign_protocol(self.head):
            return f"protocol: {foreign}"
        if not self.head.startswith(b"HTTP/1."):
            return f"protocol: {error}"[:80]
        self._fresh()
        self._repairing = True
        try:
            self._repair()
        except (HttpParserError, HttpParserUpgrade, UnrepairableError) as again:
            return f"protocol: {again}"[:80]
        return None

    def _repair(self) -> None:
        """Once the head is complete, repair it and feed it to the parser."""
        rest = self.head
        while not self.headed and (end := end_of_head(rest)):
            head, rest = repaired(rest[:end]), rest[end:]
            self._feed(head)
            if self.headed:
                self.head = head
                if rest:
                    self._feed(rest)

    def closed(self) -> str | None:
        """Handle the end of the connection: a failure, unless it is the regular end of the response (RFC 9112, 6.3)."""
        if not self.headed:
            return CUT_SHORT if self.head else CLOSED
        names = dict(_fields(self.head))
        chunked = names.get("transfer-encoding", "").lower().endswith("chunked")
        if chunked or ("content-length" in names and "transfer-encoding" not in names):
            return CUT_SHORT
        self.ended, self.reusable, self.status = 1, False, self._http_parser.get_status_code()
        return None

    def response(self, failure: str | None) -> Response:
        """Return the finished response."""
        body = b"" if self._pieces is None else b"".join(self._pieces)
        if failure is None and self.size > MAX_BODY and self._pieces is not None:
            failure = TOO_LARGE
        return Response(self.status, self.size, failure, self.head, body)

    def reset(self) -> None:
        """Discard the parser's state, because its connection is gone."""
        self._fresh()

    def on_headers_complete(self) -> None:
        """Handle a complete head, also that of an interim response."""
        status = self._http_parser.get_status_code()
        if status >= 200:
            self.headed = True
            if self._head_only:
                self.status, self.ended = status, 1
                self.reusable = self._http_parser.should_keep_alive()
        elif status == 101:
            self.status = status
            raise HttpParserError

    def on_chunk_header(self) -> None:
        """Handle a new chunk: it has bytes, or it is the last, and only trailers follow, which are ignored."""
        self._in_trailers = True
        # Old versions of lighttpd end trailers with \r\r\n.
        self._http_parser.set_dangerous_leniencies(lenient_optional_lf_after_cr=True)

    def on_body(self, data: bytes) -> None:
        """Handle a piece of the body, without chunk sizes."""
        if self._in_trailers:
            self._leave_trailers()
        self.size += len(data)
        if self._pieces is not None and self.size <= MAX_BODY:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Handle the end of a response, or of an interim one."""
        if self._in_trailers:
            self._leave_trailers()
        if self.headed and not self._head_only:
            self.status = self._http_parser.get_status_code()
            self.ended += 1
            self.reusable = self._http_parser.should_keep_alive()

    def _leave_trailers(self) -> None:
        self._in_trailers = False
        self._http_parser.set_dangerous_leniencies(lenient_optional_lf_after_cr=False)
