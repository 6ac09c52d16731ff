"""How every format says where the time of traced requests went, and who on their path reports no span."""

from __future__ import annotations

from collections.abc import Sequence

from soak.model import Analysis, Exemplar
from soak.reporters import wording
from soak.traces import Coverage, ServiceTime, TraceReport
from soak.units import show_duration


def service(time: ServiceTime) -> str:
    """A service, and whether only its callers tell of it."""
    name = wording.clean(time.service) or "outside any span"
    return name if time.reports else f"{name} (reports no span)"


def time_went(analysis: Analysis, exemplar: Exemplar) -> str:
    """`db 1.2 s, orders 80 ms; failed in db`: where a request's time went, longest first; empty where nobody knows."""
    times = analysis.traces.times_of(exemplar.trace) if analysis.traces else None
    if times is None:
        return ""
    split = ", ".join(f"{service(time)} {show_duration(time.seconds)}" for time in times.times)
    return f"{split}; failed in {wording.clean(times.failed_in)}" if times.failed_in else split


def shares(times: Sequence[ServiceTime]) -> list[tuple[str, str, float]]:
    """Each service with its time, and its share of all."""
    whole = sum(time.seconds for time in times)
    return [
        (service(time), show_duration(time.seconds), time.seconds / whole if whole else 0.0)
        for time in times
    ]


def silent_hops(report: TraceReport) -> list[str]:
    """`db: 0 of 24 calls have a span of its own (called by orders)`, for each service that does not report every call."""
    return [
        _silent_hop(coverage) for coverage in report.coverage if coverage.reported < coverage.calls
    ]


def _silent_hop(coverage: Coverage) -> str:
    calls = "call has" if coverage.calls == 1 else "calls have"
    callers = wording.listed(coverage.callers)
    called_by = f" (called by {callers})" if callers else ""
    return f"{hop(coverage)}: {coverage.reported} of {coverage.calls} {calls} a span of its own{called_by}"


def hop(coverage: Coverage) -> str:
    """A service on the path, or the one that nobody names."""
    before = wording.listed(coverage.before)
    return wording.clean(coverage.service) or (
        "something unnamed" + (f" before {before}" if before else "")
    )
