"""The frozen data types that every part of soak speaks.

Times are seconds on the run's own monotonic clock, 0 where the recording starts. Values are in Prometheus base units
(bytes, seconds, ratios).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from soak.growing import Flame, PlaceTable
from soak.snapshots import Snapshot
from soak.traces import Trace, TraceReport
from soak.windows import EndpointWindows, GeneratorWindows, WorkerCoverages
from soak.windows import Exemplar as Exemplar  # noqa: PLC0414 - reporters know the model alone

Floats = NDArray[np.float64]
Labels = tuple[tuple[str, str], ...]

#: A scrape's error begins with this when the target's process is not there any more.
GONE = "gone: "


class Verdict(StrEnum):
    """Three-valued; a proven fail outranks inconclusive, and no data is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Kind(StrEnum):
    """A gauge goes up and down; a counter only up, but for restarts."""

    GAUGE = "gauge"
    COUNTER = "counter"


def label_pairs(labels: dict[str, str]) -> Labels:
    """Labels as sorted pairs: hashable, and the same whatever order they were written in."""
    return tuple(sorted(labels.items()))


def series_key(name: str, labels: Labels) -> str:
    """A series as Prometheus writes it: `name{label="value"}`."""
    if not labels:
        return name
    inner = ",".join(f'{key}="{value}"' for key, value in labels)
    return f"{name}{{{inner}}}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric, as a source gives it; the scrape that holds it knows the time."""

    name: str
    value: float
    labels: Labels = ()
    kind: Kind = Kind.GAUGE


@dataclass(frozen=True, slots=True)
class Scrape:
    """One poll of one source. A failed or missed one has an `error` and no samples, and is recorded all the same.

    `time` is when it began, `late` how long after its slot in the schedule, `took` how long it lasted: all in seconds.
    """

    source: str
    time: float
    late: float
    took: float
    samples: tuple[Sample, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once: a kind from a short list, and a sentence."""

    time: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a run: ramp, steady, drain."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One metric with its labels over a run.

    `times` rise; `values` has the same shape, with NaN where a scrape succeeded without this value. Samples that a
    failed scrape lost are simply not there: a gap stays a gap.
    """

    name: str
    times: Floats
    values: Floats
    labels: Labels = ()
    kind: Kind = Kind.GAUGE
    source: str = ""

    @property
    def key(self) -> str:
        """The series as Prometheus writes it."""
        return series_key(self.name, self.labels)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How well one source was polled over a run: scrapes tried, failed, worst lateness (seconds), and the last error."""

    source: str
    scrapes: int
    failed: int
    worst_late: float
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Which run this was. `started` is UTC in ISO 8601; `ended` is completed, aborted, interrupted, crashed or early.

    `facts` says what was run, as (name, text) pairs: target, load, commit, versions, host, command.
    """

    name: str
    started: str = ""
    seconds: float = 0.0
    ended: str = "completed"
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Everything a run (or a CSV file) recorded; the only thing that analysis reads."""

    run: RunInfo
    series: tuple[Series, ...]
    windows: tuple[EndpointWindows, ...] = ()
    users: Series | None = None
    phases: tuple[Phase, ...] = ()
    events: tuple[Event, ...] = ()
    sources: tuple[SourceHealth, ...] = ()
    generator: GeneratorWindows | None = None
    exemplars: tuple[Exemplar, ...] = ()
    coverages: WorkerCoverages | None = None
    snapshots: tuple[Snapshot, ...] = ()
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A straight stretch of a fitted level: value `first` at time `start` to `last` at `end`, within `low`s and `high`s."""

    start: float
    end: float
    first: float
    last: float
    low_last: float
    high_last: float


@dataclass(frozen=True, slots=True)
class Trend:
    """The growth of one series' steady level, in the series' unit per hour, with a 95% interval.

    `resolution_per_hour` is the slowest growth that this recording would have caught. `settled_after_seconds` is when
    warm-up ended, None where it did not. `doubt` says why the recording cannot tell, and what would; None where it can.
    `level` is the fitted level at the end, `lines` the fit to draw, one a segment between restarts. `p_no_growth` is the
    probability that, all explanations weighed, the level does not keep growing. `stepwise` says that the doubt is for
    want of steps: the series moves in too few to tell.
    """

    slope_per_hour: float
    slope_low: float
    slope_high: float
    resolution_per_hour: float
    settled_after_seconds: float | None
    level: float
    doubt: str | None = None
    lines: tuple[Line, ...] = ()
    p_no_growth: float = 1.0
    stepwise: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule applied to one series, with its verdict and a sentence that says why."""

    rule: str
    series: str
    verdict: Verdict
    reason: str
    labels: Labels = ()
    limit: float | None = None
    observed: float | None = None
    unit: str = ""
    trend: Trend | None = None
    exhausts_in_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A likely cause: the class of leak, where in the code, through which endpoint, how much a request."""

    leak_class: str
    confidence: float
    where: str
    endpoint: str
    per_request: float
    low: float
    high: float
    unit: str
    evidence: tuple[str, ...]
    runner_up: str
    remedy: str


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """One endpoint over the judged stretch: counts, requests per second, latencies of successes in seconds (None without).

    `service_p99` runs from when a request was sent and not from when it should have been, None without a schedule;
    `delayed` says that the two differ noticeably.
    """

    name: str
    requests: int
    failures: int
    rate: float
    p50: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None
    failure_kinds: tuple[tuple[str, int], ...] = ()
    service_p99: float | None = None
    delayed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One series thinned for drawing: `low` and `high` are the extremes around each of `times`, `values` the middle."""

    label: str
    times: Floats
    values: Floats
    low: Floats
    high: Floats
    trend: Trend | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves that share a unit, on the run's time axis.

    `verdict` is the worst of their findings, None where not judged; `warm_up` the stretch before the level had settled.
    `group` is the heading that the chart stands under.
    """

    title: str
    unit: str
    curves: tuple[Curve, ...]
    verdict: Verdict | None = None
    limit: float | None = None
    warm_up: Phase | None = None
    group: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A recording judged: all that a reporter needs, and nothing that it would have to compute.

    `broken` says why the run as a whole proves nothing, None where it may; `exemplars` are the slowest requests, slowest
    first, and then failed ones in the order of time; `links` are names and addresses with {trace_id} for theirs.
    """

    run: RunInfo
    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...]
    suspects: tuple[Suspect, ...] = ()
    endpoints: tuple[EndpointSummary, ...] = ()
    warnings: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    phases: tuple[Phase, ...] = ()
    events: tuple[Event, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    broken: str | None = None
    links: tuple[tuple[str, str], ...] = ()
    traces: TraceReport | None = None
    flame: Flame | None = None
    places: PlaceTable | None = None
