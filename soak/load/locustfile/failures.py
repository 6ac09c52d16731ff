"""The kind of a failure that a locustfile reports: its own text if it gives one, else the kind of soak's own client."""

from __future__ import annotations

from typing import Any

from locust.exception import CatchResponseError

from soak.load.http.failures import failure_kind
from soak.load.locustfile.allowed_hosts import HostNotAllowedError

#: Characters of a failure's own text that are kept. More than 100 different kinds are folded when
#: they are counted.
LONGEST = 120


def reported_failure(error: Any, status: int) -> str | None:
    """Return the failure kind of a `request` event's exception; None if the request did not fail."""
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
    """Find the socket error that clients have wrapped, in a cause or an argument; None if the network is not at fault."""
    if "Timeout" in type(error).__name__:
        return error
    chain, cause = [error], error if isinstance(error, OSError) else None
    for wrapper in chain:  # the list grows during the loop, at most by all exceptions in the chain
        kept = (
            getattr(wrapper, name, None) for name in ("reason", "original")
        )  # attributes of urllib3 and geventhttpclient
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
