"""Traces of a run's exemplars: the spans as a tracing backend gave them, and what is read out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SpanKind = Literal["server", "client", "producer", "consumer", ""]


@dataclass(frozen=True, slots=True)
class Span:
    """One span: `start` in seconds since the trace's first span began, `seconds` its length.

    `peer` names what a client span calls, empty where it does not say. Ids are unique within a
    trace: the two halves of a span that Zipkin's clients and servers share have been told apart.
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
    """The spans of one request in the order of their start, empty where none was reported; `cut` more were left out."""

    id: str
    spans: tuple[Span, ...] = ()
    cut: int = 0


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """How many seconds of a request, or of several, one service took itself.

    `reports` is false for one that is only known from the calls of others. An empty `service` is
    the time that no span
    covers: before the first service began, and after it ended.
    """

    service: str
    seconds: float
    reports: bool = True


@dataclass(frozen=True, slots=True)
class TraceTimes:
    """Where one request's time went, longest first; `failed_in` is the innermost service whose span says that it failed."""

    trace: str
    times: tuple[ServiceTime, ...]
    failed_in: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many calls of a service are known, how many of them it reported a span of, and who called it.

    An empty `service` is a hop that nobody names: who a client span calls without saying whom, or a
    parent that is not in the trace, and then `before` are the services that it called in turn.
    """

    service: str
    calls: int
    reported: int
    callers: tuple[str, ...]
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceReport:
    """What the traces of a run's exemplars tell.

    `found` of the `asked` traces have spans. `slow` are the slowest requests' times together, over
    `slow_traces` traces; `coverage` the services on the path, worst first; `each` the traces one by
    one.
    """

    asked: int
    found: int
    slow_traces: int
    slow: tuple[ServiceTime, ...]
    coverage: tuple[Coverage, ...]
    each: tuple[TraceTimes, ...]

    def times_of(self, trace: str) -> TraceTimes | None:
        """Those of one trace; None without any."""
        return next((times for times in self.each if trace and times.trace == trace), None)
