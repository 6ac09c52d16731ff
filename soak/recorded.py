"""The frozen data types of what a run records: samples, scrapes, events, phases, series, and the whole recording.

Times are seconds on the run's own monotonic clock, 0 at the start of the recording. Values are in
Prometheus base units (bytes, seconds, ratios).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from soak.capacity.steps import DrivenStep
from soak.enums import Ending, EventKind, Kind, ScrapeError
from soak.snapshots import Snapshot
from soak.traces import Trace
from soak.windows import EndpointWindows, Exemplar, GeneratorWindows, WorkerCoverages

Floats = NDArray[np.float64]
Labels = tuple[tuple[str, str], ...]


def label_pairs(labels: dict[str, str]) -> Labels:
    """Return labels as sorted pairs: hashable, and independent of the order in which they were written."""
    return tuple(sorted(labels.items()))


def series_key(name: str, labels: Labels) -> str:
    """Format a series in Prometheus notation: `name{label="value"}`."""
    if not labels:
        return name
    inner = ",".join(f'{key}="{value}"' for key, value in labels)
    return f"{name}{{{inner}}}"


def instance_of(labels: Labels) -> str:
    """Return the instance whose process a series describes, by its label; empty if there is only one."""
    return dict(labels).get("instance", "")


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric from a source; the time is in the scrape that holds it."""

    name: str
    value: float
    labels: Labels = ()
    kind: Kind = Kind.GAUGE


@dataclass(frozen=True, slots=True)
class Scrape:
    """One poll of one source. A failed or missed scrape is recorded too, with an `error` and no samples.

    `time` is when it began, `late` its delay against the schedule, `took` its duration: all in
    seconds. `error_kind` is the kind of error, None if it succeeded.
    """

    source: str
    time: float
    late: float
    took: float
    samples: tuple[Sample, ...] = ()
    error: str | None = None
    error_kind: ScrapeError | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once: its kind, and a sentence."""

    time: float
    kind: EventKind
    text: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a run, such as ramp, steady or drain."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One metric with its labels over a run.

    `times` rise; `values` has the same shape, with NaN where a scrape succeeded without this value.
    A failed scrape leaves no entry: a gap stays a gap.
    """

    name: str
    times: Floats
    values: Floats
    labels: Labels = ()
    kind: Kind = Kind.GAUGE
    source: str = ""

    @property
    def key(self) -> str:
        """The series in Prometheus notation."""
        return series_key(self.name, self.labels)

    @property
    def instance(self) -> str:
        """The instance whose process this describes; empty if there is only one."""
        return instance_of(self.labels)

    @property
    def known(self) -> Floats:
        """The values without NaN."""
        return self.values[np.isfinite(self.values)]

    @property
    def last(self) -> float | None:
        """The last value that is not NaN; None if there is none."""
        known = self.known
        return float(known[-1]) if len(known) else None


@dataclass(frozen=True, slots=True, eq=False)
class SourceHealth:
    """How well one source was polled over a run: scrapes tried, failed, worst lateness (seconds), and the last error.

    `times` are those of all scrapes, in seconds, shape (scrapes,), and `answered` says whether each
    succeeded; both are empty if unknown. `gone` says that at its last scrape the process no longer
    existed.
    """

    source: str
    scrapes: int
    failed: int
    worst_late: float
    last_error: str | None = None
    gone: bool = False
    times: Floats = field(default_factory=lambda: np.empty(0))
    answered: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))


@dataclass(frozen=True, slots=True)
class Aborted:
    """The abort rule that ended a run, and what it saw: the rule's text, the series, its last value and the limit.

    `of_target` says that the rule is a limit of the target, so that the run has failed. `text` says
    all this in a sentence.
    """

    time: float
    rule: str
    series: str
    labels: Labels
    observed: float
    limit: float
    unit: str
    of_target: bool
    text: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The description of a run. `started` is UTC in ISO 8601, `failure` is why it broke, None if it did not.

    `aborted` is the abort rule that ended it. `language` is what the target's process is written in,
    if known.

    `facts` says what was run, as (name, text) pairs: target, load, commit, versions, host, command.
    `known_growth` is the fastest growth per hour of each series in the baseline that the run was made
    against, which bounds what is accepted. `profile` is the profile as stored in the run directory,
    without secrets.
    """

    name: str
    started: str = ""
    seconds: float = 0.0
    ended: Ending = Ending.COMPLETED
    facts: tuple[tuple[str, str], ...] = ()
    failure: str | None = None
    aborted: Aborted | None = None
    known_growth: Mapping[str, float] = field(default_factory=dict)
    language: str = ""
    profile: str = ""

    @property
    def started_at(self) -> datetime | None:
        """When the run started; None if unknown."""
        try:
            moment = datetime.fromisoformat(self.started)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Everything a run (or a CSV file) recorded; the only input of the analysis.

    `shown_only` are the keys of a file's series that no leak can use up, such as a price: they are
    drawn, and judged by limits only. `steps` are the steps of a capacity search.
    """

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
    shown_only: frozenset[str] = frozenset()
    steps: tuple[DrivenStep, ...] = ()

    @property
    def mix_varied(self) -> bool:
        """True if the mix of traffic was varied on purpose, to tell endpoints apart."""
        return any(event.kind is EventKind.MIX for event in self.events)
