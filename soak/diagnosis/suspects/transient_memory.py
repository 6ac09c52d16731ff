"""Find large but transient memory: whole answers built in memory, and garbage. Neither grows, so no level shows it.

The runtime's counter of bytes ever allocated, attributed to endpoints, shows what one request
allocates. If that is at least about the answer's size, in large pieces, the answer was built whole;
a service that streams allocates next to nothing even for the largest answer. In addition, rises of
memory within windows are compared with the answers sent in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.analysis.prepare.stretches import known_between
from soak.catalog.metrics import COLLECTORS, selected
from soak.diagnosis.attribution.allocation_sites import (
    AllocationSite,
    allocation_sites,
    is_library,
    where,
)
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.levels import (
    Levels,
    attribute_by_endpoint,
    contributors,
    requests_at,
)
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.memory_peaks import held_in_whole_answers, rises_with_answers
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.diagnosis.thresholds import (
    BY_FAR,
    LARGE_ANSWER,
    MOST_OF_GARBAGE,
    PIECE_OF_ANSWER,
    WASTEFUL_BYTES,
    WASTEFUL_SECONDS,
    WHOLE_ANSWER,
)
from soak.model import Finding, Kind, RuleName
from soak.units import show_amount, show_ratio
from soak.windows import EndpointWindows

#: Counters of bytes ever allocated.
ALLOCATED = tuple(collector.allocated for collector in COLLECTORS if collector.allocated)
#: Seconds spent in collections, for runtimes that do not count allocated bytes.
COLLECTING = tuple(
    collector.pauses for collector in COLLECTORS if collector.pauses and not collector.allocated
)
_FEWEST = 20


def transient_cases(context: RunContext, so_far: Sequence[Case]) -> list[Case]:
    """Return cases of answers built whole; without any, and if nothing leaks, cases of garbage."""
    amounts = _by_endpoint(context)
    whole = [
        case for windows in context.prepared.windows() for case in _whole(context, windows, amounts)
    ]
    leaking = any(case.place is not None or case.signals for case in so_far)
    return whole or ([] if leaking else list(_garbage(context, amounts)))


def _by_endpoint(context: RunContext) -> dict[str, Amount]:
    """Return what a request to each endpoint allocates, as far as known."""
    counter = _counter(context)
    if counter is None:
        return {}
    return {
        amount.endpoint: amount
        for amount in contributors(
            attribute_by_endpoint(context.prepared, counter, "allocated", "bytes")
        )
    }


def _counter(context: RunContext) -> Levels | None:
    """Return the bytes ever allocated by one process over the judged stretch; None if not counted."""
    prepared = context.prepared
    for name in ALLOCATED:
        for series in prepared.recording.series:
            times, values = known_between(series, prepared.judged_from, prepared.end)
            if series.name == name and series.kind is Kind.COUNTER and len(times) >= _FEWEST:
                requests = requests_at(prepared, times)
                return Levels(times, values, requests, tuple(prepared.cuts(series)))
    return None


def _whole(
    context: RunContext, windows: EndpointWindows, amounts: dict[str, Amount]
) -> Iterator[Case]:
    """Yield the case of one endpoint that builds its large answers whole."""
    requests = float(windows.requests.sum())
    size = float(windows.bytes.sum()) / requests if requests else 0.0
    if size < LARGE_ANSWER:
        return
    counted = allocation_sites(context.heaps, "alloc_objects")
    place, piece = _allocator(context, counted, size)
    seen: dict[EvidenceKind, str] = {}
    amount = amounts.get(windows.endpoint)
    if (
        amount is not None
        and amount.per_request >= WHOLE_ANSWER * size
        and (not counted or piece >= PIECE_OF_ANSWER * size)
    ):
        pieces = (
            f", in pieces of {show_amount(piece, 'bytes')} at {where(place)}"
            if place is not None and piece
            else ""
        )
        allocated, answer = (show_amount(value, "bytes") for value in (amount.per_request, size))
        seen[EvidenceKind.BUILT_WHOLE] = (
            f"A request to {windows.endpoint} allocates {allocated} for an answer of {answer}{pieces}."
        )
    rises = rises_with_answers(context, windows)
    if rises is not None and rises >= WHOLE_ANSWER * size:
        seen[EvidenceKind.PEAK_FOLLOWS] = (
            f"Memory rises by {show_amount(rises, 'bytes')} with each answer of {show_amount(size, 'bytes')}, and falls again."
        )
    elif stands := held_in_whole_answers(context, size):
        seen[EvidenceKind.PEAK_FOLLOWS] = (
            f"{stands} stands in multiples of {show_amount(size, 'bytes')}, the size of an answer of {windows.endpoint}: whole "
            "answers are held."
        )
    if seen:
        yield Case(
            windows.endpoint,
            seen=seen,
            place=place,
            cost=Amount(windows.endpoint, size, size, size),
        )


def _allocator(
    context: RunContext, counted: Sequence[AllocationSite], size: float
) -> tuple[Frame | None, float]:
    """Return the own place that allocates most bytes in such large pieces, and the average size of a piece.

    If pieces were not `counted`, return a place that held such pieces briefly; else, with size 0, the
    one that builds or allocates by far the most.
    """
    if not counted:
        if passing := _passing(context, size):
            return passing
        if context.running:
            return _building(context), 0.0
        first, second, *_ = *_own(context.allocated), None, None
        by_far = first is not None and (
            second is None or first.slope[0] >= BY_FAR * second.slope[0]
        )
        return first.place if first is not None and by_far else None, 0.0
    objects = {_key(site): site.slope[0] for site in counted}
    for site in context.allocated:
        count = objects.get(_key(site), 0.0)
        piece = site.slope[0] / count if count > 0 else 0.0
        if (
            site.place.own
            and not is_library(site.place)
            and site.sure
            and piece >= PIECE_OF_ANSWER * size
        ):
            return site.place, piece
    return None, 0.0


def _passing(context: RunContext, size: float) -> tuple[Frame, float] | None:
    """Return the own place that held most of such pieces briefly, if snapshots caught any; and their average size."""
    objects = {
        _key(site): float(site.levels.sum())
        for site in allocation_sites(context.heaps, "passing_objects")
    }
    held = sorted(
        allocation_sites(context.heaps, "passing_space"), key=lambda site: -float(site.levels.sum())
    )
    for site in held:
        piece = float(site.levels.sum()) / max(objects.get(_key(site), 0.0), 1.0)
        if site.place.own and not is_library(site.place) and piece >= PIECE_OF_ANSWER * size:
            return site.place, piece
    return None


def _building(context: RunContext) -> Frame | None:
    """Return the own place with by far the most CPU samples while building buffers or texts; None if there is none."""
    met = sorted(
        ((site.gained(STACK_SIGNATURES["building"]), site.place) for site in _own(context.running)),
        key=lambda pair: -pair[0],
    )
    first, second, *_ = *met, (0.0, None), (0.0, None)
    return first[1] if first[0] >= max(BY_FAR * second[0], 1.0) else None


def _key(site: AllocationSite) -> tuple[str, str]:
    return site.place.function, site.place.file


def _garbage(context: RunContext, amounts: dict[str, Amount]) -> Iterator[Case]:
    """Yield the case of a collector that runs too often because of what requests to one endpoint allocate but do not keep."""
    busy = next((finding for finding in context.findings if _too_often(finding)), None)
    worst = max(amounts.values(), key=lambda amount: amount.share, default=None)
    unit, least = ("bytes", WASTEFUL_BYTES) if worst is not None else ("seconds", WASTEFUL_SECONDS)
    if busy is not None and worst is None:
        worst = max(_collecting(context), key=lambda amount: amount.share, default=None)
    if busy is None or worst is None or worst.share < MOST_OF_GARBAGE or worst.per_request < least:
        return
    cost = show_amount(worst.per_request, unit)
    allocates = f"allocates {cost}, {show_ratio(worst.share)} of all that is allocated, and keeps none of it"
    collects = f"makes collections take {cost}, {show_ratio(worst.share)} of all their time"
    words = f"A request to {worst.endpoint} {allocates if unit == 'bytes' else collects}."
    seen = {EvidenceKind.MUCH_GARBAGE: busy.reason, EvidenceKind.ALLOCATION: words}
    yield Case(worst.endpoint, seen=seen, place=_most_allocating(context), cost=worst, unit=unit)


def _collecting(context: RunContext) -> Sequence[Amount]:
    """Return the collection time per request to each endpoint that surely causes any."""
    prepared = context.prepared
    published = (
        series for name in COLLECTING for series in selected(name, prepared.recording.series)
    )
    counters = [series for series in published if series.kind is Kind.COUNTER]
    kept = [np.isfinite(series.values) for series in counters]
    times = counters[0].times[kept[0]] if counters else np.empty(0)
    times = times[(times >= prepared.judged_from) & (times <= prepared.end)]
    if len(times) < _FEWEST or not all(part.any() for part in kept):
        return ()
    sums = [
        np.interp(times, series.times[part], series.values[part])
        for series, part in zip(counters, kept, strict=True)
    ]
    took = np.sum(sums, axis=0)
    levels = Levels(times, took, requests_at(prepared, times), tuple(prepared.cuts(counters[0])))
    return contributors(attribute_by_endpoint(prepared, levels, counters[0].name, "seconds"))


def _own(allocation_sites: Sequence[AllocationSite]) -> list[AllocationSite]:
    """Return the sites in the target's own code."""
    return [site for site in allocation_sites if site.place.own and not is_library(site.place)]


def _most_allocating(context: RunContext) -> Frame | None:
    """Return the own place with at least half of all allocations, or else of CPU samples; None if there is none."""
    own = _own(context.allocated or context.running)
    whole = sum(max(site.slope[0], 0.0) for site in context.allocated or own)
    return own[0].place if own and own[0].slope[0] >= MOST_OF_GARBAGE * whole else None


def _too_often(finding: Finding) -> bool:
    """Return True if the collector ran more often than is advised or allowed."""
    if finding.observed is None or finding.limit is None:
        return False
    often = finding.observed > finding.limit
    return finding.rule is RuleName.GC and finding.unit == "collections/min" and often
