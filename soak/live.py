"""What is known of a run while it goes on, in constant memory: the last window, and growth so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.metrics import COLLECTORS, Metric, metric_of, superseded
from soak.catalog.rows import Worse
from soak.latency import Histogram
from soak.model import Event, Finding, Labels, Sample, Scrape, Series, Verdict
from soak.windows import Window

_MOST_POINTS = 512
_LIVE_BY_GOAL = {collector.goal: collector.live for collector in COLLECTORS if collector.goal}
#: Judging may take this share of one core: after a pass, it rests so many times as long as the pass took.
_SHARE = 0.02
_REST_AT_LEAST = 5.0


@dataclass(slots=True)
class Track:
    """One series so far: when full, every second point goes and only every second is taken from then on."""

    role: Metric
    labels: Labels
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, moment: float, value: float) -> None:
        """One more sample."""
        if self.seen % self.stride == 0:
            self.times.append(moment)
            self.values.append(value)
            if len(self.times) >= _MOST_POINTS:
                self.times, self.values = self.times[::2], self.values[::2]
                self.stride *= 2
        self.seen += 1


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run: the last window's rate (per second), error share and p99 (seconds), and the worst series.

    `generator_cpu` is the share of a core that the busiest load process used.
    """

    users: int
    rate: float
    error_ratio: float
    p99: float | None
    requests: int
    failures: int
    worst: Finding | None
    failed_scrapes: int
    generator_cpu: float = 0.0


class Live:
    """Sees every record, from any thread; tells how the run stands."""

    def __init__(self, ramp: float, survive: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ramp, self._survive, self._clock = ramp, survive, clock
        self._lock = threading.Lock()
        self._tracks: dict[tuple[str, Labels], Track] = {}
        self._window: Window | None = None
        self._requests = self._failures = self._failed_scrapes = 0
        self._worst: Finding | None = None
        self._first_window: float | None = None
        self._rest_until = 0.0

    def saw(self, record: Scrape | Window | Event) -> None:
        """One record, as it is made."""
        with self._lock:
            if isinstance(record, Window):
                self._window = record
                if self._first_window is None:
                    self._first_window = record.time - record.seconds
                self._requests += sum(seen.requests for seen in record.endpoints)
                self._failures += sum(sum(seen.failures.values()) for seen in record.endpoints)
            elif isinstance(record, Scrape):
                self._failed_scrapes += record.error is not None
                for sample in record.samples:
                    self._track(record.time, sample)

    def progress(self) -> Progress:
        """How the run stands now; judges anew where that is affordable."""
        if self._clock() >= self._rest_until:
            self._judge()
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
                self._requests,
                self._failures,
                self._worst,
                self._failed_scrapes,
                window.generator.cpu_ratio if window and window.generator else 0.0,
            )

    def _track(self, moment: float, sample: Sample) -> None:
        if sample.name in _LIVE_BY_GOAL:  # half of the goal is the live heap, near enough for the live view
            sample = Sample(_LIVE_BY_GOAL[sample.name], sample.value / 2, sample.labels)
        key = (sample.name, sample.labels)
        track = self._tracks.get(key)
        if track is None:
            role = metric_of(sample.name, sample.labels)
            # What is better high is left to the verdict at the end: the live line tells what grows.
            if (
                role is None
                or not role.judged
                or role.worse is Worse.DOWN
                or len(self._tracks) >= 200
                or not np.isfinite(sample.value)
            ):
                return
            track = self._tracks[key] = Track(role, sample.labels)
        track.add(moment, sample.value)

    def _judge(self) -> None:
        """Growth so far, of every known resource: the worst of it is shown."""
        began = time.process_time()
        with self._lock:
            start = self._first_window
            if start is None:
                return
            known = [Series(name, np.empty(0), np.empty(0), labels) for name, labels in self._tracks]
            subjects = [
                Subject(
                    Series(name, np.array(track.times), np.array(track.values), labels),
                    track.role.noun,
                    track.role.unit,
                    track.role.integer,
                    start + self._ramp,
                )
                for (name, labels), track in self._tracks.items()
                if track.times[-1] > start + self._ramp + 10 and not superseded(track.role, known)
            ]
        findings = [finding for finding in judge_growth(subjects, self._survive) if finding.trend is not None]
        worst = max(findings, key=_badness, default=None)
        with self._lock:
            self._worst = worst
        self._rest_until = self._clock() + max(_REST_AT_LEAST, (time.process_time() - began) / _SHARE)


def _badness(finding: Finding) -> tuple[bool, float]:
    """Failing first, then the fastest growth for its level."""
    trend = finding.trend
    if trend is None or not np.isfinite([trend.slope_low, trend.level]).all():
        return False, -np.inf
    return finding.verdict is Verdict.FAIL, trend.slope_low / max(abs(trend.level), 1e-9)
