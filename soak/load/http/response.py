"""Answers: what the parser tells of one while it is read, and what is left of it afterwards."""

from __future__ import annotations

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from soak.load.http.failures import CLOSED, CUT_SHORT
from soak.load.http.repair import UnrepairableError, end_of_head, foreign_protocol, repaired

#: Bytes that bring neither body nor the end: heads, interim answers, trailers. Beyond them an answer is malformed.
MAX_HEAD = 64 << 10
#: A body that a check or extractor reads is kept and decoded up to this many bytes.
MAX_BODY = 16 << 20
UPGRADED = "protocol: 101 Switching Protocols (WebSocket?): use load.locustfile"
TOO_LARGE = f"body over {MAX_BODY >> 20} MiB"


class Response:
    """What came of one request: a status, or a `failure`; `size` is the body's bytes on the wire, `body` kept if asked."""

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
        #: Where redirects have led to; empty where none was followed.
        self.url = ""
        self._fields: list[tuple[str, str]] | None = None

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Header names, lower-cased, and values in their order; read from the bytes when first asked for."""
        if self._fields is None:
            self._fields = _fields(self._head)
        return self._fields

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-cased name; one that came twice is joined by a comma (RFC 9110, 5.3)."""
        headers: dict[str, str] = {}
        for name, value in self.fields:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    @property
    def head(self) -> bytes:
        """The bytes that hold the head; interim answers may be before it and some body after it."""
        return self._head


def _fields(head: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    while head:
        start, _, head = head.partition(b"\r\n\r\n")
        first, *lines = start.decode("latin-1").split("\r\n")
        if first.partition(" ")[2].startswith("1"):
            continue  # an interim answer
        for line in lines:
            if line[:1] in (" ", "\t") and fields:
                fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
            else:
                name, _, value = line.partition(":")
                fields.append((name.strip().lower(), value.strip()))
        break
    return fields


class ResponseParser:
    """The answer that a connection reads now; one object a connection, begun anew for each request.

    The parser calls what begins with `on_`.
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
        # Such a connection is closed anyway: what comes after the answer belongs to no other.
        self._http_parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed = self._http_parser.feed_data

    def begin(self, head_only: bool, keep: bool) -> None:
        """Expect another answer: one without a body where the request was HEAD; `keep` its body if asked."""
        if self._head_only:  # the parser still waits for the body of the last
            self._fresh()
        self.head = b""
        self.headed = self.reusable = self._repairing = self._in_trailers = False
        self.ended = self.size = self.status = self._unproductive = 0
        self._head_only = head_only
        self._pieces: list[bytes] | None = [] if keep else None

    def feed(self, data: bytes) -> str | None:
        """Take more bytes; a failure where they cannot belong to a well-formed answer. `ended` is 1 once it is whole."""
        size = self.size
        if not self.headed:
            self.head = self.head + data if self.head else data
        try:
            if self._repairing and not self.headed:
                self._repair()
            else:
                self._feed(data)
        except (HttpParserError, HttpParserUpgrade, UnrepairableError) as error:
            # What comes after the head of an answer to HEAD is not looked at.
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
        """Why the strict parser refuses an answer; None where its head can be repaired, or may be once it is whole."""
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
        """Feed the parser what has come, once its head is whole, repaired."""
        rest = self.head
        while not self.headed and (end := end_of_head(rest)):
            head, rest = repaired(rest[:end]), rest[end:]
            self._feed(head)
            if self.headed:
                self.head = head
                if rest:
                    self._feed(rest)

    def closed(self) -> str | None:
        """The connection ended: a failure unless this is how the answer ends (RFC 9112, 6.3)."""
        if not self.headed:
            return CUT_SHORT if self.head else CLOSED
        names = dict(_fields(self.head))
        chunked = names.get("transfer-encoding", "").lower().endswith("chunked")
        if chunked or ("content-length" in names and "transfer-encoding" not in names):
            return CUT_SHORT
        self.ended, self.reusable, self.status = 1, False, self._http_parser.get_status_code()
        return None

    def response(self, failure: str | None) -> Response:
        """What is left of it."""
        body = b"" if self._pieces is None else b"".join(self._pieces)
        if failure is None and self.size > MAX_BODY and self._pieces is not None:
            failure = TOO_LARGE
        return Response(self.status, self.size, failure, self.head, body)

    def reset(self) -> None:
        """Forget what the parser knows: its connection is gone."""
        self._fresh()

    def on_headers_complete(self) -> None:
        """The head is whole; of interim answers too."""
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
        """A chunk begins: it has bytes, or is the last, after which only trailers come, which nobody reads."""
        self._in_trailers = True
        # Old versions of lighttpd end them in \r\r\n.
        self._http_parser.set_dangerous_leniencies(lenient_optional_lf_after_cr=True)

    def on_body(self, data: bytes) -> None:
        """A piece of the body, free of chunk sizes."""
        if self._in_trailers:
            self._leave_trailers()
        self.size += len(data)
        if self._pieces is not None and self.size <= MAX_BODY:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """The answer is whole; or an interim one is."""
        if self._in_trailers:
            self._leave_trailers()
        if self.headed and not self._head_only:
            self.status = self._http_parser.get_status_code()
            self.ended += 1
            self.reusable = self._http_parser.should_keep_alive()

    def _leave_trailers(self) -> None:
        self._in_trailers = False
        self._http_parser.set_dangerous_leniencies(lenient_optional_lf_after_cr=False)
