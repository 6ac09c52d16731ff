"""Repair response heads that are not strict HTTP/1.1 but have only one meaning, so that the strict parser accepts them.

Repaired is what RFC 9112 allows or requires a client to accept, and servers send: folded lines
(5.2), a bare line feed at the end of a line (2.2), repeated equal Content-Lengths (6.3). A head
that frames a response in two ways is refused, because it could hide a smuggled or a truncated
response.
"""

from __future__ import annotations

import re

_END = re.compile(rb"\r?\n\r?\n").search
_FRAMING = (b"content-length", b"transfer-encoding")
_LENGTH = re.compile(rb"[0-9]{1,18}")


class UnrepairableError(ValueError):
    """A head that could mean two things; the message says why."""


def end_of_head(data: bytes) -> int:
    """Return the position after the first head in `data`; 0 while it is incomplete."""
    end = _END(data)
    return end.end() if end else 0


def repaired(head: bytes) -> bytes:
    """Rewrite a complete head in strict form. Raise UnrepairableError if it could mean two things."""
    lines: list[bytes] = []
    for line in head.replace(b"\r\n", b"\n").split(b"\n"):
        if b"\r" in line:
            raise UnrepairableError("a carriage return within a header")
        if line[:1] in (b" ", b"\t") and len(lines) > 1 and line.strip():
            if _name(lines[-1]) in _FRAMING:
                raise UnrepairableError("a folded header that says how long the answer is")
            lines[-1] += b" " + line.strip()
        elif line:
            lines.append(line)
    lengths = {_length(line) for line in lines[1:] if _name(line) == b"content-length"}
    if len(lengths) > 1:
        raise UnrepairableError("different Content-Lengths")
    kept = [line for line in lines if _name(line) != b"content-length"]
    if lengths:
        kept.append(b"Content-Length: " + lengths.pop())
    return b"\r\n".join(kept) + b"\r\n\r\n"


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()


def _length(line: bytes) -> bytes:
    """Return the one length in a Content-Length header, which may repeat it (RFC 9110, 8.6)."""
    values = {value.strip() for value in line.partition(b":")[2].split(b",")}
    value = values.pop()
    if values or not _LENGTH.fullmatch(value):
        raise UnrepairableError("a Content-Length that is no number")
    return value


def foreign_protocol(data: bytes) -> str | None:
    """Identify a protocol other than HTTP/1.1 by a response's first bytes; None for HTTP/1 and for unknown protocols."""
    if data[:2] in (b"\x15\x03", b"\x16\x03"):
        return "the server speaks TLS: give an https URL"
    if len(data) >= 9 and data[3:4] in (b"\x04", b"\x07") and data[5:9] == bytes(4):
        return "the server speaks HTTP/2 (gRPC?), and soak's client HTTP/1.1"
    return None
