"""Accounting for garbage-collected memory: the live heap from the next goal, and growth that is only garbage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from soak.analysis.prepare.stretches import grown, known_between
from soak.analysis.thresholds import (
    BY_HEAP,
    FEW_COLLECTIONS,
    FEWEST_COLLECTIONS,
    HEAP_RISES,
    WARMUP_SECONDS,
)
from soak.catalog.metrics import COLLECTORS, metric_of, selected, selector, selects_any
from soak.model import Finding, Kind, Labels, Series, Verdict, instance_of
from soak.units import capitalized, show_duration

#: Live-heap series that only a collection of the old generation updates.
AFTER_FULL = tuple(collector.live for collector in COLLECTORS if collector.live_after_full)
#: Live-heap series: they stay constant between collections, because only a collection measures
#: them.
SET_BY_COLLECTIONS = tuple(collector.live for collector in COLLECTORS if collector.live)
#: Counters of collections, the best first; then the counters of young-generation collections, and
#: of minor collections, which run too often to count as work.
COLLECTIONS = tuple(name for collector in COLLECTORS for name in collector.collections)
YOUNG = tuple(name for collector in COLLECTORS for name in collector.young)
MINOR = tuple(name for collector in COLLECTORS for name in collector.minor)


def with_live_heap(recorded: Iterable[Series]) -> Iterator[Series]:
    """Yield all series, and Go's live heap after each collection if it was not recorded.

    Go sets the next goal to live heap times 1 + GOGC/100, but never below 4 MiB times GOGC/100, nor
    above what GOMEMLIMIT leaves (https://go.dev/doc/gc-guide). So the live heap is the goal divided
    by that factor. This is exact except for stacks and globals. While the heap is tiny it is a
    constant upper bound. Near the memory limit the live heap is unknown, and its values are NaN.
    """
    series = list(recorded)
    yield from series
    for collector in COLLECTORS:
        known = {live.labels for live in selected(collector.live, series)}
        for goal in selected(collector.goal, series):
            if goal.labels in known:
                continue
            percent, limit = (
                _beside(series, collector.percent, goal),
                _beside(series, collector.limit, goal),
            )
            if percent is None or not 0 < percent < 1e6:
                percent = 100.0
            factor = 1 + percent / 100
            values = goal.values / factor
            if limit and limit < 2**60:
                values = np.where(goal.values > 0.9 * limit, np.nan, values)
            yield replace(goal, name=collector.live, values=values)


def _beside(series: list[Series], name: str, goal: Series) -> float | None:
    """Return the last value of the series `name` of the same process; None if there is none."""
    beside = next(
        (
            candidate
            for candidate in selected(name, series)
            if candidate.labels == goal.labels and len(candidate.values)
        ),
        None,
    )
    return None if beside is None else float(beside.values[-1])


def collections_between(recorded: Iterable[Series], start: float, end: float) -> dict[str, float]:
    """Count the collections of the whole heap between `start` and `end`, for each instance whose collector is counted.

    A young-generation collection does not count, because it leaves old objects in place, garbage or
    not. Collectors that clean the old generation incrementally (G1) count no full collection; for
    these, each change of Micrometer's live data size counts as one.
    """
    series = list(recorded)
    ran: dict[str, float] = {}
    for counter in series:
        if selects_any(COLLECTIONS, counter) and counter.kind is Kind.COUNTER:
            own = counter.instance
            full = (
                0.0
                if selects_any(YOUNG, counter)
                else grown(counter, start, end) + _appeared(counter, series, start)
            )
            # Go has two counters of the same collections, so take the larger one.
            ran[own] = max(ran.get(own, 0.0), full)
    for live in series:
        if selects_any(AFTER_FULL, live):
            own = live.instance
            ran[own] = max(
                ran.get(own, 0.0),
                float(np.count_nonzero(np.diff(known_between(live, start, end)[1]))),
            )
    return ran


def collections_of(recorded: Iterable[Series], live: Series, start: float, end: float) -> float:
    """Count the collections that updated a live heap between `start` and `end`; infinity if they are not counted.

    Young-generation collections count too if they update this live heap.
    """
    own = [series for series in recorded if series.instance == live.instance]
    if selects_any(AFTER_FULL, live):
        return _ran(collections_between(own, start, end), live.labels)
    counted = [
        grown(counter, start, end) + _appeared(counter, own, start)
        for counter in own
        if selects_any(COLLECTIONS, counter) and counter.kind is Kind.COUNTER
    ]
    return max(counted, default=math.inf)


def _appeared(counter: Series, series: list[Series], start: float) -> float:
    """Return the first value of a counter that appeared during the recording, else 0.

    Counters of prom-client first appear at their first collection.
    """
    known = np.flatnonzero(np.isfinite(counter.values))
    first = min(
        float(recorded.times[0])
        for recorded in series
        if recorded.source == counter.source and len(recorded.times)
    )
    late = len(known) > 0 and counter.times[known[0]] > max(first, start)
    return float(counter.values[known[0]]) if late else 0.0


def uncollected(collections: Mapping[str, float], labels: Labels) -> bool:
    """Return True if too few full collections ran for a series' heap to be judged; False if they are not counted."""
    return _ran(collections, labels) < FEWEST_COLLECTIONS


def are_counted(collections: Mapping[str, float], labels: Labels) -> bool:
    """Return True if full collections of a series' process are counted."""
    return math.isfinite(_ran(collections, labels))


def _ran(collections: Mapping[str, float], labels: Labels) -> float:
    """Return the number of full collections of the process behind a series; infinity if they are not counted."""
    return collections.get(instance_of(labels), collections.get("", math.inf))


def with_few_collections(
    finding: Finding,
    noun: str,
    series: Sequence[Series],
    collections: Mapping[str, float],
    seconds: float,
) -> Finding:
    """Make a memory finding inconclusive after too few collections: no fail below 2, no pass of a rise below 5.

    `series` holds the judged stretch of `seconds`. Its heaps show whether resident memory grew with
    them or on its own.
    """
    ran = _ran(collections, finding.labels)
    trend = finding.trend
    managed = finding.unit.startswith("bytes") or finding.series.endswith("_objects")
    if trend is None or not managed or ran >= FEW_COLLECTIONS:
        return finding
    metric = metric_of(finding.series, finding.labels)
    whole = metric is not None and metric.whole
    if is_collected(finding):
        return finding
    if whole and not _by_heap(finding, series) and seconds >= WARMUP_SECONDS:
        return finding
    if finding.verdict is Verdict.PASS:
        own = next(
            (
                candidate
                for candidate in series
                if candidate.name == finding.series and candidate.labels == finding.labels
            ),
            None,
        )
        if (
            own is None
            or not (whole or own in _heaps(series))
            or _rise(own) <= HEAP_RISES * abs(trend.level)
        ):
            return finding
    elif not trend.slope_low > 0 or ran >= FEWEST_COLLECTIONS:
        return finding
    times = (
        "did not run in full"
        if not ran
        else f"ran in full only {'once' if ran == 1 else f'{ran:.0f} times'}"
    )
    sooner = sooner_by({candidate.name for candidate in series})
    more, longer = more_collections(ran, seconds)
    reason = (
        f"{capitalized(noun)} grew, but the garbage collector {times} meanwhile, so this may be garbage and no leak: "
        f"{more} would tell{f'; {sooner}' if sooner else ''}."
    )
    return finding.adjusted("garbage collections", Verdict.INCONCLUSIVE, reason, longer)


def is_collected(finding: Finding) -> bool:
    """Return True for a heap that is measured just after a collection, which a snapshot forces."""
    return any(
        collector.collected
        and selector(collector.collected).matches(finding.series, dict(finding.labels))
        for collector in COLLECTORS
    )


def sooner_by(names: set[str]) -> str:
    """Return advice on how to make the collector run sooner, by the names of a recording's series; empty if unknown."""
    return next(
        (
            collector.sooner
            for collector in COLLECTORS
            if collector.sooner and names & set(collector.collections)
        ),
        "",
    )


def more_collections(ran: float, seconds: float) -> tuple[str, float]:
    """Say how much more time, or how many times as many collections in the same time, a verdict needs; and the seconds."""
    factor = (FEW_COLLECTIONS + 1) / max(ran, 1.0)
    longer = seconds * (factor - 1)
    return (
        f"{show_duration(longer)} more, or {factor:.2g} times as many collections in that time,",
        longer,
    )


def _by_heap(finding: Finding, series: Sequence[Series]) -> bool:
    """Return True if the heap makes up at least `BY_HEAP` of the growth of the whole process, or if this is unknown."""
    own = next(
        (
            candidate
            for candidate in series
            if candidate.name == finding.series and candidate.labels == finding.labels
        ),
        None,
    )
    heaps = [heap for heap in _heaps(series) if heap.instance == instance_of(finding.labels)]
    return own is None or not heaps or sum(_rise(heap) for heap in heaps) >= BY_HEAP * _rise(own)


def _heaps(series: Sequence[Series]) -> list[Series]:
    """Return the series of heaps in use, garbage included."""
    return [heap for collector in COLLECTORS for heap in selected(collector.heap, series)]


def _rise(series: Series) -> float:
    """Return the median of the last quarter of the values minus the median of the first quarter."""
    known = series.known
    quarter = max(len(known) // 4, 1)
    return float(np.median(known[-quarter:]) - np.median(known[:quarter])) if len(known) else 0.0
