"""Windows of requests: one at a time as the load streams them, and all of a run's as columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soak.latency import LAST, Histogram, bucket_seconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EndpointWindow:
    """What one endpoint saw in one window: failures by kind, and the latencies of successes and failures kept apart.

    In the open model latency runs from when a request should have been sent. `service` then holds the times from when it
    was sent; `late` counts those sent too late, `dropped` those never sent. None of them without a schedule.
    """

    endpoint: str
    requests: int
    failures: dict[str, int]
    bytes: int
    latency: Histogram
    failed_latency: Histogram
    service: Histogram = field(default_factory=Histogram)
    late: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Turnout:
    """Whose requests are in a window: `present` of `expected` workers, and what share of the load these had between them."""

    present: int
    expected: int
    covered: float


@dataclass(frozen=True, slots=True)
class Window:
    """One interval of request counts and latencies: `time` is its end, `seconds` its length, `users` its users at the end.

    `turnout` is None where one process makes the load.
    """

    time: float
    seconds: float
    users: int
    endpoints: tuple[EndpointWindow, ...]
    turnout: Turnout | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Turnouts:
    """The turnout of each window over a run, as columns of length n."""

    times: Floats
    seconds: Floats
    present: Ints
    expected: Ints
    covered: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """How one endpoint's schedule was kept, as columns of length n; service times are ragged as latencies are."""

    late: Ints
    dropped: Ints
    offsets: Ints
    buckets: Ints
    counts: Ints

    def rows(self, first: int, last: int) -> Arrivals:
        """Those of windows first to last - 1."""
        rows, cells = slice(first, last), slice(int(self.offsets[first]), int(self.offsets[last]))
        offsets = self.offsets[first : last + 1] - self.offsets[first]
        return Arrivals(self.late[rows], self.dropped[rows], offsets, self.buckets[cells], self.counts[cells])


@dataclass(frozen=True, slots=True, eq=False)
class EndpointWindows:
    """All windows of one endpoint over a run, as columns of length n.

    Latency histograms are ragged: those of window i are `buckets[offsets[i]:offsets[i+1]]` (rising bucket numbers of
    `soak.latency`) with as many `counts`. Failures' latencies are recorded apart and never part of these. `arrivals` is
    None where nothing was recorded of a schedule.
    """

    endpoint: str
    times: Floats
    seconds: Floats
    requests: Ints
    failures: Ints
    bytes: Ints
    offsets: Ints
    buckets: Ints
    counts: Ints
    failure_kinds: dict[str, int] = field(default_factory=dict)
    arrivals: Arrivals | None = None

    def between(self, start: float, end: float) -> EndpointWindows:
        """The windows whose middle lies within [start, end]; `failure_kinds` stays that of the whole run."""
        middles = self.times - self.seconds / 2
        first = int(np.searchsorted(middles, start))
        last = max(first, int(np.searchsorted(middles, end, side="right")))
        rows, cells = slice(first, last), slice(int(self.offsets[first]), int(self.offsets[last]))
        return EndpointWindows(
            self.endpoint,
            self.times[rows],
            self.seconds[rows],
            self.requests[rows],
            self.failures[rows],
            self.bytes[rows],
            self.offsets[first : last + 1] - self.offsets[first],
            self.buckets[cells],
            self.counts[cells],
            self.failure_kinds,
            self.arrivals.rows(first, last) if self.arrivals else None,
        )

    def quantile(self, q: float) -> float | None:
        """The latency in seconds that a share q of all successful requests stayed within; None without any."""
        total = int(self.counts.sum())
        if total == 0:
            return None
        cumulative = np.cumsum(np.bincount(self.buckets, weights=self.counts, minlength=LAST + 1))
        return float(bucket_seconds(int(np.searchsorted(cumulative, max(1, np.ceil(q * total))))))

    def maximum(self) -> float | None:
        """The slowest success, to within a bucket, in seconds; None without any."""
        return float(bucket_seconds(int(self.buckets.max()))) if len(self.buckets) else None

    def quantile_by_window(self, q: float) -> Floats:
        """The same, window by window, shape (n,); NaN where a window had no success."""
        cumulative = np.concatenate(([0], np.cumsum(self.counts)))
        before, after = cumulative[self.offsets[:-1]], cumulative[self.offsets[1:]]
        rank = before + np.maximum(1, np.ceil(q * (after - before)))
        cell = np.searchsorted(cumulative[1:], rank, side="left")
        result = np.full(len(self.times), np.nan)
        some = after > before
        result[some] = bucket_seconds(self.buckets[cell[some]])
        return result
