"""Signals: everything that surely grows, be it a series, a place on the heap or a group of goroutines, by endpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import COLLECTORS, ResourceKind, metric_of
from soak.catalog.process import OPEN_DESCRIPTORS
from soak.catalog.row_types import Unit
from soak.diagnosis.attribution.allocation_sites import AllocationSite, only_gaining, where
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.attribution.class_levels import levels_at_collections
from soak.diagnosis.attribution.following_places import (
    endpoint_of_entries,
    exact_endpoints,
    following,
)
from soak.diagnosis.attribution.growing_classes import GrowingClasses, gains_late, places_of
from soak.diagnosis.attribution.levels import (
    Levels,
    attribute_by_endpoint,
    contributors,
    levels_of_finding,
    requests_at,
)
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.thresholds import (
    BEYOND_ONE_PLACE,
    LEAST_GROUP_RISE,
    LEAST_HEAP_SHARE,
    LEAST_PLACE_SHARE,
    MOST_PLACES,
)
from soak.growth_views import NO_RATE, HourlyRate
from soak.model import Finding, RuleName, Verdict
from soak.units import show_amount


@dataclass(frozen=True, eq=False)
class Signal:
    """Something that grows: `each` is its growth in `unit` per request to any endpoint, with a 95% interval.

    `contributors` are the endpoints that surely add to it, empty if they cannot be determined.
    `what` is its resource kind, or PLACE or GROUP for what snapshots hold. `words` describes it as
    evidence. `points` is the number of levels from which the endpoints were separated.
    """

    what: ResourceKind | str
    name: str
    unit: str
    each: Amount
    contributors: tuple[Amount, ...]
    words: str
    finding: Finding | None = None
    site: AllocationSite | None = None
    group: BlockedGroup | None = None
    refused: str | None = None
    doubt: str | None = None
    per_hour: HourlyRate = NO_RATE
    points: int = 0

    @property
    def counted(self) -> bool:
        """True if it counts whole things that a process holds, other than objects on its heap."""
        return self.unit != "bytes" and self.what not in (*_BYTES, *_ON_HEAP)

    @property
    def resident(self) -> bool:
        """True if it is all memory of a process, which moves in arenas, not a part that the runtime counts exactly."""
        metric = (
            metric_of(self.finding.series, self.finding.labels)
            if self.finding is not None
            else None
        )
        return self.what == ResourceKind.MEMORY and (metric is None or metric.whole)


PLACE, GROUP = "place", "group"
_COUNTED = (ResourceKind.DESCRIPTORS, ResourceKind.THREADS, ResourceKind.POOL)
_BYTES = (ResourceKind.MEMORY, ResourceKind.HEAP)
_ON_HEAP = (ResourceKind.METRICS, ResourceKind.TIMERS, ResourceKind.REQUESTS)
#: If descriptors are steady, growing handles and resources of Node are timers and the like, so they
#: are not signals.
_HANDLES, _OPEN = (Unit.HANDLES, Unit.RESOURCES), OPEN_DESCRIPTORS


def signals(
    prepared: Prepared,
    findings: Sequence[Finding],
    places: Sequence[AllocationSite],
    groups: Sequence[BlockedGroup],
    classes: GrowingClasses | None = None,
) -> list[Signal]:
    """Return every signal: failing series, then places on the heap, then groups of goroutines; none if no growth failed.

    `classes` are those of which requests surely leave objects, if any.
    """
    failing = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    if not any(finding.rule is RuleName.GROWTH for finding in failing):
        return []
    exact = exact_endpoints(findings)
    growing_signals = [_through_exact(each, exact) for each in _series_signals(prepared, findings)]
    if _matters(places, growing_signals):
        placed, endpoint = growing(places), endpoint_of_entries(findings)
        if endpoint:
            placed = following(prepared, places, endpoint)[:MOST_PLACES]
        elif classes is not None:
            kept = places_of(placed, classes)
            known = bool(kept or classes.own)
            placed = kept if known else [site for site in placed if gains_late(site)]
            endpoint = classes.endpoint if known else ""
        growing_signals += [_place_signal(prepared, site, endpoint) for site in placed]
        if (
            classes is None
            and not any(site.place.own for site in placed)
            and (site := only_gaining(places)) is not None
        ):
            growing_signals.append(replace(_place_signal(prepared, site), contributors=()))
        growing_signals += _total_signal(prepared, places, growing_signals)
    if _may_grow(findings) and not _threads_stay(classes, growing_signals):
        if _tasks_are_steady(findings):  # a server's own come and go with its connections
            groups = [group for group in groups if group.noun != Unit.TASKS]
        growing_signals += [_group_signal(prepared, group) for group in _growing_groups(groups)]
    return growing_signals


def _through_exact(signal: Signal, exact: set[str]) -> Signal:
    """Return a signal of memory as going through endpoints that surely leave something: others fill caches first."""
    own = tuple(amount for amount in signal.contributors if amount.endpoint in exact)
    return replace(signal, contributors=own) if exact and signal.what in _BYTES else signal


def growing(places: Sequence[AllocationSite]) -> list[AllocationSite]:
    """Return the places that surely grow and have at least `LEAST_PLACE_SHARE` of all growth, fastest first."""
    whole = sum(max(site.slope[0], 0.0) for site in places)
    return [site for site in places if site.sure and site.slope[0] >= LEAST_PLACE_SHARE * whole][
        :MOST_PLACES
    ]


def _matters(places: Sequence[AllocationSite], failing: Sequence[Signal]) -> bool:
    """Return True if a heap fails, no memory does, or places explain a fair share of its growth: some always fluctuate.

    A heap that is counted in blocks surely grows, but does not tell whether it is at these places.
    """
    memory = [signal.each.per_request for signal in failing if signal.what is ResourceKind.MEMORY]
    heaps = {signal.unit for signal in failing if signal.what is ResourceKind.HEAP}
    least = LEAST_PLACE_SHARE if heaps else LEAST_HEAP_SHARE
    return (
        "bytes" in heaps
        or not memory
        or sum(site.slope[0] for site in places) >= least * min(memory)
    )


def _may_grow(findings: Sequence[Finding]) -> bool:
    """Return True if the total count of goroutines or threads may grow or is unknown: some of many groups always fluctuate."""
    counted = [
        finding
        for finding in findings
        if finding.rule is RuleName.GROWTH and _lists_stacks(finding)
    ]
    return not counted or any(finding.verdict is not Verdict.PASS for finding in counted)


def _threads_stay(classes: GrowingClasses | None, failing: Sequence[Signal]) -> bool:
    """Return True if objects that requests surely leave are no threads, and no count of threads fails.

    Then some of a server's own threads came, as they do when it is young.
    """
    return (
        classes is not None
        and not any(name.endswith("Thread") for name in classes.each)
        and not any(signal.what is ResourceKind.THREADS for signal in failing)
    )


def _tasks_are_steady(findings: Sequence[Finding]) -> bool:
    """Return True if the number of asyncio tasks is counted, and steady."""
    counted = [
        finding.verdict
        for finding in findings
        if finding.rule is RuleName.GROWTH
        and (metric := metric_of(finding.series, finding.labels)) is not None
        and metric.unit is Unit.TASKS
    ]
    return bool(counted) and all(verdict is Verdict.PASS for verdict in counted)


def _lists_stacks(finding: Finding) -> bool:
    """Return True if a finding's series counts the threads or goroutines that stack snapshots list."""
    metric = metric_of(finding.series, finding.labels)
    return metric is not None and any(
        collector.threads == metric.selector for collector in COLLECTORS
    )


def _growing_groups(groups: Sequence[BlockedGroup]) -> list[BlockedGroup]:
    whole = sum(max(group.site.slope[0], 0.0) for group in groups)
    sure = [
        group
        for group in groups
        if group.site.sure and group.site.slope[0] >= LEAST_PLACE_SHARE * whole
    ]
    return [
        group for group in sure if group.site.levels[-1] - group.site.levels[0] >= LEAST_GROUP_RISE
    ][:MOST_PLACES]


def _series_signals(prepared: Prepared, findings: Sequence[Finding]) -> Iterator[Signal]:
    descriptors_steady = any(
        finding.series == _OPEN and finding.verdict is Verdict.PASS for finding in findings
    )
    for finding in findings:
        metric = metric_of(finding.series, finding.labels)
        if (
            finding.verdict is Verdict.PASS
            or finding.rule is not RuleName.GROWTH
            or finding.trend is None
            or metric is None
        ):
            continue
        if metric.kind not in (*_COUNTED, *_BYTES, *_ON_HEAP) or metric.unit is Unit.OBJECTS:
            continue
        if metric.unit in _HANDLES and descriptors_steady:
            continue
        levels = levels_of_finding(prepared, finding, metric)
        if levels is None:
            continue
        attribution = attribute_by_endpoint(
            prepared, levels, finding.series, metric.unit, integer=metric.integer
        )
        endpoints = contributors(attribution)
        # A count that does not fail is a signal only if an endpoint surely adds to it: it may
        # belong to the leak of one that does fail.
        if finding.verdict is not Verdict.FAIL and not (metric.kind in _COUNTED and endpoints):
            continue
        yield Signal(
            metric.kind,
            finding.series,
            metric.unit,
            _each(finding, prepared),
            endpoints,
            finding.reason,
            finding,
            refused=attribution.refused,
            doubt=attribution.doubt,
            per_hour=attribution.per_hour,
            points=len(levels.times),
        )


def _place_signal(prepared: Prepared, site: AllocationSite, endpoint: str = "") -> Signal:
    times, held_then = levels_at_collections(prepared.recording.snapshots, site)
    levels = Levels(times, held_then, requests_at(prepared, times), endpoint=endpoint)
    told = attribute_by_endpoint(prepared, levels, where(site.place), "bytes")
    slope, low, high = site.slope
    gained = float(site.levels[-1] - site.levels[0])
    # What windows of tracing estimate may end where it began, on a line that rises.
    held = show_amount(gained if gained > 0 else slope * float(np.ptp(site.requests)), "bytes")
    over = f"over {len(site.times)} snapshots"
    is_class = not site.place.file and not site.place.line
    what = "of" if is_class else "that was allocated at"
    made = f"{held} more {what} {where(site.place)} is kept {over}"
    words = f"{made}: {show_amount(slope, 'bytes')} per request of any kind."
    each = Amount("", slope, low, high)
    return Signal(
        PLACE,
        where(site.place),
        "bytes",
        each,
        contributors(told),
        words,
        site=site,
        refused=told.refused,
        points=len(times),
    )


def _total_signal(
    prepared: Prepared, places: Sequence[AllocationSite], so_far: Sequence[Signal]
) -> list[Signal]:
    """Return a signal for the total of the snapshots if it surely grows more than any place and no series shows the heap."""
    memory = [signal for signal in so_far if signal.what is ResourceKind.MEMORY]
    if not memory or not places or any(signal.what is ResourceKind.HEAP for signal in so_far):
        return []
    levels = np.sum([site.levels for site in places], axis=0)
    total = AllocationSite(
        Frame("the heap"), places[0].times, places[0].requests, levels, (), places[0].period
    )
    slope, low, high = total.slope
    if low <= BEYOND_ONE_PLACE * max(site.slope[2] for site in places):
        return []
    told = attribute_by_endpoint(
        prepared, Levels(total.times, total.levels, total.requests), total.place.function, "bytes"
    )
    if told.refused is not None:
        return []
    held = show_amount(float(levels[-1] - levels[0]), "bytes")
    words = f"{held} more are alive in all over {len(total.times)} snapshots."
    each = Amount("", slope, low, high)
    return [
        Signal(ResourceKind.HEAP, total.place.function, "bytes", each, contributors(told), words)
    ]


def _group_signal(prepared: Prepared, group: BlockedGroup) -> Signal:
    site = group.site
    levels = Levels(site.times, site.levels, site.requests)
    told = attribute_by_endpoint(prepared, levels, where(group.place), group.noun, integer=True)
    first, last = site.levels[0], site.levels[-1]
    at = f" in {group.blocked_at.function}" if group.blocked_at != group.place else ""
    words = f"{last:,.0f} {group.noun} wait at {where(group.place)}, {group.blocked}{at}; {first:,.0f} did at first."
    slope, low, high = site.slope
    each = Amount("", slope, low, high)
    name = where(group.place)
    return Signal(
        GROUP,
        name,
        group.noun,
        each,
        contributors(told),
        words,
        site=site,
        group=group,
        refused=told.refused,
        points=len(site.times),
    )


def _each(finding: Finding, prepared: Prepared) -> Amount:
    """Return a failing series' growth per request to any endpoint; 0 if requests were not counted."""
    trend, done = finding.trend, prepared.requests
    assert trend is not None
    unknown = Amount("", 0.0, 0.0, 0.0)
    if done is None or not (inside := done.times >= prepared.judged_from).any():
        return unknown
    times, values = done.times[inside], done.values[inside]
    hourly = 3600 * float(values[-1] - values[0]) / max(float(times[-1] - times[0]), 1e-9)
    if hourly <= 0 or not math.isfinite(trend.slope_high):
        return unknown
    return Amount(
        "", trend.slope_per_hour / hourly, trend.slope_low / hourly, trend.slope_high / hourly
    )
