"""Summaries of each endpoint: counts, rate and latencies over some windows."""

from __future__ import annotations

from collections.abc import Iterable

from soak.model import EndpointSummary
from soak.windows import EndpointWindows

#: Successes needed in a third of the judged stretch: with fewer than three beyond it, p99 is one
#: slow request.
FEWEST_FOR_P99 = 300


def endpoint_summaries(
    several: Iterable[EndpointWindows], whole_run: Iterable[EndpointWindows] = ()
) -> list[EndpointSummary]:
    """Return one summary per endpoint; `whole_run` are the windows of the whole run, to count all its requests."""
    whole = {windows.endpoint: int(windows.requests.sum()) for windows in whole_run}
    summaries = []
    for windows in several:
        p99, service_p99 = windows.quantile(0.99), windows.service_quantile(0.99)
        seconds = float(windows.seconds.sum())
        requests = int(windows.requests.sum())
        summaries.append(
            EndpointSummary(
                windows.endpoint,
                requests,
                int(windows.failures.sum()),
                requests / seconds if seconds else 0.0,
                windows.quantile(0.5),
                windows.quantile(0.95),
                p99,
                windows.quantile(0.999),
                windows.maximum(),
                tuple(sorted(windows.failure_kinds.items(), key=lambda item: -item[1])),
                service_p99,
                _differ(p99, service_p99),
                windows.quantile(0.9),
                whole.get(windows.endpoint),
                _p99_drift(windows),
            )
        )
    return summaries


def _differ(latency: float | None, service: float | None) -> bool:
    """Return True if a latency exceeds the service time by more than both buckets' error and a millisecond."""
    return latency is not None and service is not None and latency > 1.1 * service + 1e-3


def _p99_drift(windows: EndpointWindows) -> float | None:
    """Return the change of p99 from the first third to the last, as a share; None if either has too few successes."""
    if not len(windows.times):
        return None
    start, end = float(windows.times[0] - windows.seconds[0]), float(windows.times[-1])
    third = (end - start) / 3
    parts = windows.between(start, start + third), windows.between(end - third, end)
    if any(part.counts.sum() < FEWEST_FOR_P99 for part in parts):
        return None
    first, last = (part.quantile(0.99) for part in parts)
    return last / first - 1 if first and last else None
