"""A trace id for every request: W3C's `traceparent` header, patched into heads that were rendered beforehand.

A trace id is eight random bytes of this process and eight of a counter that starts anywhere, so
that ids are as good as random to whoever receives them, and cost no more than formatting a number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from itertools import count

_PREFIX = os.urandom(8).hex()
_NUMBERS = count(int.from_bytes(os.urandom(7), "big") | 1)
#: The next request's number: never 0, for W3C's ids must not be all zeros, and below 2^64 for longer than any run.
next_trace = _NUMBERS.__next__


def trace_id(number: int) -> str:
    """A number as W3C's trace id, 32 hexadecimal digits; empty for 0, which is no trace."""
    return f"{_PREFIX}{number:016x}" if number else ""


class TraceHeaders:
    """Which headers requests carry: `traceparent` or not, and the trace id alone under a name of the profile's choice."""

    def __init__(self, traceparent: bool = True, header: str = "") -> None:
        self._lines = []
        if traceparent:
            self._lines.append(("traceparent", f"00-{_PREFIX}%016x-%016x-01", 2))
        if header:
            self._lines.append((header, f"{_PREFIX}%016x", 1))

    def lines(self, names: Iterable[str]) -> tuple[bytes, int]:
        """Header lines as a template, for requests with headers of these names, and how many times it wants the number."""
        own = {name.lower() for name in names}
        wanted = [
            (name, value, times) for name, value, times in self._lines if name.lower() not in own
        ]
        return "".join(f"{name}: {value}\r\n" for name, value, _ in wanted).encode(), sum(
            times for *_, times in wanted
        )

    def template(self, head: bytes) -> tuple[bytes, int]:
        """A head, ended by its empty line, as a template, and how many times it wants the number.

        Headers that it has of its own stay; a template that wants none is the head itself.
        """
        lines, wanted = b"", 0
        for name, value, times in self._lines:
            if not re.search(
                rb"\r\n" + re.escape(name.encode()) + rb"[ \t]*:", head, re.IGNORECASE
            ):
                lines += f"{name}: {value}\r\n".encode()
                wanted += times
        return (head[:-2].replace(b"%", b"%%") + lines + b"\r\n", wanted) if wanted else (head, 0)
