"""What a run records, as frozen data: samples, scrapes, events, phases, series, and all of them together.

Times are seconds on the run's own monotonic clock, 0 where the recording starts. Values are in
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

    `time` is when it began, `late` how long after its slot in the schedule, `took` how long it
    lasted: all in seconds. `error_kind` says what kind of error it was, None without one.
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
    """A stretch of a run: ramp, steady, drain."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One metric with its labels over a run.

    `times` rise; `values` has the same shape, with NaN where a scrape succeeded without this value.
    Samples that a
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


@dataclass(frozen=True, slots=True, eq=False)
class SourceHealth:
    """How well one source was polled over a run: scrapes tried, failed, worst lateness (seconds), and the last error.

    `times` are those of all scrapes, in seconds, shape (scrapes,), and `answered` whether each of
    them succeeded; both are empty where they are not known. `gone` says that at its last scrape the
    process was not there any more.
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
    """Which abort rule ended a run, and what it saw: the rule's text, the series, its last value and the limit.

    `of_target` says that the rule is a limit of the target, so that the run has failed; `text` says
    it all in a sentence.
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
    """Which run this was. `started` is UTC in ISO 8601; `failure` is why it broke, None where it did not; `aborted`
    which abort rule ended it. `language` is what the target's process is written in, where it is known.

    `facts` says what was run, as (name, text) pairs: target, load, commit, versions, host, command.
    `known_growth` is what the baseline that it ran against says of each series' fastest growth an
    hour, which bounds what is accepted. `profile` is the profile as the run directory keeps it, with no
    secret in it.
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
        """When it started; None where it does not say."""
        try:
            moment = datetime.fromisoformat(self.started)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Everything a run (or a CSV file) recorded; the only thing that analysis reads.

    `shown_only` are the keys of a file's series that no leak uses up, such as a price: drawn, and
    judged by limits alone. `steps` are those of a capacity search.
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
        """Whether the mix of traffic was varied on purpose, to tell endpoints apart."""
        return any(event.kind is EventKind.MIX for event in self.events)
