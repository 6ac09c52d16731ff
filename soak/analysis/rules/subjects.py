"""What the growth rule judges in a recording: which series are resources, and what is known about each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from soak.analysis.prepare.bounds import bound_of
from soak.analysis.prepare.gc_accounting import AFTER_FULL, uncollected
from soak.analysis.prepare.load_connections import at_usual_load, load_connections
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.prepare.stretches import known_between
from soak.analysis.rules.limits import matching
from soak.analysis.rules.rule import RuleInput
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import FEWEST_SAMPLES
from soak.catalog.metrics import (
    COLLECTORS,
    NEVER_DROPPED,
    NO_RESOURCES,
    Metric,
    encloses,
    is_exporters_own,
    metric_of,
    selected,
    selects,
    selects_any,
    unknown_metric,
)
from soak.catalog.process import RESIDENT
from soak.catalog.row_types import Worse
from soak.model import Series
from soak.snapshots import SNAPSHOT_SOURCE


def judged_subjects(asked: RuleInput) -> dict[str, Subject]:
    """Return what the growth rule judges, by series key: every resource, and all that `growth` names.

    With `judge_unknown` the series of a file that the catalog does not know are added, or if
    nothing else is judged, the known ones that are otherwise only shown.
    """
    prepared, limits = asked.prepared, asked.limits
    subjects: dict[str, Subject] = {}
    pages = _pages(prepared)
    for series in prepared.series:
        metric = metric_of(series.name, series.labels)
        if (
            metric is not None
            and metric.judged
            and not _said_better(prepared, metric, series)
            and not encloses(metric, series, prepared.series)
            and not _too_few(series)
            and not is_exporters_own(series.name, pages.get(series.source, ()))
        ):
            subjects[series.key] = _subject(prepared, series, metric, None)
    for name, limit in limits.growth.items():
        for series in matching(prepared, name):
            subjects[series.key] = _subject(
                prepared,
                series,
                metric_of(series.name, series.labels) or unknown_metric(series.name),
                limit,
            )
    if asked.judge_unknown:
        shown_only = prepared.recording.shown_only
        handed = [
            series
            for series in prepared.series
            if series.key not in shown_only and not _is_aside(prepared, series)
        ]
        unknown = [series for series in handed if metric_of(series.name, series.labels) is None]
        # Series that are known but only shown elsewhere count if a file holds nothing better.
        for series in unknown or ([] if subjects else handed):
            if series.key not in subjects:
                metric = metric_of(series.name, series.labels) or unknown_metric(series.name)
                subjects[series.key] = _subject(prepared, series, metric, None)
    return {
        key: subject
        for key, subject in subjects.items()
        if subject.limit is not None or not _said_by_snapshots(subject, subjects.values())
    }


def never_dropped(prepared: Prepared) -> list[Subject]:
    """Return counts of what is never removed, such as entries of an unbounded cache; they are not judged themselves."""
    return [
        _subject(prepared, series, metric, None)
        for wanted in NEVER_DROPPED
        for series in selected(wanted, prepared.series)
        if (metric := metric_of(series.name, series.labels)) is not None
    ]


def _pages(prepared: Prepared) -> dict[str, set[str]]:
    """Return the names of the series of each source."""
    pages: dict[str, set[str]] = {}
    for series in prepared.recording.series:
        pages.setdefault(series.source, set()).add(series.name)
    return pages


def _said_better(prepared: Prepared, metric: Metric, series: Series) -> bool:
    """Return True if a series that measures the same better is present for this process, and had a value above 0 late.

    Tracing, for example, may stop soon after it began. A series that only full collections update is
    not better, and is left out itself, if none ran.
    """
    stale = uncollected(prepared.collections, series.labels)
    if stale and selects_any(AFTER_FULL, series):
        return True
    instance = series.instance
    better = [
        other
        for selector in metric.unless
        if not (stale and selector in AFTER_FULL)
        for other in prepared.named(selector)
        if other.instance == instance
    ]
    if not len(series.times):
        return bool(better)
    half = 0.5 * float(series.times[0] + series.times[-1])
    return any(bool((other.values[other.times >= half] > 0).any()) for other in better)


def _said_by_snapshots(subject: Subject, subjects: Iterable[Subject]) -> bool:
    """Return True for a live heap that is mostly at its lowest, if snapshots also measured it: a minimal goal hides how it moves.

    Go's goal is 4 MiB at least, however small the heap.
    """
    series = subject.series
    _, known = known_between(series, subject.judged_from)
    if not len(known) or float(np.mean(known <= known.min())) <= 0.5:
        return False
    exact = {
        collector.collected
        for collector in COLLECTORS
        if collector.collected and selects(collector.live, series)
    }
    return any(
        other.series.name in exact and other.series.instance == series.instance
        for other in subjects
    )


def _too_few(series: Series) -> bool:
    """Return True if snapshots gave too few levels to judge: they were not taken for that, and leave nothing open."""
    return (
        series.source == SNAPSHOT_SOURCE and int(np.isfinite(series.values).sum()) < FEWEST_SAMPLES
    )


def _is_aside(prepared: Prepared, series: Series) -> bool:
    """Return True if a series of a file is load, time, a counter's rate or a capacity, and so not a resource."""
    was_counter = any(
        recorded.key == series.key and recorded.kind.value == "counter"
        for recorded in prepared.recording.series
    )
    name = series.name
    load = name.startswith(NO_RESOURCES)
    return (
        was_counter
        or load
        or name.endswith(
            ("_max", "_limit", "_max_bytes", "_max_fds", "_limit_bytes", "_max_connections")
        )
    )


def _subject(prepared: Prepared, series: Series, metric: Metric, limit: float | None) -> Subject:
    capacities = [
        capacity
        for name in metric.capacities
        if (capacity := bound_of(prepared, name, series)) is not None
    ]
    floor = next(
        (
            lowest
            for name in metric.floors
            for lowest in prepared.named(name)
            if lowest.labels == series.labels
        ),
        None,
    )
    instance = series.instance
    own = at_usual_load(prepared, series, metric)
    falls = metric.worse is Worse.DOWN
    return Subject(
        replace(own, values=-own.values) if falls else own,
        f"{metric.noun} of {instance}" if instance else metric.noun,
        metric.unit,
        metric.integer,
        prepared.judged_from,
        prepared.borders(series),
        prepared.requests,
        floor,
        limit,
        0.0 if falls else min(capacities, default=None),
        "memory" if metric.unit == "bytes" else metric.unit,
        connections=load_connections(prepared),
        process_memory=_process_memory(prepared, instance),
        gaps=prepared.gap_ends,
        falls=falls,
    )


def _process_memory(prepared: Prepared, instance: str) -> float:
    """Return the last resident memory of the process (bytes); 0 if unknown."""
    for resident in prepared.named(RESIDENT):
        if resident.instance == instance and (last := resident.last) is not None:
            return last
    return 0.0
