"""The frozen data types that every part of soak speaks: what is recorded (soak.recorded), and what is found in it.

Times are seconds on the run's own monotonic clock, 0 where the recording starts. Values are in
Prometheus base units (bytes, seconds, ratios).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from soak.capacity.steps import Capacity
from soak.charted import (
    INTERVAL_ERRORS,
    Chart,
    Curve,
    HeatMap,
    JudgedClock,
    Lead,
    Line,
    Mark,
    Trend,
)
from soak.enums import Ending, EventKind, Kind, MarkKind, PhaseName, RuleName, ScrapeError, Verdict
from soak.growth_views import Flame, Place, PlaceTable, Suspect
from soak.recorded import (
    Aborted,
    Event,
    Floats,
    Labels,
    Phase,
    Recording,
    RunInfo,
    Sample,
    Scrape,
    Series,
    SourceHealth,
    label_pairs,
    series_key,
)
from soak.traces import TraceReport
from soak.windows import Exemplar

#: Whoever needs a type asks this module for it.
__all__ = [
    "INTERVAL_ERRORS",
    "Aborted",
    "Adjustment",
    "Analysis",
    "Basis",
    "Chart",
    "Curve",
    "Ending",
    "EndpointSummary",
    "Event",
    "EventKind",
    "Exemplar",
    "Finding",
    "Floats",
    "GroupSummary",
    "HeatMap",
    "JudgedClock",
    "Kind",
    "Labels",
    "Lead",
    "Line",
    "Mark",
    "MarkKind",
    "Phase",
    "PhaseName",
    "Place",
    "PlantedLeak",
    "Recording",
    "RuleName",
    "RunInfo",
    "Sample",
    "Scrape",
    "ScrapeError",
    "Series",
    "SourceHealth",
    "Suspect",
    "Trend",
    "Verdict",
    "Vouched",
    "label_pairs",
    "series_key",
]


@dataclass(frozen=True, slots=True)
class PlantedLeak:
    """Leaks of `per_hour` (in `unit`) planted into copies of a series of this run: `caught` of `tries` were not called steady.

    `promised_per_hour` is the resolution before the copies were tried; where too few are caught of
    it, `per_hour` is more.
    """

    series: str
    per_hour: float
    unit: str
    caught: int
    tries: int
    promised_per_hour: float


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A later step's change to a finding: which step, from which verdict to which, and why."""

    by: str
    before: Verdict
    after: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule applied to one series, with its verdict and a sentence that says why.

    `adjustments` are the changes that later steps made, in their order. `vouched_seconds` is how
    long the resource would take, at the fastest growth that the recording cannot rule out, to grow
    by as much as matters; None where not known. `planted` is the positive control of the
    resolution, of one finding a run.
    """

    rule: RuleName
    series: str
    verdict: Verdict
    reason: str
    labels: Labels = ()
    limit: float | None = None
    observed: float | None = None
    unit: str = ""
    trend: Trend | None = None
    exhausts_in_hours: float | None = None
    adjustments: tuple[Adjustment, ...] = ()
    vouched_seconds: float | None = None
    planted: PlantedLeak | None = None

    def adjusted(self, by: str, verdict: Verdict, reason: str) -> Finding:
        """This finding with another verdict or reason, and a note of who changed it and why."""
        left = self.exhausts_in_hours if verdict is Verdict.FAIL else None
        note = Adjustment(by, self.verdict, verdict, reason)
        adjustments = (*self.adjustments, note)
        return replace(
            self, verdict=verdict, reason=reason, exhausts_in_hours=left, adjustments=adjustments
        )


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """One endpoint over the judged stretch: counts, requests per second, latencies of successes in seconds (None without).

    `service_p99` runs from when a request was sent and not from when it should have been, None
    without a schedule; `delayed` says that the two differ noticeably. `whole_requests` counts the
    whole run, ramp, warm-up and drain included. `drift` is the change of p99 from the first third
    of the judged stretch to the last, as a share; None with too few requests.
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
    p90: float | None = None
    whole_requests: int | None = None
    drift: float | None = None


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """All requests of a scenario or of a tag together: `kind` says which of the two, `endpoints` whose they are."""

    kind: str
    summary: EndpointSummary
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """For how long a pass vouches (seconds), and by which series it is bounded.

    `unseen` is the growth an hour, in `unit`, that this series may still hide. `more_seconds` of
    the same load would vouch for `asked_seconds`, 0 where it does already, and so would `rounds`
    more such runs, None where those were too many.
    """

    seconds: float
    by: str
    unseen: float
    unit: str
    asked_seconds: float
    more_seconds: float
    rounds: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What a verdict rests on: how it came about in five `steps`, each a name and a sentence with this run's figures.

    `sources` are what was asked of the target, `seen` what soak found there at the start, and
    `unwatched` what it could not look at, each with how to change that. `attributed` says that the
    mix of traffic was varied on purpose, `opening` how the target is opened for snapshots, empty
    where some were taken or its runtime is not known.
    """

    steps: tuple[tuple[str, str], ...]
    sources: tuple[SourceHealth, ...]
    seen: tuple[str, ...]
    unwatched: tuple[str, ...]
    attributed: bool = False
    opening: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A recording judged: all that a reporter needs, and nothing that it would have to compute.

    `broken` says why the run as a whole proves nothing, None where it may; `vouched` is None but
    for a pass; `lead` is the series to show first, None where no judged series is drawn.
    `exemplars` are the slowest requests, slowest first, and then failed ones in the order of time;
    `links` are names and addresses with {trace_id} for theirs. `capacity` is what a capacity search
    found, None but for one; `basis` is what the verdict rests on, None but for a single run or file. `marks` are
    what charts mark along their time axis, in the order of time within each kind.
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
    vouched: Vouched | None = None
    links: tuple[tuple[str, str], ...] = ()
    traces: TraceReport | None = None
    flame: Flame | None = None
    places: PlaceTable | None = None
    capacity: Capacity | None = None
    groups: tuple[GroupSummary, ...] = ()
    lead: Lead | None = None
    basis: Basis | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def broke(self) -> bool:
        """Whether the run broke and is no proven fail: what reports begin with, and exit code 4."""
        return self.broken is not None and self.verdict is not Verdict.FAIL

    def groups_by_kind(self) -> list[tuple[str, list[EndpointSummary]]]:
        """The scenarios, if any, and the tags, if any: `scenario` or `tag`, with a summary each."""
        kinds = dict.fromkeys(group.kind for group in self.groups)
        return [
            (kind, [group.summary for group in self.groups if group.kind == kind]) for kind in kinds
        ]
