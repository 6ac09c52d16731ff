"""What is large and does not last: whole answers built in memory, and garbage. Neither grows, so no level shows them.

The runtime's counter of bytes ever allocated, told apart by endpoint, says what one request allocates. Where that is at
least the answer's size, in pieces of that size, the answer was built whole; a service that streams allocates next to
nothing for the largest answer. Where there is no such counter, memory's rises within windows are weighed against the
answers sent in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.prepare.prepare import merged
from soak.catalog.metrics import COLLECTORS, selected
from soak.catalog.process import RESIDENT
from soak.diagnosis.attribution.allocation_sites import Holding, holdings, is_library, where
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import Levels, guilty, requests_at, told_apart
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import Scene
from soak.diagnosis.suspects.stack_signatures import MARKS
from soak.model import Finding, Floats, Kind, RuleName, Series
from soak.units import show_amount, show_ratio
from soak.windows import EndpointWindows

#: Counters of bytes ever allocated, and gauges of memory in use that show what is not counted, best first.
ALLOCATED = tuple(collector.allocated for collector in COLLECTORS if collector.allocated)
USED = (*(collector.peak for collector in COLLECTORS if collector.peak), RESIDENT)
#: What collections took, in seconds, where nobody counts what is allocated.
COLLECTING = tuple(collector.pauses for collector in COLLECTORS if collector.pauses and not collector.allocated)
#: An answer is large from here on; so is what a request allocates that makes garbage, or the seconds of collections for it.
LARGE, WASTEFUL, LONG = 4 * 2**20, 2**19, 1e-3
#: Built whole: at least this share of the answer is allocated, in pieces of at least that share of it.
_WHOLE, _PIECE = 0.8, 1 / 16
#: One place, or one endpoint, is to blame for garbage if it makes this share of it.
_MOST, _BY_FAR = 0.5, 2.0
_FEWEST, _CLEAR = 20, 5.0
#: A gauge's floor, in percent of its samples; how long an answer may be kept after it was sent, in seconds; and how often a
#: gauge must stand high, and how seldom without such an answer.
_FLOOR, _LOW, _JUST, _OFTEN, _STRAY = 20, 10, 3.0, 8, 0.05


def large_cases(scene: Scene, found: Sequence[Case]) -> list[Case]:
    """Cases of answers that were built whole, and of garbage."""
    amounts = _by_endpoint(scene)
    whole = [case for windows in scene.prepared.windows() for case in _whole(scene, windows, amounts)]
    leaking = any(case.place is not None or case.signals for case in found)
    return whole or ([] if leaking else list(_garbage(scene, amounts)))


def _by_endpoint(scene: Scene) -> dict[str, Amount]:
    """What a request to each endpoint allocates, as far as that can be told."""
    counter = _counter(scene)
    if counter is None:
        return {}
    return {one.endpoint: one for one in guilty(told_apart(scene.prepared, counter, "allocated", "bytes"))}


def _counter(scene: Scene) -> Levels | None:
    """Bytes ever allocated over the judged stretch, one process's."""
    prepared = scene.prepared
    for name in ALLOCATED:
        for series in prepared.recording.series:
            inside = (
                (series.times >= prepared.judged_from) & (series.times <= prepared.end) & np.isfinite(series.values)
            )
            if series.name == name and series.kind is Kind.COUNTER and inside.sum() >= _FEWEST:
                times = series.times[inside]
                return Levels(
                    times, series.values[inside], requests_at(prepared, times), tuple(prepared.borders(series) or ())
                )
    return None


def _whole(scene: Scene, windows: EndpointWindows, amounts: dict[str, Amount]) -> Iterator[Case]:
    """The case of one endpoint that builds its large answers whole."""
    requests = float(windows.requests.sum())
    size = float(windows.bytes.sum()) / requests if requests else 0.0
    if size < LARGE:
        return
    counted = holdings(scene.heaps, "alloc_objects")
    place, piece = _allocator(scene, counted, size)
    seen = {}
    amount = amounts.get(windows.endpoint)
    if amount is not None and amount.per_request >= _WHOLE * size and (not counted or piece >= _PIECE * size):
        pieces = (
            f", in pieces of {show_amount(piece, 'bytes')} at {where(place)}" if place is not None and piece else ""
        )
        allocated, answer = (show_amount(value, "bytes") for value in (amount.per_request, size))
        seen["answers built whole"] = (
            f"A request to {windows.endpoint} allocates {allocated} for an answer of {answer}{pieces}."
        )
    rises = _rises(scene, windows)
    if rises is not None and rises >= _WHOLE * size:
        seen["peak follows answers"] = (
            f"Memory rises by {show_amount(rises, 'bytes')} with each answer of {show_amount(size, 'bytes')}, and falls again."
        )
    if seen:
        yield Case(windows.endpoint, seen=seen, place=place, cost=Amount(windows.endpoint, size, size, size))


def _allocator(scene: Scene, counted: Sequence[Holding], size: float) -> tuple[Frame | None, float]:
    """The own place that allocates in pieces of such a size, and how large they are on average; most bytes first.

    Where nobody `counted` pieces, the place that allocates by far the most, of 0 bytes each.
    """
    if not counted:
        if passing := _passing(scene, size):
            return passing
        if scene.running:
            return _building(scene), 0.0
        first, second, *_ = *_own(scene.allocated), None, None
        by_far = first is not None and (second is None or first.slope[0] >= _BY_FAR * second.slope[0])
        return first.place if first is not None and by_far else None, 0.0
    objects = {_key(one): one.slope[0] for one in counted}
    for holding in scene.allocated:
        count = objects.get(_key(holding), 0.0)
        piece = holding.slope[0] / count if count > 0 else 0.0
        if holding.place.own and not is_library(holding.place) and holding.sure and piece >= _PIECE * size:
            return holding.place, piece
    return None, 0.0


def _passing(scene: Scene, size: float) -> tuple[Frame, float] | None:
    """The own place that held most of such pieces for a moment, where snapshots caught some; and how large they are."""
    objects = {_key(one): float(one.levels.sum()) for one in holdings(scene.heaps, "passing_objects")}
    held = sorted(holdings(scene.heaps, "passing_space"), key=lambda one: -float(one.levels.sum()))
    for one in held:
        piece = float(one.levels.sum()) / max(objects.get(_key(one), 0.0), 1.0)
        if one.place.own and not is_library(one.place) and piece >= _PIECE * size:
            return one.place, piece
    return None


def _building(scene: Scene) -> Frame | None:
    """The own place that was met by far the most while it put buffers or texts together; None without one."""
    met = sorted(((one.gained(MARKS["building"]), one.place) for one in _own(scene.running)), key=lambda pair: -pair[0])
    first, second, *_ = *met, (0.0, None), (0.0, None)
    return first[1] if first[0] >= max(_BY_FAR * second[0], 1.0) else None


def _key(holding: Holding) -> tuple[str, str]:
    return holding.place.function, holding.place.file


@dataclass(frozen=True, eq=False)
class _Rises:
    """By how much memory rose in each window, and how many requests to the endpoint and to the others were in it."""

    risen: Floats
    own: Floats
    others: Floats

    def slope(self) -> tuple[float, float]:
        """The rise with each own request, and how many standard errors that is."""
        columns = np.column_stack([np.ones(len(self.risen)), self.own, self.others])
        found, *_ = np.linalg.lstsq(columns, self.risen, rcond=None)
        rest = self.risen - columns @ found
        variance = float(rest @ rest) / max(len(rest) - 3, 1)
        error = float(np.sqrt(max(variance * np.linalg.pinv(columns.T @ columns)[1, 1], 1e-300)))
        return float(found[1]), float(found[1]) / error


def _rises(scene: Scene, windows: EndpointWindows) -> float | None:
    """Bytes by which memory rises with each request to an endpoint; None where no series shows that clearly."""
    everything = merged(scene.prepared.windows())
    for name in USED:
        found = scene.series(name)
        risen = _risen(found, everything.times)
        if risen is None:
            continue
        kept = np.isfinite(risen)
        own = windows.requests.astype(np.float64)
        if kept.sum() < _FEWEST or not np.ptp(own[kept]):
            continue
        slope, clear = _Rises(risen[kept], own[kept], (everything.requests - own)[kept]).slope()
        if clear >= _CLEAR:
            return slope
        stood = [height for one in found if (height := _stood_up(one, windows, scene.prepared.judged_from))]
        if stood:
            return stood[0]
    return None


def _stood_up(series: Series, windows: EndpointWindows, start: float) -> float:
    """How high a gauge stands above its floor for moments, if it does so only just after an endpoint's answers; else 0."""
    inside = (series.times >= start) & np.isfinite(series.values)
    times, values = series.times[inside], series.values[inside]
    size = float(windows.bytes.sum()) / max(float(windows.requests.sum()), 1.0)
    if len(times) < _FEWEST:
        return 0.0
    above = values - np.percentile(values, _FLOOR)
    high = above >= _WHOLE * size
    done = np.concatenate(([0.0], np.cumsum(windows.requests, dtype=np.float64)))
    ends = np.concatenate(([windows.times[0] - windows.seconds[0]], windows.times))
    recently = np.interp(times, ends, done) - np.interp(times - _JUST, ends, done) > 0
    # Where they come all the time, nothing tells them from whatever else happens.
    if high.sum() < _OFTEN or (~recently).sum() < _OFTEN or (high & ~recently).sum() > _STRAY * high.sum():
        return 0.0
    return float(np.percentile(above[high], _LOW))  # several at once stand higher


def _risen(found: Sequence[Series], times: Floats) -> Floats | None:
    """By how much the sum of gauges rose up to each of these times since the one before; NaN where it fell."""
    if not found or len(times) < 2:
        return None
    total = np.sum([np.interp(times, one.times, one.values) for one in found], axis=0)
    risen = np.concatenate(([np.nan], np.diff(total)))
    risen[risen < 0] = np.nan
    return np.asarray(risen)


def _garbage(scene: Scene, amounts: dict[str, Amount]) -> Iterator[Case]:
    """The case of a collector that runs too often for what some request allocates and does not keep."""
    busy = next((one for one in scene.findings if _too_often(one)), None)
    worst = max(amounts.values(), key=lambda one: one.share, default=None)
    unit, least = ("bytes", WASTEFUL) if worst is not None else ("seconds", LONG)
    if busy is not None and worst is None:
        worst = max(_collecting(scene), key=lambda one: one.share, default=None)
    if busy is None or worst is None or worst.share < _MOST or worst.per_request < least:
        return
    cost = show_amount(worst.per_request, unit)
    allocates = f"allocates {cost}, {show_ratio(worst.share)} of all that is allocated, and keeps none of it"
    collects = f"makes collections take {cost}, {show_ratio(worst.share)} of all their time"
    words = f"A request to {worst.endpoint} {allocates if unit == 'bytes' else collects}."
    seen = {"much garbage": busy.reason, "allocation a request": words}
    yield Case(worst.endpoint, seen=seen, place=_most_allocating(scene), cost=worst, unit=unit)


def _collecting(scene: Scene) -> Sequence[Amount]:
    """How long collections take for a request to each endpoint that surely causes any."""
    prepared = scene.prepared
    counters = (series for name in COLLECTING for series in selected(name, prepared.recording.series))
    found = [series for series in counters if series.kind is Kind.COUNTER]
    kept = [np.isfinite(one.values) for one in found]
    times = found[0].times[kept[0]] if found else np.empty(0)
    times = times[(times >= prepared.judged_from) & (times <= prepared.end)]
    if len(times) < _FEWEST or not all(part.any() for part in kept):
        return ()
    sums = [np.interp(times, one.times[part], one.values[part]) for one, part in zip(found, kept, strict=True)]
    took = np.sum(sums, axis=0)
    levels = Levels(times, took, requests_at(prepared, times), tuple(prepared.borders(found[0]) or ()))
    return guilty(told_apart(prepared, levels, found[0].name, "seconds"))


def _own(holdings: Sequence[Holding]) -> list[Holding]:
    """Those of the target's own places."""
    return [one for one in holdings if one.place.own and not is_library(one.place)]


def _most_allocating(scene: Scene) -> Frame | None:
    """The own place through which at least half of all is allocated, or else of what ran; None where there is none."""
    own = _own(scene.allocated or scene.running)
    whole = sum(max(one.slope[0], 0.0) for one in scene.allocated or own)
    return own[0].place if own and own[0].slope[0] >= _MOST * whole else None


def _too_often(finding: Finding) -> bool:
    """Whether the collector ran more often than is advised or allowed."""
    if finding.observed is None or finding.limit is None:
        return False
    often = finding.observed > finding.limit
    return finding.rule is RuleName.GC and finding.unit == "collections/min" and often
