"""Data types of request windows: single windows as the load streams them, and all windows of a run as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soak.latency import LAST, Histogram, bucket_seconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Whole numbers in an integer type that is as small as they allow.
Cells = NDArray[np.integer[Any]]


def is_timeout(kind: str) -> bool:
    """Return True if a kind of failure is a timeout: soak's own say `timeout`, a locustfile's name an exception."""
    return "time" in kind.lower()


@dataclass(frozen=True, slots=True)
class EndpointWindow:
    """One endpoint in one window: failures by kind, and separate latencies of successes and failures.

    In the open model latency is measured from when a request was due. `service` then holds the times
    from when it was sent; `late` counts requests sent too late, `dropped` those never sent. All three
    are empty without a schedule.
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
class WorkerCoverage:
    """The workers whose requests are in a window: `present` of `expected`, and the share of the load that they had."""

    present: int
    expected: int
    covered: float


@dataclass(frozen=True, slots=True)
class GeneratorWindow:
    """The state of the load's own process, or of several and their master together, in one window.

    `cpu_ratio` is the busiest process's share of one core, `cpu_seconds` the CPU time of all, `lag`
    the largest delay (seconds) of a timer in the slowest event loop, `memory` the resident bytes of
    all. `asked` is how many arrivals were due, None in the closed model; `made` how many were made,
    whatever their result, and `queued` how many of these found no free connection. `connections` is
    how many were open at the window's end, None if unknown. `users_asked` is how many users a
    locustfile should have had at its end, None if only the profile says so. `machine_load` is the
    machine's load average per core, the highest of several machines. `machine_busy` is how many
    processors of its machine were busy, whoever used them, and `machine_processors` how many it has:
    of several machines, those of the busiest.
    """

    cpu_ratio: float
    cpu_seconds: float
    lag: float
    memory: int
    asked: float | None = None
    made: int = 0
    queued: int = 0
    connections: int | None = None
    users_asked: int | None = None
    machine_load: float | None = None
    machine_busy: float | None = None
    machine_processors: int | None = None

    @classmethod
    def together(cls, several: Sequence[GeneratorWindow]) -> GeneratorWindow:
        """Combine the processes of one window into one."""
        asked = [window.asked for window in several if window.asked is not None]
        connections = [window.connections for window in several if window.connections is not None]
        users = [window.users_asked for window in several if window.users_asked is not None]
        machines = [window.machine_load for window in several if window.machine_load is not None]
        busiest = max(several, key=_busy_share)
        return cls(
            max(window.cpu_ratio for window in several),
            sum(window.cpu_seconds for window in several),
            max(window.lag for window in several),
            sum(window.memory for window in several),
            sum(asked) if asked else None,
            sum(window.made for window in several),
            sum(window.queued for window in several),
            sum(connections) if connections else None,
            sum(users) if users else None,
            max(machines, default=None),
            busiest.machine_busy,
            busiest.machine_processors,
        )


def _busy_share(window: GeneratorWindow) -> float:
    return (window.machine_busy or 0.0) / (window.machine_processors or 1)


#: Fields of the load's own processes in a window, in the order in which recordings store them.
GENERATOR_FIELDS = tuple(each.name for each in fields(GeneratorWindow))


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One request kept as an example: among the slowest, or the failed, of its endpoint in its minute.

    `time` is when its latency (`seconds`) began. `failure` is its kind, empty for a success;
    `status` is 0 if there was none or it is unknown; `trace` is the trace id it was sent with, empty
    without one.
    """

    time: float
    endpoint: str
    seconds: float
    failure: str = ""
    status: int = 0
    trace: str = ""


#: Fields of an exemplar, in the order in which recordings store them.
EXEMPLAR_FIELDS = tuple(each.name for each in fields(Exemplar))


@dataclass(frozen=True, slots=True)
class Window:
    """One interval of request counts and latencies: `time` is its end, `seconds` its length, `users` the users at its end.

    `exemplars` are those of a minute that ended in it. `generator` is None if nothing was measured,
    `coverage` is None if one process makes the load.
    """

    time: float
    seconds: float
    users: int
    endpoints: tuple[EndpointWindow, ...]
    generator: GeneratorWindow | None = None
    exemplars: tuple[Exemplar, ...] = ()
    coverage: WorkerCoverage | None = None


@dataclass(frozen=True, slots=True, eq=False)
class WorkerCoverages:
    """The coverage of each window over a run, as columns of length n."""

    times: Floats
    seconds: Floats
    present: Ints
    expected: Ints
    covered: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Late and dropped requests of one endpoint, as columns of length n; service times are ragged like latencies."""

    late: Ints
    dropped: Ints
    offsets: Ints
    buckets: Cells
    counts: Cells

    def rows(self, first: int, last: int) -> Arrivals:
        """Return the rows of windows `first` to `last - 1`."""
        rows, cells = slice(first, last), slice(int(self.offsets[first]), int(self.offsets[last]))
        offsets = self.offsets[first : last + 1] - self.offsets[first]
        return Arrivals(
            self.late[rows], self.dropped[rows], offsets, self.buckets[cells], self.counts[cells]
        )


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorWindows:
    """All windows of the load's own processes, as columns of length n; NaN where a window has no value."""

    times: Floats
    seconds: Floats
    cpu_ratio: Floats
    cpu_seconds: Floats
    lag: Floats
    memory: Floats
    asked: Floats
    made: Floats
    queued: Floats
    connections: Floats
    users_asked: Floats
    machine_load: Floats
    machine_busy: Floats
    machine_processors: Floats

    def between(self, start: float, end: float) -> GeneratorWindows:
        """Return the windows whose middle lies within [start, end]."""
        rows = _rows(self.times, self.seconds, start, end)
        return GeneratorWindows(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class EndpointWindows:
    """All windows of one endpoint over a run, as columns of length n.

    Latency histograms are ragged: those of window i are `buckets[offsets[i]:offsets[i+1]]` (rising
    bucket numbers of `soak.latency`) with as many `counts`. Latencies of failures are recorded
    separately and are not included. `arrivals` is None if no schedule was recorded. `failed` has,
    for each kind of failure over the whole run, rows of a window's index and its number of such
    failures.
    """

    endpoint: str
    times: Floats
    seconds: Floats
    requests: Ints
    failures: Ints
    bytes: Ints
    offsets: Ints
    buckets: Cells
    counts: Cells
    failure_kinds: dict[str, int] = field(default_factory=dict)
    arrivals: Arrivals | None = None
    failed: dict[str, Ints] = field(default_factory=dict)

    def between(self, start: float, end: float) -> EndpointWindows:
        """Return the windows with their middle in [start, end]; `failure_kinds` is kept, `failed` is empty."""
        rows = _rows(self.times, self.seconds, start, end)
        first, last = rows.start, rows.stop
        cells = slice(int(self.offsets[first]), int(self.offsets[last]))
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
        """Return the latency in seconds that a share `q` of successful requests does not exceed; None without any."""
        return _quantile(self.buckets, self.counts, q)

    def service_quantile(self, q: float) -> float | None:
        """Return the same quantile, measured from sending instead of from when due; None without a schedule."""
        return _quantile(self.arrivals.buckets, self.arrivals.counts, q) if self.arrivals else None

    def maximum(self) -> float | None:
        """Return the slowest success, to within a bucket, in seconds; None without any."""
        return float(bucket_seconds(int(self.buckets.max()))) if len(self.buckets) else None

    def quantile_by_window(self, q: float) -> Floats:
        """Return the latency quantile of each window, shape (n,); NaN if a window had no success."""
        cumulative = np.concatenate(([0], np.cumsum(self.counts)))
        before, after = cumulative[self.offsets[:-1]], cumulative[self.offsets[1:]]
        rank = before + np.maximum(1, np.ceil(q * (after - before)))
        cell = np.searchsorted(cumulative[1:], rank, side="left")
        result = np.full(len(self.times), np.nan)
        some = after > before
        result[some] = bucket_seconds(self.buckets[cell[some]])
        return result


def _quantile(buckets: Cells, counts: Cells, q: float) -> float | None:
    total = int(counts.sum())
    if total == 0:
        return None
    cumulative = np.cumsum(np.bincount(buckets, weights=counts, minlength=LAST + 1))
    return float(bucket_seconds(int(np.searchsorted(cumulative, max(1, np.ceil(q * total))))))


def narrowed(counts: NDArray[Any]) -> Cells:
    """Convert counts to the smallest of int16, int32 and int64 that holds them: a run of days has many."""
    most = counts.max() if len(counts) else 0
    return counts.astype(np.int16 if most < 2**15 else np.int32 if most < 2**31 else np.int64)


def _rows(times: Floats, seconds: Floats, start: float, end: float) -> slice:
    """Return the slice of windows whose middle is within [start, end]."""
    middles = times - seconds / 2
    first = int(np.searchsorted(middles, start))
    return slice(first, max(first, int(np.searchsorted(middles, end, side="right"))))
