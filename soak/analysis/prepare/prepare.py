"""Turn a recording into what is judged: one set of series on one time axis, whatever their sources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from soak.analysis.prepare.absent_counts import with_absent_counts
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.gc_accounting import collections_between, with_live_heap
from soak.analysis.prepare.generator_series import generator_series
from soak.analysis.prepare.merged_requests import merged
from soak.analysis.prepare.process_restarts import process_of, restarts
from soak.analysis.prepare.snapshot_masking import perturbed, without
from soak.catalog.metrics import language_of, metric_of, selected
from soak.model import EventKind, Floats, Kind, Labels, Phase, PhaseName, Recording, Series
from soak.snapshots import SNAPSHOT_SOURCE
from soak.windows import EndpointWindows

ALL: Labels = ()
#: Seconds before the target's death that are not judged: a service that is ending fails requests
#: and scrapes.
DYING = 2.0
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A recording ready to be judged; times in seconds.

    `series` are gauges (counters have become rates per second) over the load, which ran from
    `start` to `end`, without the samples that snapshots disturbed. `drawn` are the same series with
    those samples and with what came after the load, and `snapshots` are the stretches in which
    snapshots were taken. Judging begins at `judged_from`. `restarts` are the moments at which each
    instance's process was first seen replaced; it lacks instances that do not report their
    process's identity. `requests` holds cumulative completed requests, None if unknown.
    `collections` holds each instance's full garbage collections in the judged stretch, if they are
    counted. `driven` is True if soak itself made the traffic, and `asked` is what the profile asked
    of the load. `gaps` are the stretches between a stop of the load and its continuation, in a run
    that was resumed. `masked` are all stretches that are not judged: snapshots, and gaps extended
    by the warm-up after each. `requests_of_all` are the windows of all endpoints merged, over the
    whole run, None if there are none.
    """

    recording: Recording
    series: tuple[Series, ...]
    start: float
    end: float
    judged_from: float
    restarts: Mapping[str, tuple[float, ...]]
    requests: Series | None
    driven: bool
    collections: Mapping[str, float] = field(default_factory=dict)
    drawn: tuple[Series, ...] = ()
    snapshots: tuple[Phase, ...] = ()
    asked: AskedLoad = field(default_factory=AskedLoad)
    gaps: tuple[Phase, ...] = ()
    masked: tuple[Phase, ...] = ()
    requests_of_all: EndpointWindows | None = None

    def windows(self) -> tuple[EndpointWindows, ...]:
        """Return the request windows of the judged stretch."""
        return tuple(
            windows.between(self.judged_from, self.end) for windows in self.recording.windows
        )

    def judged_requests(self) -> EndpointWindows | None:
        """Return the merged windows of all endpoints in the judged stretch; None if there are none."""
        whole = self.requests_of_all
        return None if whole is None else whole.between(self.judged_from, self.end)

    def judged_series(self) -> tuple[Series, ...]:
        """Return all series, limited to the judged stretch."""
        return tuple(_between(series, self.judged_from, self.end) for series in self.series)

    def borders(self, series: Series) -> tuple[float, ...] | None:
        """Return when the process behind a series was replaced; None if unknown.

        If the series names an instance or container, its process is meant.
        """
        return self.restarts.get(process_of(series), self.restarts.get(""))

    def cuts(self, series: Series) -> tuple[float, ...]:
        """Return the times that no fit of a series may cross: replaced processes, and gaps of a resumed run."""
        return tuple(sorted((*(self.borders(series) or ()), *self.gap_ends)))

    @property
    def gap_ends(self) -> tuple[float, ...]:
        """The times at which the load continued after each gap."""
        return tuple(gap.end for gap in self.gaps)

    def load_time(self, moment: float) -> float:
        """Return how many seconds of load were made before a moment, without gaps."""
        return moment - self.start - _overlap(self.gaps, self.start, moment)

    @property
    def loaded_seconds(self) -> float:
        """Seconds of load, without gaps."""
        return max(0.0, self.load_time(self.end))

    @property
    def judged_seconds(self) -> float:
        """Seconds of load that were judged: without the ramp, warm-up and gaps."""
        without_load = [phase for phase in self.masked if phase.name == PhaseName.GAP]
        return self.end - self.judged_from - _overlap(without_load, self.judged_from, self.end)

    def language(self, instance: str) -> str:
        """Return the language of an instance's process by its series' names, else the run's; empty if unknown."""
        own = (series.name for series in self.recording.series if series.instance == instance)
        return language_of(own) or self.recording.run.language

    def named(self, name: str) -> list[Series]:
        """Return all series with this name, or all that this selector matches."""
        return list(selected(name, self.series))

    def beside(self, name: str, labels: Labels) -> Series | None:
        """Return the series with this name or selector and exactly these labels (the same process), or None."""
        return next((series for series in self.named(name) if series.labels == labels), None)


_NOTHING_ASKED = AskedLoad()


def prepare(recording: Recording, warmup: float, asked: AskedLoad = _NOTHING_ASKED) -> Prepared:
    """Prepare a recording to be judged; judging starts after the ramp and after `warmup` seconds of load."""
    phases = {phase.name: phase for phase in recording.phases}
    times = [series.times[[0, -1]] for series in recording.series if len(series.times)]
    first = min((float(pair[0]) for pair in times), default=0.0)
    last = max((float(pair[1]) for pair in times), default=recording.run.seconds)
    steady = phases.get("steady")
    start = phases["ramp"].start if "ramp" in phases else steady.start if steady else first
    end = max(start, min(steady.end if steady else last, died_at(recording) - DYING))
    # A run that broke off during the ramp has no steady phase.
    full = steady.start if steady else start
    own = tuple(with_absent_counts(_without_doubles(recording.series)))
    collections = collections_between(own, max(full, start + warmup), end)
    all_series = (*with_live_heap(own), *generator_series(recording))
    gauges = [_as_gauge(series) for series in all_series]
    requests_of_all = merged(recording.windows) if recording.windows else None
    everything = [*gauges, *request_series(recording, requests_of_all)]
    inside = [_between(series, start, end) for series in everything]
    snapshots = perturbed(recording.snapshots)
    gaps = tuple(phase for phase in recording.phases if phase.name == PhaseName.GAP)
    masked = tuple(
        sorted(
            (*snapshots, *(replace(gap, end=gap.end + warmup) for gap in gaps)),
            key=lambda stretch: stretch.start,
        )
    )
    last_of_all = max((phase.end for phase in recording.phases), default=end)
    return Prepared(
        recording,
        tuple(
            series if series.source == SNAPSHOT_SOURCE else without(series, masked)
            for series in inside
            if len(series.times)
        ),
        start,
        end,
        max(full, start + warmup),
        restarts(recording, own, start, end),
        _cumulative_requests(recording, own, end),
        bool(recording.windows or recording.users is not None or recording.phases),
        collections,
        tuple(_between(series, start, last_of_all) for series in everything if len(series.times)),
        snapshots,
        asked,
        gaps,
        masked,
        requests_of_all,
    )


def died_at(recording: Recording) -> float:
    """Return when the target died, after which nothing is judged; infinity if it did not die."""
    deaths = (event.time for event in recording.events if event.kind is EventKind.TARGET)
    return min(deaths, default=math.inf)


def _overlap(stretches: Sequence[Phase], start: float, end: float) -> float:
    """Return how many seconds of [start, end] lie in any of the stretches, which must not overlap each other."""
    return sum(max(0.0, min(stretch.end, end) - max(stretch.start, start)) for stretch in stretches)


def _without_doubles(all_series: tuple[Series, ...]) -> Iterator[Series]:
    """Yield each series once: of two sources, soak's own view of the process, else the source named first."""
    seen = set()
    for series in sorted(all_series, key=lambda series: not series.source.startswith("process")):
        if (series.name, series.labels) not in seen:
            seen.add((series.name, series.labels))
            yield series


def prepare_until(prepared: Prepared, end: float) -> Prepared:
    """Prepare the same recording as if its load had ended at `end` (seconds); judging begins where it did."""
    known = (phase for phase in prepared.recording.phases if phase.start < end)
    phases = tuple(replace(phase, end=min(phase.end, end)) for phase in known)
    warmup = prepared.judged_from - prepared.start
    return prepare(replace(prepared.recording, phases=phases), warmup, prepared.asked)


def _between(series: Series, start: float, end: float) -> Series:
    """Return the samples between `start` and `end`."""
    first, last = np.searchsorted(series.times, [start - 1e-6, end + 1e-6])
    return Series(
        series.name,
        series.times[first:last],
        series.values[first:last],
        series.labels,
        series.kind,
        series.source,
    )


def _as_gauge(series: Series) -> Series:
    """Return a counter as its rate; a judged resource of the catalog stays as it is, even if its page says counter.

    OpenTelemetry declares the size of .NET's thread pool as a counter, though its threads come and
    go.
    """
    if series.kind is not Kind.COUNTER:
        return series
    metric = metric_of(series.name, series.labels)
    if metric is not None and metric.judged:
        return replace(series, kind=Kind.GAUGE)
    return _rate(series)


def _rate(series: Series) -> Series:
    """Return a counter as a rate per second, at the later of two samples; a fall is a restart from 0, as in Prometheus."""
    known = np.isfinite(series.values)
    times, values = series.times, series.values
    if not known.all():
        times, values = times[known], values[known]
    grown = np.diff(values)
    np.copyto(grown, values[1:], where=grown < 0)
    took = np.diff(times)
    some, times = took > 0, times[1:]
    if not some.all():
        grown, took, times = grown[some], took[some], times[some]
    grown /= took
    return Series(
        series.name,
        # All counters of a page share one array of times, which over days is as large as the
        # values.
        times,
        grown,
        series.labels,
        Kind.GAUGE,
        series.source,
    )


def request_series(
    recording: Recording, everything: EndpointWindows | None = None
) -> Iterator[Series]:
    """Yield rate, error ratio, median and 99th percentile by window, for each endpoint and, unlabelled, for all.

    `everything` holds the merged windows of all endpoints, if the caller already has them.
    """
    if recording.users is not None:
        yield recording.users
    if not recording.windows:
        return
    first = recording.windows[0]
    everything = everything or merged(recording.windows)
    for windows in (everything, *(recording.windows if len(recording.windows) > 1 else ())):
        labels = ALL if windows is everything else (("endpoint", windows.endpoint),)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = windows.failures / np.where(windows.requests > 0, windows.requests, np.nan)
            per_second = windows.requests / windows.seconds
        values: dict[str, Floats] = {
            "http_requests_per_second": per_second,
            "http_request_error_ratio": ratio,
            "http_request_p50_seconds": windows.quantile_by_window(0.50),
            "http_request_p99_seconds": windows.quantile_by_window(0.99),
        }
        for name, column in values.items():
            yield Series(name, first.times, column, labels, source="load")


def _cumulative_requests(
    recording: Recording, own: tuple[Series, ...], end: float
) -> Series | None:
    """Return the requests completed so far, without those after the load.

    They come from the windows, or else from the target's own counter in a file; None if there is
    neither.
    """
    if recording.windows:
        total = np.sum([windows.requests for windows in recording.windows], axis=0)
        after = min(
            (phase.start for phase in recording.phases if phase.start >= end), default=np.inf
        )
        done = Series(
            "http_requests_total",
            recording.windows[0].times,
            np.cumsum(total).astype(np.float64),
            kind=Kind.COUNTER,
        )
        return _between(done, -np.inf, after)
    return next(
        (series for series in own if series.name == "http_requests_total" and not series.labels),
        None,
    )
