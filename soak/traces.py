"""Data types of the traces of a run's exemplars: the spans from a tracing backend, and what is derived from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SpanKind = Literal["server", "client", "producer", "consumer", ""]


@dataclass(frozen=True, slots=True)
class Span:
    """One span: `start` in seconds since the trace's first span began, `seconds` its length.

    `peer` is the service that a client span calls, empty if unknown. Ids are unique within a trace:
    a span that Zipkin's client and server share has been split into two.
    """

    id: str
    parent: str
    service: str
    name: str
    kind: SpanKind
    start: float
    seconds: float
    peer: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of one request by start time, empty if none was reported; `cut` is the number of spans left out."""

    id: str
    spans: tuple[Span, ...] = ()
    cut: int = 0


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """The seconds that one service itself took, of one request or of several.

    `reports` is False if the service is only known from other services' calls. An empty `service`
    is the time that no span covers: before the first service began, and after it ended.
    """

    service: str
    seconds: float
    reports: bool = True


@dataclass(frozen=True, slots=True)
class TraceTimes:
    """How one request's time divides, longest first; `failed_in` is the innermost service whose span reports a failure."""

    trace: str
    times: tuple[ServiceTime, ...]
    failed_in: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many calls of a service are known, how many of them it reported a span of, and who called it.

    An empty `service` is an unnamed hop: the callee of a client span without a peer, or a parent that
    is not in the trace. For the latter, `before` are the services that it called in turn.
    """

    service: str
    calls: int
    reported: int
    callers: tuple[str, ...]
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceReport:
    """The result of reading the traces of a run's exemplars.

    `found` of the `asked` traces have spans. `slow` are the times of the slowest requests together,
    over `slow_traces` traces. `coverage` are the services on the path, worst first. `each` are the
    traces one by one.
    """

    asked: int
    found: int
    slow_traces: int
    slow: tuple[ServiceTime, ...]
    coverage: tuple[Coverage, ...]
    each: tuple[TraceTimes, ...]

    def times_of(self, trace: str) -> TraceTimes | None:
        """Return the times of one trace; None if there are none."""
        return next((times for times in self.each if trace and times.trace == trace), None)
