"""Messages from the load process to the supervisor: one JSON object per line."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple
from enum import StrEnum
from typing import Any

from soak.latency import Histogram
from soak.windows import EndpointWindow, Exemplar, GeneratorWindow, Window, WorkerCoverage


def inspection(plan: str) -> str:
    """Return the line that requests an import of the locustfile of a plan (its JSON) and a summary of its contents."""
    return json.dumps({"inspect": plan}) + "\n"


def inspected(request: str) -> str | None:
    """Return the plan of an `inspection` as JSON; None for any other request."""
    plan = json.loads(request).get("inspect")
    return None if plan is None else str(plan)


class FailureCause(StrEnum):
    """Causes of a failed load; for some of them, the reader of the message adds advice."""

    OTHER = "other"
    #: No master answered at its address.
    NO_MASTER = "no master"


def window_line(window: Window) -> str:
    """Serialise a window as a line."""
    endpoints = [
        {
            "endpoint": seen.endpoint,
            "requests": seen.requests,
            "failures": seen.failures,
            "bytes": seen.bytes,
            "latency": seen.latency.pairs(),
            "failed_latency": seen.failed_latency.pairs(),
            "service": seen.service.pairs(),
            "late": seen.late,
            "dropped": seen.dropped,
        }
        for seen in window.endpoints
    ]
    return line(
        "window",
        time=window.time,
        seconds=window.seconds,
        users=window.users,
        endpoints=endpoints,
        generator=asdict(window.generator) if window.generator else None,
        exemplars=[astuple(exemplar) for exemplar in window.exemplars],
        coverage=astuple(window.coverage) if window.coverage else None,
    )


def line(kind: str, **fields: Any) -> str:
    """Serialise a message as a line: `window`, `started`, `finished`, `event` with a text, or `failed` with a reason."""
    return json.dumps({"kind": kind, **fields}, separators=(",", ":")) + "\n"


def window_of(message: dict[str, Any], origin: float) -> Window:
    """Parse a window from `window_line`; its time is relative to `origin` on the machine's monotonic clock."""
    endpoints = tuple(
        EndpointWindow(
            seen["endpoint"],
            seen["requests"],
            seen["failures"],
            seen["bytes"],
            Histogram.from_pairs(seen["latency"]),
            Histogram.from_pairs(seen["failed_latency"]),
            Histogram.from_pairs(seen["service"]),
            seen["late"],
            seen["dropped"],
        )
        for seen in message["endpoints"]
    )
    generator, coverage = message.get("generator"), message.get("coverage")
    return Window(
        message["time"] - origin,
        message["seconds"],
        message["users"],
        endpoints,
        GeneratorWindow(**generator) if generator else None,
        tuple(Exemplar(time - origin, *rest) for time, *rest in message.get("exemplars", ())),
        WorkerCoverage(*coverage) if coverage else None,
    )
