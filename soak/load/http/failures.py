"""Kinds of failed requests: only a few, and always the same for the same problem, so that failures can be counted."""

from __future__ import annotations

import ssl

#: Failure kinds.
CLOSED, CUT_SHORT, TIMEOUT, RESET = (
    "connection closed",
    "protocol: answer cut short",
    "timeout",
    "connection reset",
)
REFUSED = "connect: refused"

ENDLESS = "timeout: an event stream that did not end (text/event-stream)"


def failure_kind(error: BaseException, stage: str = "") -> str:
    """Return the failure kind of a network error: connect, TLS, timeout, reset or protocol."""
    name = type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, ssl.SSLError) or stage == "TLS" or "SSL" in name or "Certificate" in name:
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or ""
        reason = reason.lower().replace("_", " ")
        if "no application protocol" in reason:
            reason = "the server speaks no HTTP/1.1 (HTTP/2 alone?)"
        return f"TLS: {reason}"[:80] if reason else "TLS"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return RESET
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return TIMEOUT if not stage else f"{stage}: timeout"
    if stage or name == "gaierror" or (isinstance(error, OSError) and error.errno is not None):
        return f"{stage or 'connect'}: {(error.args[-1:] or ('failed',))[0]}"[:80]
    return f"protocol: {name}"
