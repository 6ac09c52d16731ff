"""The kind of a failure that a locustfile reports: its own text where it gave one, else what soak's client would say."""

from __future__ import annotations

from typing import Any

from locust.exception import CatchResponseError

from soak.load.http.failures import failure_kind
from soak.load.locustfile.allowed_hosts import HostNotAllowedError

#: A failure's own text is cut to so many characters; more than 100 different kinds are folded where they are counted.
LONGEST = 120


def reported_failure(error: Any, status: int) -> str | None:
    """The kind of what a `request` event has as its exception; None for none."""
    if error is None or error is False or error == "":
        return None
    if isinstance(error, str | CatchResponseError):
        return _one_line(error) or "failure"
    if status >= 400:
        return f"status {status}"
    if isinstance(error, BaseException) and (cause := _network_cause(error)) is not None:
        return (
            "not allowed by target.allow"
            if isinstance(cause, HostNotAllowedError)
            else failure_kind(cause)
        )
    text = _one_line(error)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _network_cause(error: BaseException) -> BaseException | None:
    """The socket's own error that clients have wrapped, in a cause or an argument; None where the network is not at fault."""
    if "Timeout" in type(error).__name__:
        return error
    chain, cause = [error], error if isinstance(error, OSError) else None
    for (
        wrapper
    ) in chain:  # grows while it is walked, and no further than a chain of exceptions is deep
        kept = (
            getattr(wrapper, name, None) for name in ("reason", "original")
        )  # urllib3's, geventhttpclient's
        inner = (wrapper.__cause__, wrapper.__context__, *kept, *wrapper.args)
        chain += [
            known for known in inner if isinstance(known, BaseException) and known not in chain
        ]
        if isinstance(wrapper, OSError) and type(wrapper).__module__ in (
            "builtins",
            "socket",
            HostNotAllowedError.__module__,
        ):
            cause = wrapper
    return cause


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())[:LONGEST]
