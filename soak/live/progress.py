"""The state of a run in progress in constant memory: counts, the last window, and a thinned curve per resource.

Nothing is judged here: verdicts and growth come from `soak.live.judge`, which judges like the end
of the run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from soak.catalog.metrics import COLLECTORS, Metric, metric_of
from soak.latency import Histogram, bucket_seconds
from soak.live.failures import failing
from soak.live.rate_watch import LiveRate
from soak.model import Event, Labels, Sample, Scrape
from soak.windows import GeneratorWindow, Window

#: Points kept of one series; when it has this many, every second one is dropped.
MOST_POINTS = 512
#: Maximum series, endpoints and kinds of failure followed; further endpoints and kinds are counted
#: together.
MOST_TRACKS, MOST_ENDPOINTS, MOST_KINDS = 200, 500, 50
#: The name under which further endpoints and kinds of failure are counted.
OTHERS = "(others)"
_LIVE_BY_GOAL = {collector.goal: collector.live for collector in COLLECTORS if collector.goal}


@dataclass(slots=True)
class Track:
    """One series so far: when full, it drops every second point and then takes only every second sample."""

    role: Metric
    labels: Labels
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    stride: int = 1
    seen: int = 0
    latest: float = float("nan")

    def add(self, moment: float, value: float) -> None:
        """Add one sample."""
        self.latest = value
        if self.seen % self.stride == 0:
            self.times.append(moment)
            self.values.append(value)
            if len(self.times) >= MOST_POINTS:
                self.times, self.values = self.times[::2], self.values[::2]
                self.stride *= 2
        self.seen += 1

    def thinned(self, points: int) -> list[float]:
        """Return at most `points` values for a sparkline, each the median of an equal interval of time."""
        times, values = np.array(self.times), np.array(self.values)
        known = np.isfinite(values)
        times, values = times[known], values[known]
        if len(times) <= points:
            return [float(value) for value in values]
        edges = np.searchsorted(times, np.linspace(times[0], times[-1], points + 1)[1:-1])
        return [float(np.median(part)) for part in np.split(values, edges) if len(part)]


@dataclass(slots=True)
class EndpointCounts:
    """One endpoint since the start: latencies of successes in seconds, `latency_sum` to within 2%."""

    requests: int = 0
    bytes: int = 0
    late: int = 0
    dropped: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    latency_sum: float = 0.0


@dataclass(slots=True)
class SourceCounts:
    """One source since the start: scrapes tried and failed, and how late the last one began (seconds)."""

    scrapes: int = 0
    failed: int = 0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run: the last window's rate (per second), error share and p99 (seconds), and counts so far.

    `generator_cpu` is the share of a core that the busiest load process used. `failing` says how
    requests fail now, `short` that the requested rate is not kept.
    """

    users: int
    rate: float
    error_ratio: float
    p99: float | None
    requests: int
    failures: int
    failed_scrapes: int
    generator_cpu: float = 0.0
    failing: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """A copy of all counts, for exporters."""

    seconds: float
    users: int
    endpoints: dict[str, EndpointCounts]
    sources: dict[str, SourceCounts]
    generator: GeneratorWindow | None


class Live:
    """Reads every record, from any thread, and reports the state of the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tracks: dict[tuple[str, Labels], Track] = {}
        self._endpoints: dict[str, EndpointCounts] = {}
        self._sources: dict[str, SourceCounts] = {}
        self._window: Window | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._rate = LiveRate()

    def saw(self, record: Scrape | Window | Event) -> None:
        """Process one record, as it is made."""
        with self._lock:
            self._seconds = max(self._seconds, record.time)
            if isinstance(record, Window):
                self._saw_window(record)
            elif isinstance(record, Scrape):
                source = self._sources.setdefault(record.source, SourceCounts())
                source.scrapes += 1
                source.failed += record.error is not None
                source.late = record.late
                for sample in record.samples:
                    self._track(record.time, sample)

    def progress(self) -> Progress:
        """Return the current state of the run."""
        with self._lock:
            window = self._window
            latency, asked, failed = Histogram(), 0, 0
            for seen in window.endpoints if window else ():
                latency.merge(seen.latency)
                asked += seen.requests
                failed += sum(seen.failures.values())
            return Progress(
                window.users if window else 0,
                asked / window.seconds if window else 0.0,
                failed / asked if asked else 0.0,
                latency.quantile(0.99),
                sum(counts.requests for counts in self._endpoints.values()),
                sum(sum(counts.failures.values()) for counts in self._endpoints.values()),
                sum(counts.failed for counts in self._sources.values()),
                window.generator.cpu_ratio if window and window.generator else 0.0,
                failing(window),
                self._rate.said,
            )

    @property
    def began(self) -> bool:
        """True if the load has begun."""
        return self._began is not None

    @property
    def elapsed(self) -> float:
        """Seconds from the beginning of the load to the last record."""
        return 0.0 if self._began is None else max(0.0, self._seconds - self._began)

    def sparkline(self, name: str, labels: Labels, points: int) -> list[float]:
        """Return at most `points` values of one series over the run so far; empty if it is not followed."""
        with self._lock:
            track = self._tracks.get((name, labels))
            return track.thinned(points) if track else []

    def latest(self) -> dict[tuple[str, Labels], float]:
        """Return the last value of every followed series."""
        with self._lock:
            return {key: track.latest for key, track in self._tracks.items()}

    def totals(self) -> Totals:
        """Return all counts so far; the histograms are copies."""
        with self._lock:
            endpoints = {
                name: EndpointCounts(
                    counts.requests,
                    counts.bytes,
                    counts.late,
                    counts.dropped,
                    dict(counts.failures),
                    Histogram(dict(counts.latency.counts)),
                    counts.latency_sum,
                )
                for name, counts in self._endpoints.items()
            }
            sources = {
                name: SourceCounts(counts.scrapes, counts.failed, counts.late)
                for name, counts in self._sources.items()
            }
            window = self._window
            generator = window.generator if window else None
            return Totals(
                self._seconds, window.users if window else 0, endpoints, sources, generator
            )

    def _saw_window(self, window: Window) -> None:
        self._window = window
        self._rate.saw(window)
        if self._began is None:
            self._began = window.time - window.seconds
        for seen in window.endpoints:
            counts = _bounded(self._endpoints, seen.endpoint, MOST_ENDPOINTS, EndpointCounts())
            counts.requests += seen.requests
            counts.bytes += seen.bytes
            counts.late += seen.late
            counts.dropped += seen.dropped
            counts.latency.merge(seen.latency)
            counts.latency_sum += sum(
                count * bucket_seconds(bucket) for bucket, count in seen.latency.counts.items()
            )
            for kind, count in seen.failures.items():
                name = (
                    kind if kind in counts.failures or len(counts.failures) < MOST_KINDS else OTHERS
                )
                counts.failures[name] = counts.failures.get(name, 0) + count

    def _track(self, moment: float, sample: Sample) -> None:
        if (
            sample.name in _LIVE_BY_GOAL
        ):  # half of the goal approximates the live heap well enough for a sparkline
            sample = Sample(_LIVE_BY_GOAL[sample.name], sample.value / 2, sample.labels)
        key = (sample.name, sample.labels)
        track = self._tracks.get(key)
        if track is None:
            role = metric_of(sample.name, sample.labels)
            if (
                role is None
                or not role.judged
                or len(self._tracks) >= MOST_TRACKS
                or not np.isfinite(sample.value)
            ):
                return
            track = self._tracks[key] = Track(role, sample.labels)
        track.add(moment, sample.value)


def _bounded(
    counts: dict[str, EndpointCounts], name: str, most: int, new: EndpointCounts
) -> EndpointCounts:
    """Return the counts of a name, or of `(others)` if there are already `most` names."""
    return counts.setdefault(name if name in counts or len(counts) < most else OTHERS, new)
