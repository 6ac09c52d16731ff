"""Check whether the target was overloaded: then it holds waiting requests, and growth says nothing about leaks.

By Little's law (A proof for the queuing formula L = λW, 1961) the requests in flight are the rate
times the time that each takes. If they rise under a steady rate the target falls behind, and
memory, descriptors and threads rise with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.load_generator import PARTLY, generator_of
from soak.analysis.thresholds import IN_FLIGHT_FACTOR, IN_FLIGHT_MORE, MOSTLY_TIMEOUTS
from soak.model import Finding, Floats, Verdict
from soak.units import show_duration, show_number, show_ratio
from soak.windows import is_timeout


@dataclass(frozen=True, slots=True)
class Overload:
    """How many requests were in flight at first and at last, and answers per second.

    `timeouts` is the share of requests that got no answer in time. `doubtful` says that the load
    generator was saturated too, which may have delayed the answers.
    """

    first: float
    last: float
    answered: float
    timeouts: float
    doubtful: bool = False

    @property
    def sentence(self) -> str:
        """What was overloaded, and which rate it would have kept."""
        rate = f"it answered {show_number(self.answered)} requests/s; a rate below that would tell"
        who = "the target or the load generator" if self.doubtful else "the target"
        if self.timeouts > MOSTLY_TIMEOUTS:
            return f"{who} was overloaded: {show_ratio(self.timeouts)} of the requests got no answer in time; {rate}"
        rise = f"from {show_number(self.first)} to {show_number(self.last)}"
        return f"{who} did not keep the rate: requests in flight rose {rise}; {rate}"


def overload_of(prepared: Prepared) -> Overload | None:
    """Return the overload if requests in flight rose throughout the judged stretch or most timed out; else None."""
    requests = prepared.judged_requests()
    if requests is None or not requests.seconds.sum():
        return None
    total, failed = int(requests.requests.sum()), int(requests.failures.sum())
    seconds = float(requests.seconds.sum())
    answered = (total - failed) / seconds
    late = sum(count for kind, count in requests.failure_kinds.items() if is_timeout(kind))
    timeouts = failed / total if total and late > sum(requests.failure_kinds.values()) / 2 else 0.0
    in_flight = _in_flight(prepared)
    parts = np.array_split(in_flight, 3)
    # A queue that empties again now and then is a burst, not an overload.
    first = float(np.quantile(parts[0], 0.75)) if len(in_flight) >= len(parts) else 0.0
    last = float(np.quantile(parts[-1], 0.25)) if len(in_flight) >= len(parts) else 0.0
    overloaded = last >= IN_FLIGHT_FACTOR * max(first, 1.0) and last - first >= IN_FLIGHT_MORE
    if not overloaded and timeouts <= MOSTLY_TIMEOUTS:
        return None
    generator = generator_of(prepared)
    doubtful = generator is not None and generator.saturated > PARTLY
    return Overload(first, last, answered, timeouts, doubtful)


def _in_flight(prepared: Prepared) -> Floats:
    """Return the requests sent but not yet answered, at each window of the judged stretch; empty if unknown."""
    own = prepared.recording.generator
    every = prepared.recording.windows
    if (
        own is None
        or not every
        or len(own.times) != len(every[0].times)
        or not np.isfinite(own.made).all()
    ):
        return np.empty(0)
    done = np.sum([window.requests for window in every], axis=0)
    waiting = np.cumsum(own.made) - np.cumsum(done)
    inside = (own.times >= prepared.judged_from) & (own.times <= prepared.end)
    return np.asarray(waiting[inside], dtype=np.float64)


def without_overload(finding: Finding, overload: Overload | None) -> Finding:
    """Make a finding of growth inconclusive if the target was overloaded, unless a limit was set for it."""
    decided = finding.verdict is not Verdict.INCONCLUSIVE and finding.limit is None
    if overload is None or not decided or finding.trend is None:
        return finding
    if finding.verdict is Verdict.PASS and not finding.trend.slope_high > 0:
        return finding
    reason = f"{finding.reason.rstrip('.')}; but {overload.sentence}."
    return finding.adjusted("overload", Verdict.INCONCLUSIVE, reason)


def held_by_backlog(finding: Finding, overload: Overload | None) -> Finding:
    """Make a finding of connections that were kept after the load inconclusive if the target was overloaded.

    It works through the requests that still waited then, and needs connections for them. A pool whose
    connections were lost one by one before that fails by its growth.
    """
    if overload is None:
        return finding
    reason = f"{finding.reason.partition(':')[0]}, perhaps for requests that still waited: {overload.sentence}."
    return finding.adjusted("overload", Verdict.INCONCLUSIVE, reason)


def failed_before(finding: Finding, earlier: Finding | None, loaded: float) -> Finding:
    """Turn an inconclusive finding into a fail if growth failed already in the load's first `loaded` seconds.

    `earlier` is the finding of these seconds, before the target fell behind: a leak that brings its
    service down is a leak.
    """
    failed = earlier is not None and earlier.verdict is Verdict.FAIL
    if earlier is None or not failed or finding.verdict is not Verdict.INCONCLUSIVE:
        return finding
    reason = (
        f"{earlier.reason.rstrip('.')}; judged over the first {show_duration(loaded)} of the load, "
        "because after that the target did not keep the rate."
    )
    changed = finding.adjusted("overload", Verdict.FAIL, reason)
    return replace(earlier, reason=reason, adjustments=changed.adjustments)
