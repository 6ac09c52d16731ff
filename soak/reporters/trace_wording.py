"""Texts about the time of traced requests and about services without spans, shared by all formats."""

from __future__ import annotations

from collections.abc import Sequence

from soak.model import Analysis, Exemplar
from soak.reporters import wording
from soak.traces import Coverage, ServiceTime, TraceReport
from soak.units import show_duration


def service(time: ServiceTime) -> str:
    """Return a service's name, and a note if it is only known from its callers."""
    name = wording.clean(time.service) or "outside any span"
    return name if time.reports else f"{name} (reports no span)"


def time_went(analysis: Analysis, exemplar: Exemplar) -> str:
    """Return how a request's time divides: `db 1.2 s, orders 80 ms; failed in db`, longest first; empty if unknown."""
    times = analysis.traces.times_of(exemplar.trace) if analysis.traces else None
    if times is None:
        return ""
    split = ", ".join(f"{service(time)} {show_duration(time.seconds)}" for time in times.times)
    return f"{split}; failed in {wording.clean(times.failed_in)}" if times.failed_in else split


def shares(times: Sequence[ServiceTime]) -> list[tuple[str, str, float]]:
    """Return each service with its time, and its share of the total."""
    whole = sum(time.seconds for time in times)
    return [
        (service(time), show_duration(time.seconds), time.seconds / whole if whole else 0.0)
        for time in times
    ]


def silent_hops(report: TraceReport) -> list[str]:
    """Return a line per service that misses spans: `db: 0 of 24 calls have a span of its own (called by orders)`."""
    return [
        _silent_hop(coverage) for coverage in report.coverage if coverage.reported < coverage.calls
    ]


def _silent_hop(coverage: Coverage) -> str:
    calls = "call has" if coverage.calls == 1 else "calls have"
    callers = wording.listed(coverage.callers)
    called_by = f" (called by {callers})" if callers else ""
    return f"{hop(coverage)}: {coverage.reported} of {coverage.calls} {calls} a span of its own{called_by}"


def hop(coverage: Coverage) -> str:
    """Return a service on the path, or a description of an unnamed one."""
    before = wording.listed(coverage.before)
    return wording.clean(coverage.service) or (
        "something unnamed" + (f" before {before}" if before else "")
    )
