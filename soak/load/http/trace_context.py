"""A trace id for every request: W3C's `traceparent` header, inserted into heads that were rendered in advance.

A trace id is eight random bytes of this process followed by eight bytes of a counter with a random
start. The ids look random to receivers, and cost only the formatting of a number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from itertools import count

_PREFIX = os.urandom(8).hex()
_NUMBERS = count(int.from_bytes(os.urandom(7), "big") | 1)
#: The next request's number: never 0, because W3C's ids must not be all zeros, and below 2^64 for
#: longer than any run.
next_trace = _NUMBERS.__next__


def trace_id(number: int) -> str:
    """Return a number as a W3C trace id, 32 hexadecimal digits; empty for 0, which means no trace."""
    return f"{_PREFIX}{number:016x}" if number else ""


class TraceHeaders:
    """Trace headers of requests: `traceparent` if enabled, and the trace id alone in a header named by the profile."""

    def __init__(self, traceparent: bool = True, header: str = "") -> None:
        self._lines = []
        if traceparent:
            self._lines.append(("traceparent", f"00-{_PREFIX}%016x-%016x-01", 2))
        if header:
            self._lines.append((header, f"{_PREFIX}%016x", 1))

    def lines(self, names: Iterable[str]) -> tuple[bytes, int]:
        """Return trace lines as a template for requests with headers of these names, and its number of placeholders."""
        own = {name.lower() for name in names}
        wanted = [
            (name, value, times) for name, value, times in self._lines if name.lower() not in own
        ]
        return "".join(f"{name}: {value}\r\n" for name, value, _ in wanted).encode(), sum(
            times for *_, times in wanted
        )

    def template(self, head: bytes) -> tuple[bytes, int]:
        """Return a complete head as a template with trace headers, and its number of placeholders.

        Trace headers that the head already has are kept. If there is nothing to add, the head is returned
        unchanged.
        """
        lines, wanted = b"", 0
        for name, value, times in self._lines:
            if not re.search(
                rb"\r\n" + re.escape(name.encode()) + rb"[ \t]*:", head, re.IGNORECASE
            ):
                lines += f"{name}: {value}\r\n".encode()
                wanted += times
        return (head[:-2].replace(b"%", b"%%") + lines + b"\r\n", wanted) if wanted else (head, 0)
