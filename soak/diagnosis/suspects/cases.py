"""Cases: group the signals of one leak. A leaked goroutine also grows the heap, resident memory and maybe descriptors.

Signals that grow through one endpoint are one case. If endpoints cannot be separated, signals that
grow by the same count, or a small multiple of it, are one case: one descriptor and two goroutines
per request are one leak, seven goroutines and ten pages for sixty requests are two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import own_frames, to_own
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.thresholds import (
    BEYOND_ONE_PLACE,
    BYTES_PER_COUNT,
    LEAST_PLACE_SHARE,
    LEAST_SECOND_SHARE,
    MOST_RATIO,
    RATIO_TOLERANCE,
    RESIDENT_CLOSENESS,
    SAMPLED_CLOSENESS,
)
from soak.units import show_amount, show_list


@dataclass(frozen=True, eq=False)
class Case:
    """One leak: its signals, and how much each grows per request to `endpoint` (to any endpoint if that is unknown).

    A case that is not growth has no signals: its evidence is in `seen` (kind and words), with a
    `place` and a `cost` in its `unit` if these are known. If several endpoints share a leak, `parts`
    are the cases of each, and `endpoint` names them all. `shares_heap` says that the growth of the
    heap and of the process is that of several places, each a case of its own.
    """

    endpoint: str
    signals: tuple[Signal, ...] = ()
    amounts: tuple[Amount, ...] = ()
    seen: Mapping[EvidenceKind, str] = field(default_factory=dict)
    place: Frame | None = None
    cost: Amount | None = None
    unit: str = "bytes"
    parts: tuple[Case, ...] = ()
    shares_heap: bool = False

    @property
    def sharing(self) -> tuple[str, ...]:
        """The endpoints that share the leak; empty if it has one endpoint or an unknown one."""
        return tuple(part.endpoint for part in self.parts)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints through which the leak grows: one, or those that share it."""
        return self.sharing or (self.endpoint,)

    def of(self, *what: ResourceKind | str) -> list[Signal]:
        """Return the signals of these kinds."""
        return [signal for signal in self.signals if signal.what in what]

    def amount(self, signal: Signal) -> Amount:
        """Return what a request to this case's endpoint adds to one of its signals."""
        return self.amounts[self.signals.index(signal)]

    @property
    def resident_alone(self) -> bool:
        """True if nothing but resident memory grows."""
        return bool(self.signals) and all(signal.resident for signal in self.signals)

    @property
    def memory_alone(self) -> bool:
        """True if nothing that is counted grows, only memory and what lies on the heap."""
        return not any(signal.counted for signal in self.signals)


def frames_of(case: Case) -> list[Frame]:
    """Return the frames of all stacks with a fair share of a case's growth, from the innermost to the target's own.

    So they are the calls that own code makes, not its callers: every request of a Node service comes
    out of an emitter. If some are known to grow through the case's endpoint, the others are not its own.
    """
    return [
        frame
        for kind in (PLACE, GROUP)  # bytes and counts cannot be compared
        for frames in _fastest_stacks(
            [signal for signal in case.of(kind) if signal.contributors] or case.of(kind)
        )
        for frame in to_own(frames)
    ]


def _fastest_stacks(signals: Sequence[Signal]) -> list[tuple[Frame, ...]]:
    """Return the stacks that gain at least a tenth of what the fastest one gains: the others are warm-up."""
    gains = [
        (float(stack.levels[-1] - stack.levels[0]), stack.frames)
        for signal in signals
        if signal.site is not None
        for stack in signal.site.stacks
    ]
    least = LEAST_PLACE_SHARE * max((gain for gain, _ in gains), default=0.0)
    return [frames for gain, frames in gains if gain > 0 and gain >= least]


def group_signals(signals: Sequence[Signal], *, resident_names: bool = True) -> list[Case]:
    """Group the signals into leaks.

    Resident memory moves in arenas. On its own it names an endpoint only if `resident_names` (the
    managed heap is unknown or surely has no part in the growth) and if its amount has a narrow
    interval.
    """
    signals = [_only_close(_less_explained(signal, signals)) for signal in signals]
    signals = [_within_heap(signal, signals) for signal in signals]
    by_endpoint: dict[str, list[tuple[Signal, Amount]]] = {}
    for signal in signals:
        for amount in signal.contributors:
            by_endpoint.setdefault(amount.endpoint, []).append((signal, amount))
    rest = [signal for signal in signals if not signal.contributors]
    if EVERY in by_endpoint or not resident_names:
        # If all endpoints add to something, growth of resident memory alone belongs to that.
        resident = [
            endpoint
            for endpoint, pairs in by_endpoint.items()
            if (endpoint != EVERY or not resident_names)
            and all(signal.resident for signal, _ in pairs)
        ]
        unnamed = [signal for endpoint in resident for signal, _ in by_endpoint.pop(endpoint)]
        rest += [signal for index, signal in enumerate(unnamed) if signal not in unnamed[:index]]
    if not by_endpoint:
        return _sharing_heap(
            [_case("", ((signal, signal.each) for signal in group)) for group in _by_count(rest)]
        )
    grouped = [_case(endpoint, pairs) for endpoint, pairs in by_endpoint.items()]
    kept = [case for case in grouped if _stands(case)]
    return _with_rest(_by_place(kept or grouped[:1], rest), rest)


def _sharing_heap(cases: list[Case]) -> list[Case]:
    """Return the cases; those of several places of unknown endpoints each have only a part of the heap's growth."""
    placed = [case for case in cases if case.memory_alone and case.of(PLACE)]
    if len(placed) < 2:
        return cases
    return [replace(case, shares_heap=True) if case in placed else case for case in cases]


def _less_explained(signal: Signal, signals: Sequence[Signal]) -> Signal:
    """Remove a heap signal's contributors if they include "every endpoint" and places with known endpoints explain it."""
    if signal.what != ResourceKind.HEAP or not any(
        a.endpoint == EVERY for a in signal.contributors
    ):
        return signal
    explained = sum(
        place.each.high
        for place in signals
        if place.what == PLACE and any(a.endpoint != EVERY for a in place.contributors)
    )
    within = signal.each.low <= BEYOND_ONE_PLACE * explained
    return replace(signal, contributors=()) if within else signal


def _within_heap(signal: Signal, signals: Sequence[Signal]) -> Signal:
    """Remove "every endpoint" from a sampled place if the heap, which is exact, leaves less than the place's growth to others.

    A place of a few dozen samples hardly tells endpoints apart: a cache that one endpoint fills looked like a closure that
    every request leaves behind.
    """
    sampled = signal.site is not None and signal.site.period > 0
    if not sampled or not any(amount.endpoint == EVERY for amount in signal.contributors):
        return signal
    for heap in signals:
        named = [amount for amount in heap.contributors if amount.endpoint != EVERY]
        if heap.what == ResourceKind.HEAP and named and len(named) == len(heap.contributors):
            left = max(1 - sum(amount.share for amount in named), 0.0) * heap.each.high
            if signal.each.low > left:
                return replace(signal, contributors=())
    return signal


def _only_close(signal: Signal) -> Signal:
    """Remove the endpoints that a signal may name by chance: a step of resident memory's arenas, a few samples of a place."""
    sampled = signal.site is not None and signal.site.period > 0
    if not signal.resident and not sampled:
        return signal
    least = RESIDENT_CLOSENESS if signal.resident else SAMPLED_CLOSENESS
    loose = [
        amount
        for amount in signal.contributors
        if amount.endpoint != EVERY and amount.low < least * amount.per_request
    ]
    if not loose:
        return signal
    low, high = (show_amount(bound, signal.unit) for bound in (loose[0].low, loose[0].high))
    kept = tuple(amount for amount in signal.contributors if amount not in loose)
    moves = "resident memory moves in arenas" if signal.resident else "allocations are sampled"
    why = f"{moves}, so all it shows for {loose[0].endpoint} is that a request may add {low} to {high}"
    return replace(signal, contributors=kept, refused=why)


def _case(endpoint: str, pairs: Iterable[tuple[Signal, Amount]]) -> Case:
    pairs = tuple(pairs)
    return Case(
        endpoint, tuple(signal for signal, _ in pairs), tuple(amount for _, amount in pairs)
    )


def _stands(case: Case) -> bool:
    """Return True if a case is more than scatter of another's growth: it counts things, or has a fair share of the bytes."""
    return not case.memory_alone or any(
        amount.share >= LEAST_SECOND_SHARE for amount in case.amounts
    )


def _by_place(grouped: Sequence[Case], rest: Sequence[Signal]) -> list[Case]:
    """Merge cases whose whole growth is at the same places: they are one leak, reached through several endpoints.

    Cases of memory alone without a place are merged too if the snapshots have places of unknown
    endpoints: the level of a heap separates endpoints sooner than its sampled places do.
    """
    anywhere = frozenset(signal.name for signal in rest if signal.what == PLACE)
    together: dict[frozenset[str], list[Case]] = {}
    for case in grouped:
        places = frozenset(signal.name for signal in case.of(PLACE, GROUP))
        if not places and case.memory_alone and case.endpoint != EVERY:
            places = anywhere
        together.setdefault(places or frozenset((case.endpoint,)), []).append(case)
    return [parts[0] if len(parts) == 1 else _shared(parts) for parts in together.values()]


def _shared(parts: Sequence[Case]) -> Case:
    """Merge the cases of several endpoints; a signal shared by all gets the amount of a request to any of them."""
    parts = sorted(parts, key=lambda part: part.endpoint)
    endpoint = show_list([part.endpoint for part in parts])
    pairs: dict[int, tuple[Signal, Amount]] = {}
    for part in parts:
        for signal, amount in zip(part.signals, part.amounts, strict=True):
            shared = all(signal in other.signals for other in parts)
            amounts = [other.amount(signal) for other in parts] if shared else [amount]
            pairs.setdefault(id(signal), (signal, _of_any(endpoint, amounts) if shared else amount))
    return replace(_case(endpoint, pairs.values()), parts=tuple(parts))


def _of_any(endpoint: str, amounts: Sequence[Amount]) -> Amount:
    """Return what a request to any of several endpoints adds, weighted by their requests (share over amount)."""
    weights = [amount.share / amount.per_request for amount in amounts]
    each, low, high = (
        sum(weight * part for weight, part in zip(weights, column, strict=True)) / sum(weights)
        for column in zip(*((a.per_request, a.low, a.high) for a in amounts), strict=True)
    )
    return Amount(endpoint, each, low, high, sum(amount.share for amount in amounts))


def _with_rest(grouped: list[Case], rest: Sequence[Signal]) -> list[Case]:
    """Add each signal without an endpoint to the first case that fits it, or to the only case."""
    for signal in rest:
        fits = [index for index, case in enumerate(grouped) if _fits(case, signal)]
        if signal.what == PLACE:  # prefer a case without a place
            fits.sort(key=lambda index: bool(grouped[index].of(PLACE, GROUP)))
        if len(grouped) == 1 or fits:
            case = grouped[fits[0] if fits else 0]
            grouped[grouped.index(case)] = replace(
                case, signals=(*case.signals, signal), amounts=(*case.amounts, signal.each)
            )
    return grouped


def _fits(case: Case, signal: Signal) -> bool:
    """Return True if the case has signals of the same sort (counts or bytes), or is one of every endpoint."""
    return case.endpoint == EVERY or any(own.counted == signal.counted for own in case.signals)


def _by_count(signals: Sequence[Signal]) -> list[list[Signal]]:
    """Group signals without endpoints: counts in whole-number ratios, places with what fits; byte series join every group."""
    groups: list[list[Signal]] = []
    series = [row for row in signals if not row.counted and row.what != PLACE]
    for signal in sorted(signals, key=lambda row: not row.counted):
        if signal in series:
            continue
        home = next((group for group in groups if _together(group[0], signal)), None)
        if home is None:
            groups.append([signal])
        else:
            home.append(signal)
    if not groups:
        return [series] if series else []
    return [[*group, *series] for group in groups]


def _together(leader: Signal, other: Signal) -> bool:
    if other.site is not None and not _owned(other):
        return True
    if leader.counted and other.counted:
        return _whole(leader.each.per_request, other.each.per_request)
    if leader.counted:
        return other.each.per_request <= BYTES_PER_COUNT * leader.each.per_request
    return _shares_a_caller(leader, other)


def _whole(first: float, other: float) -> bool:
    """Return True if one count is about a small whole number of times the other."""
    small, large = sorted((first, other))
    if small <= 0:
        return True
    ratio = large / small
    return ratio < MOST_RATIO + 0.5 and abs(ratio - round(ratio)) <= RATIO_TOLERANCE


def _owned(signal: Signal) -> bool:
    return (
        any(own_frames(stack.frames) for stack in signal.site.stacks)
        if signal.site is not None
        else False
    )


def _shares_a_caller(first: Signal, other: Signal) -> bool:
    """Return True if two places are reached through a common function of the target's own code."""
    callers = [
        {frame.function for stack in signal.site.stacks for frame in own_frames(stack.frames)}
        for signal in (first, other)
        if signal.site is not None
    ]
    return len(callers) == 2 and bool(callers[0] & callers[1])
