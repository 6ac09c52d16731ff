"""Signals: all that surely grows, whether a series, a place on the heap or a group of goroutines, told apart by endpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import COLLECTORS, ResourceKind, metric_of
from soak.catalog.process import OPEN_DESCRIPTORS
from soak.catalog.rows import Unit
from soak.diagnosis.attribution.allocation_sites import Holding, where
from soak.diagnosis.attribution.attribution import EVERY, Amount, Attribution, attribute
from soak.diagnosis.attribution.blocked_stacks import Group
from soak.diagnosis.attribution.retained_level import lasting
from soak.diagnosis.attribution.site_growth import FEWEST, slope_and_error
from soak.diagnosis.profiles.frames import Frame
from soak.model import Finding, Floats, RuleName, Series, Verdict
from soak.units import show_amount

#: Places or groups that have less than this share of all that grows are no signal of their own.
LEAST_SHARE = 0.1
#: Places together that hold less than this share of the memory that grows have no part in it.
FAIR = 0.2
#: At most so many places, and so many groups, are told apart by endpoint.
MOST_PLACES = 4
#: The heap grows at more than one place where it surely grows by this many times the fastest one's growth.
_BEYOND = 1.1
#: The cheapest endpoint must add this share of what the dearest one adds for all to be guilty alike.
_EVERYBODY = 0.5
#: Fewer goroutines than this more are no growth.
_MORE = 8


@dataclass(frozen=True, eq=False)
class Signal:
    """One thing that grows: in `unit`, by `each` a request to any endpoint, with its 95% interval, and through `guilty`.

    `guilty` are the endpoints that surely add to it; none where that cannot be told. `what` is its role, or PLACE or GROUP
    of a snapshot; `words` says it as evidence.
    """

    what: ResourceKind | str
    name: str
    unit: str
    each: Amount
    guilty: tuple[Amount, ...]
    words: str
    finding: Finding | None = None
    holding: Holding | None = None
    group: Group | None = None
    refused: str | None = None

    @property
    def counted(self) -> bool:
        """Whether it counts whole things, and not bytes."""
        return self.unit != "bytes"


PLACE, GROUP = "place", "group"
_COUNTED = (ResourceKind.DESCRIPTORS, ResourceKind.THREADS, ResourceKind.POOL)
_BYTES = (ResourceKind.MEMORY, ResourceKind.HEAP)
#: What Node counts beside descriptors are timers and the like, where those are steady.
_HANDLES, _OPEN = (Unit.HANDLES, Unit.RESOURCES), OPEN_DESCRIPTORS


@dataclass(frozen=True, eq=False)
class Levels:
    """A level to be told apart: values at times, with requests done by then."""

    times: Floats
    values: Floats
    requests: Floats
    borders: tuple[float, ...] = field(default=())


def signals(
    prepared: Prepared, findings: Sequence[Finding], places: Sequence[Holding], groups: Sequence[Group]
) -> list[Signal]:
    """Every signal: failing series first, then places on the heap, then groups of goroutines; none where no growth failed."""
    if not any(one.verdict is Verdict.FAIL and one.rule is RuleName.GROWTH for one in findings):
        return []
    found = list(_series_signals(prepared, findings))
    if _matters(places, found):
        found += [_place_signal(prepared, one) for one in growing(places)]
        found += _total_signal(prepared, places, found)
    if _may_grow(findings):
        found += [_group_signal(prepared, one) for one in _growing_groups(groups)]
    return found


def growing(places: Sequence[Holding]) -> list[Holding]:
    """The places that surely hold ever more, and a fair share of all that does, fastest first."""
    whole = sum(max(one.slope[0], 0.0) for one in places)
    return [one for one in places if one.sure and one.slope[0] >= LEAST_SHARE * whole][:MOST_PLACES]


def _matters(places: Sequence[Holding], failing: Sequence[Signal]) -> bool:
    """Whether the heap has a fair part in the growth of memory, if it is memory that fails: some place always wanders."""
    memory = [one.each.per_request for one in failing if one.what is ResourceKind.MEMORY]
    heap = any(one.what is ResourceKind.HEAP for one in failing)
    return heap or not memory or sum(one.slope[0] for one in places) >= FAIR * min(memory)


def _may_grow(findings: Sequence[Finding]) -> bool:
    """Whether goroutines or threads grow as a whole, or nobody counted them: of many groups some always wander."""
    counted = [one for one in findings if one.rule is RuleName.GROWTH and _lists_stacks(one)]
    return not counted or any(one.verdict is not Verdict.PASS for one in counted)


def _lists_stacks(finding: Finding) -> bool:
    """Whether a finding's series counts the threads or goroutines that snapshots of stacks list."""
    metric = metric_of(finding.series, finding.labels)
    return metric is not None and any(collector.threads == metric.selector for collector in COLLECTORS)


def _growing_groups(groups: Sequence[Group]) -> list[Group]:
    whole = sum(max(one.holding.slope[0], 0.0) for one in groups)
    sure = [one for one in groups if one.holding.sure and one.holding.slope[0] >= LEAST_SHARE * whole]
    return [one for one in sure if one.holding.levels[-1] - one.holding.levels[0] >= _MORE][:MOST_PLACES]


def _series_signals(prepared: Prepared, findings: Sequence[Finding]) -> Iterator[Signal]:
    for finding in findings:
        role = metric_of(finding.series, finding.labels)
        if (
            finding.verdict is Verdict.PASS
            or finding.rule is not RuleName.GROWTH
            or finding.trend is None
            or role is None
        ):
            continue
        if role.kind not in (*_COUNTED, *_BYTES) or role.unit is Unit.OBJECTS:
            continue
        if role.unit in _HANDLES and any(one.series == _OPEN and one.verdict is Verdict.PASS for one in findings):
            continue
        series = next((one for one in prepared.named(finding.series) if one.labels == finding.labels), None)
        levels = levels_of(prepared, series) if series is not None else None
        if levels is None:
            continue
        told = told_apart(prepared, levels, finding.series, role.unit, integer=role.integer)
        # A count that only may grow, beside one that surely does, belongs to it where an endpoint surely adds to both.
        if finding.verdict is not Verdict.FAIL and not (role.kind in _COUNTED and guilty(told)):
            continue
        each = _each(finding, prepared)
        yield Signal(
            role.kind, finding.series, role.unit, each, guilty(told), finding.reason, finding, refused=told.refused
        )


def _place_signal(prepared: Prepared, holding: Holding) -> Signal:
    levels = Levels(holding.times, holding.levels, holding.requests)
    told = told_apart(prepared, levels, where(holding.place), "bytes")
    slope, low, high = holding.slope
    held = show_amount(float(holding.levels[-1] - holding.levels[0]), "bytes")
    over = f"over {len(holding.times)} snapshots"
    words = (
        f"{held} more are held at {where(holding.place)} {over}: {show_amount(slope, 'bytes')} a request of any kind."
    )
    each = Amount("", slope, low, high)
    return Signal(
        PLACE, where(holding.place), "bytes", each, guilty(told), words, holding=holding, refused=told.refused
    )


def _total_signal(prepared: Prepared, places: Sequence[Holding], found: Sequence[Signal]) -> list[Signal]:
    """All that snapshots hold, where that surely grows by more than any one place, and no series tells of it."""
    memory = [one for one in found if one.what is ResourceKind.MEMORY]
    if not memory or not places or any(one.what is ResourceKind.HEAP for one in found):
        return []
    levels = np.sum([one.levels for one in places], axis=0)
    total = Holding(Frame("the heap"), places[0].times, places[0].requests, levels, (), places[0].period)
    slope, low, high = total.slope
    if low <= _BEYOND * max(one.slope[2] for one in places):
        return []
    told = told_apart(prepared, Levels(total.times, total.levels, total.requests), total.place.function, "bytes")
    if told.refused is not None:
        return []
    held = show_amount(float(levels[-1] - levels[0]), "bytes")
    words = f"{held} more are alive in all over {len(total.times)} snapshots."
    each = Amount("", slope, low, high)
    return [Signal(ResourceKind.HEAP, total.place.function, "bytes", each, guilty(told), words)]


def _group_signal(prepared: Prepared, group: Group) -> Signal:
    holding = group.holding
    levels = Levels(holding.times, holding.levels, holding.requests)
    told = told_apart(prepared, levels, where(group.place), group.noun, integer=True)
    first, last = holding.levels[0], holding.levels[-1]
    words = f"{last:,.0f} {group.noun} wait at {where(group.place)}, {group.blocked}; {first:,.0f} did at first."
    slope, low, high = holding.slope
    each = Amount("", slope, low, high)
    name = where(group.place)
    return Signal(
        GROUP, name, "goroutines", each, guilty(told), words, holding=holding, group=group, refused=told.refused
    )


def levels_of(prepared: Prepared, series: Series) -> Levels | None:
    """What lasts of a series over the judged stretch; None with too few samples."""
    times, values = lasting(prepared, series)
    if len(times) < FEWEST:
        return None
    return Levels(times, values, requests_at(prepared, times), tuple(prepared.borders(series) or ()))


def requests_at(prepared: Prepared, times: Floats) -> Floats:
    """Requests done by each time; the times themselves where nobody counted any."""
    done = prepared.requests
    return np.interp(times, done.times, done.values) if done is not None and len(done.times) else times


def told_apart(prepared: Prepared, levels: Levels, key: str, unit: str, *, integer: bool = False) -> Attribution:
    """A level by endpoint; one endpoint alone needs no telling apart."""
    windows = [one for one in prepared.windows() if one.requests.sum() > 0]
    if len(windows) == 1 and np.ptp(levels.requests) > 0:
        slope, error = slope_and_error(levels.requests, levels.values)
        amount = Amount(windows[0].endpoint, slope, slope - error, slope + error, 1.0)
        return Attribution(key, unit, (amount,), 0.0, 0.0, 0.0)
    return attribute(
        levels.times,
        levels.values,
        prepared.recording.windows,
        key=key,
        unit=unit,
        integer=integer,
        borders=levels.borders,
    )


def guilty(told: Attribution) -> tuple[Amount, ...]:
    """The endpoints that surely add to a level; one that stands for all where every request costs alike."""
    if told.refused is not None:
        return ()
    each = [amount.per_request for amount in told.amounts]
    if told.guilty and len(each) > 2 and min(each) >= _EVERYBODY * max(each):
        return (told.every or _alike(told),)
    return told.guilty


def _alike(told: Attribution) -> Amount:
    """What every endpoint adds, by the one that is known best."""
    best = min(told.guilty, key=lambda amount: amount.high - amount.low)
    return replace(best, endpoint=EVERY, share=1.0)


def _each(finding: Finding, prepared: Prepared) -> Amount:
    """A failing series' growth per request to any endpoint; 0 where nobody counted requests."""
    trend, done = finding.trend, prepared.requests
    assert trend is not None
    inside = done.times >= prepared.judged_from if done is not None else np.zeros(0, dtype=bool)
    if done is None or inside.sum() < 2:
        return Amount("", 0.0, 0.0, 0.0)
    times, values = done.times[inside], done.values[inside]
    hourly = 3600 * float(values[-1] - values[0]) / max(float(times[-1] - times[0]), 1e-9)
    if hourly <= 0 or not math.isfinite(trend.slope_high):
        return Amount("", 0.0, 0.0, 0.0)
    return Amount("", trend.slope_per_hour / hourly, trend.slope_low / hourly, trend.slope_high / hourly)
