"""Report where the time of slow and failed requests went, by service, and which hops of their path report no span.

A service's own time is the length of its spans less what their children cover, each child cut to
its parent. So if a request makes no concurrent calls, its parts add up to the whole. If the clocks
of two hosts differ so far that a call seems to run outside of its caller, the call is moved to the
middle of its caller, as Zipkin's and Jaeger's own pages do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from soak.model import Analysis, Exemplar
from soak.profile.checking import is_link
from soak.profile.trace import TraceSettings
from soak.traces import Coverage, ServiceTime, Span, Trace, TraceReport, TraceTimes

#: Maximum depth of nested calls. Deeper ones are cut off: no real path is so deep, and recursion
#: must not break a report.
DEEPEST = 100
#: Maximum number of services listed in a breakdown of time or coverage.
MOST_SERVICES = 20


def with_traces(analysis: Analysis, traces: Sequence[Trace], settings: TraceSettings) -> Analysis:
    """Return the analysis with its link templates and, if any traces were asked for, with their report."""
    links = ("trace", settings.link), ("logs", settings.logs)
    traced = report(traces, analysis.exemplars) if traces else None
    return replace(
        analysis,
        links=tuple((name, template) for name, template in links if template and is_link(template)),
        warnings=(*analysis.warnings, *_warnings(traced, traces, settings)),
        traces=traced,
    )


def _warnings(
    traced: TraceReport | None, traces: Sequence[Trace], settings: TraceSettings
) -> Iterator[str]:
    """Yield what to do if all traces are missing, and how many traces were cut."""
    if traced is not None and traced.asked and not traced.found:
        yield (
            f"none of the traces asked for ({traced.asked}) was there {settings.wait:g} s after the load: does the target report "
            "its spans there, within trace.wait, and does it take over the trace ids that requests carry?"
        )
    long = sum(trace.cut > 0 for trace in traces)
    if long:
        yield f"{long} of {len(traces)} traces had too many spans: only the earliest of each were kept"


def report(traces: Sequence[Trace], exemplars: Sequence[Exemplar]) -> TraceReport:
    """Summarize the traces of these exemplars; other traces are ignored."""
    spans_of = {trace.id: trace.spans for trace in traces}
    shown = {exemplar.trace: exemplar for exemplar in exemplars if exemplar.trace in spans_of}
    paths = {trace: Path(trace, spans_of[trace]) for trace in shown}
    each = tuple(
        _times(paths[trace], timed) for trace, timed in shown.items() if paths[trace].spans
    )
    slow = [timed for timed in each if not shown[timed.trace].failure]
    return TraceReport(
        len(shown),
        len(each),
        len(slow),
        _sum(time for timed in slow for time in timed.times),
        _coverage([path for trace, path in paths.items() if path.spans or shown[trace].status]),
        each,
    )


@dataclass
class Path:
    """One request's spans as a tree: `entries` were started by soak's own request, `lost` have an unknown parent."""

    trace: str
    spans: tuple[Span, ...]
    children: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    entries: list[Span] = field(default_factory=list)
    lost: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = {span.id: span for span in self.spans}
        soak = self.trace[16:].lstrip(
            "0"
        )  # the id of the span that the request's traceparent names
        for span in known.values():
            if span.parent in known and span.parent != span.id:
                self.children[span.parent].append(span)
            elif span.parent in ("", soak) or span.id == soak:
                self.entries.append(span)
            else:
                self.lost.append(span)

    @property
    def roots(self) -> list[Span]:
        """The top spans of the tree: the entries or, if there are none, the lost spans."""
        return self.entries or self.lost

    def answered(self, call: Span) -> bool:
        """Return True if the called side of a call reported a span, be it another service or the same one."""
        return any(
            child.kind in ("server", "consumer") or child.service != call.service
            for child in self.children[call.id]
        )


def _times(path: Path, exemplar: Exemplar) -> TraceTimes:
    """Return how the time of one request was spent, by service."""
    stretches = [(root.start, root.start + root.seconds) for root in path.roots]
    own = [
        time
        for root, (start, end) in zip(path.roots, stretches, strict=True)
        for time in _own_times(path, root, start, end, 0)
    ]
    outside = max(0.0, exemplar.seconds - _covered(stretches))
    return TraceTimes(path.trace, _sum((*own, ServiceTime("", outside))), _failed_in(path))


def _own_times(
    path: Path, span: Span, start: float, end: float, depth: int
) -> Iterator[ServiceTime]:
    """Yield the own time of a span that runs from `start` to `end` (seconds), and of all spans below it."""
    inside = []
    for child in path.children[span.id] if depth < DEEPEST else ():
        began = child.start + start - span.start  # moved by as much as its caller
        if (
            child.service != span.service
            and not start <= began <= began + child.seconds <= end + _ROUNDING
        ):
            began = start + max(0.0, end - start - child.seconds) / 2
        first, last = max(start, began), min(end, began + child.seconds)
        if last > first:
            inside.append((first, last))
        yield from _own_times(path, child, first, max(first, last), depth + 1)
    silent = span.kind == "client" and bool(span.peer) and not path.answered(span)
    yield ServiceTime(
        span.peer if silent else span.service, end - start - _covered(inside), not silent
    )


#: Tolerance in seconds: spans are reported in whole microseconds.
_ROUNDING = 2e-6


def _covered(stretches: list[tuple[float, float]]) -> float:
    """Return how many seconds lie in at least one of the stretches."""
    total, until = 0.0, float("-inf")
    for first, last in sorted(stretches):
        total += max(0.0, last - max(first, until))
        until = max(until, last)
    return total


def _sum(times: Iterable[ServiceTime]) -> tuple[ServiceTime, ...]:
    """Add up the times of each service, longest first."""
    seconds: defaultdict[tuple[str, bool], float] = defaultdict(float)
    for time in times:
        seconds[time.service, time.reports] += time.seconds
    ranked = sorted(seconds.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        ServiceTime(service, took, reports)
        for (service, reports), took in ranked[:MOST_SERVICES]
        if took > 0
    )


def _failed_in(path: Path) -> str:
    """Return the service of the first failed span without a failed span below it, and the service that it called."""
    parents = {span.id: span.parent for span in path.spans}
    above: set[str] = set()
    for span in path.spans:
        parent = span.parent if span.failed else ""
        while parent in parents and parent not in above:
            above.add(parent)
            parent = parents[parent]
    for span in path.spans:
        if span.failed and span.id not in above:
            silent = span.peer and not path.answered(span)
            return f"{span.service}, in its call of {span.peer}" if silent else span.service
    return ""


def _coverage(paths: Sequence[Path]) -> tuple[Coverage, ...]:
    """Return every service that was called, those that report the smallest share of their calls first."""
    entries = Counter(span.service for path in paths for span in path.entries)
    target = entries.most_common(1)[0][0] if entries else ""
    hops: defaultdict[str, list[Hop]] = defaultdict(list)
    for path in paths:
        for hop in _hops(path, target):
            hops[hop.service].append(hop)
    coverages = [
        Coverage(
            service,
            len(those),
            sum(hop.reported for hop in those),
            tuple(sorted({hop.caller for hop in those if hop.caller})),
            tuple(sorted({hop.before for hop in those if hop.before})),
        )
        for service, those in hops.items()
    ]
    return tuple(
        sorted(
            coverages,
            key=lambda coverage: (
                coverage.reported / coverage.calls,
                -coverage.calls,
                coverage.service,
            ),
        )
    )[:MOST_SERVICES]


@dataclass(frozen=True, slots=True)
class Hop:
    """One call: its caller, the service called, and whether the service reported a span; names are empty if unknown.

    If the service is unknown, `before` is the service that it called in turn.
    """

    caller: str
    service: str
    reported: bool
    before: str = ""


def _hops(path: Path, target: str) -> Iterator[Hop]:
    """Yield every call on one request's path."""
    first = "" if path.entries else "soak"
    if path.entries:
        yield Hop("soak", path.entries[0].service, reported=True)
    elif not path.lost and target:
        yield Hop("soak", target, reported=False)
    for span in {span.parent: span for span in path.lost}.values():
        if span.kind in ("server", "consumer"):  # its caller's span is missing
            yield Hop(first, "", reported=False, before=span.service)
            yield Hop("", span.service, reported=True)
        else:  # the span of its own service that answers the call is missing
            yield Hop(first, span.service, reported=False)
    for span in path.spans:
        for child in path.children[span.id]:
            if child.service != span.service or (span.kind == "client" and child.kind == "server"):
                yield Hop(span.service, child.service, reported=True)
        if span.kind in ("client", "producer") and not path.answered(span):
            yield Hop(span.service, span.peer, reported=False)
