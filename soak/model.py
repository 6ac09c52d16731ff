"""The frozen data types shared by all of soak: recorded data (from soak.recorded), and what the analysis finds.

Times are seconds on the run's own monotonic clock, 0 at the start of the recording. Values are in
Prometheus base units (bytes, seconds, ratios).
"""

from __future__ import annotations

from collections.abc import Iterable
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
    instance_of,
    label_pairs,
    series_key,
)
from soak.traces import TraceReport
from soak.windows import Exemplar

#: Other modules import the shared types from here.
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
    "instance_of",
    "label_pairs",
    "longest_advice",
    "series_key",
]


@dataclass(frozen=True, slots=True)
class PlantedLeak:
    """Leaks of `per_hour` (in `unit`) planted into copies of a series of this run: `caught` of `tries` were not called steady.

    `promised_per_hour` is the resolution before the copies were tried. If too few leaks of that size
    are caught, `per_hour` is larger.
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

    `adjustments` are the changes that later steps made, in order. `vouched_seconds` is how long the
    resource would take to grow by as much as matters, at the fastest growth that the recording
    cannot rule out; None if unknown. `planted` is the positive control of the resolution, which one
    finding per run has. `more_seconds` is how much longer the same load probably has to last to
    decide an inconclusive finding; None if it is decided, or this is unknown.
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
    more_seconds: float | None = None

    def adjusted(
        self, by: str, verdict: Verdict, reason: str, more_seconds: float | None = None
    ) -> Finding:
        """Return this finding with another verdict or reason, and a note of who changed it and why."""
        left = self.exhausts_in_hours if verdict is Verdict.FAIL else None
        note = Adjustment(by, self.verdict, verdict, reason)
        adjustments = (*self.adjustments, note)
        return replace(
            self,
            verdict=verdict,
            reason=reason,
            exhausts_in_hours=left,
            adjustments=adjustments,
            more_seconds=more_seconds,
        )


def longest_advice(findings: Iterable[Finding]) -> float | None:
    """Return after how many seconds more all open findings are probably decided; None if none is open, or one does not say."""
    longer = [
        finding.more_seconds for finding in findings if finding.verdict is Verdict.INCONCLUSIVE
    ]
    known = [seconds for seconds in longer if seconds is not None]
    return max(known) if known and len(known) == len(longer) else None


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """One endpoint over the judged time: counts, requests per second, latencies of successes in seconds (None without).

    `service_p99` is measured from when a request was sent instead of when it was due, None without a
    schedule; `delayed` says that the two differ noticeably. `whole_requests` counts the whole run,
    including ramp, warm-up and drain. `drift` is the change of p99 from the first third of the
    judged time to the last, as a share; None with too few requests.
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
    """All requests of a scenario or of a tag together; `kind` says which of the two, `endpoints` are those included."""

    kind: str
    summary: EndpointSummary
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """For how long a pass vouches (seconds), and which series bounds it.

    `unseen` is the growth per hour, in `unit`, that this series may still hide. To vouch for
    `asked_seconds` takes `more_seconds` of the same load, 0 if it is enough already, or `rounds`
    more such runs, None if that would be too many.
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
    """What a verdict rests on: five `steps` that led to it, each a name and a sentence with this run's figures.

    `sources` are what was asked of the target, `seen` what soak found there at the start, and
    `unwatched` what it could not look at, each with how to change that. `attributed` says that the
    mix of traffic was varied on purpose. `opening` is how to make the target available for
    snapshots, empty if some were taken or its runtime is unknown.
    """

    steps: tuple[tuple[str, str], ...]
    sources: tuple[SourceHealth, ...]
    seen: tuple[str, ...]
    unwatched: tuple[str, ...]
    attributed: bool = False
    opening: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A judged recording: everything a reporter needs, so that it has nothing to compute.

    `broken` says why the run as a whole proves nothing, else None. `vouched` is set only for a pass.
    `lead` is the series to show first, None if no judged series is drawn. `exemplars` are the
    slowest requests, slowest first, then failed ones by time. `links` are names and addresses with
    {trace_id} for their traces. `capacity` is the result of a capacity search, None for other runs.
    `basis` is what the verdict rests on, set only for a single run or file. `marks` are what charts
    mark along their time axis, by time within each kind.
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
        """True if the run broke without a proven fail: reports begin with this, and the exit code is 4."""
        return self.broken is not None and self.verdict is not Verdict.FAIL

    @property
    def more_seconds(self) -> float | None:
        """How many seconds more would probably decide all open findings; None if none is open, or one does not say."""
        return longest_advice(self.findings)

    def groups_by_kind(self) -> list[tuple[str, list[EndpointSummary]]]:
        """Return `scenario` and `tag`, as far as the run has them, each with its summaries."""
        kinds = dict.fromkeys(group.kind for group in self.groups)
        return [
            (kind, [group.summary for group in self.groups if group.kind == kind]) for kind in kinds
        ]
