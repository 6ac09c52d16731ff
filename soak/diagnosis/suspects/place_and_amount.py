"""Find the place and the amount of a case once its class is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import own_frames, place_at
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.levels import OF_AN_ENDPOINT
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import is_own_class
from soak.diagnosis.suspects.allocating_code import adds_little, allocates, allocates_exactly
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.class_keepers import amount_of_objects, class_keeper
from soak.diagnosis.suspects.class_kinds import class_count, own_class, waits_of_virtual_threads
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.descriptor_kinds import growing_descriptor_kind
from soak.diagnosis.suspects.entry_amounts import amount_at_places, amount_of_entries
from soak.diagnosis.suspects.evidence import matching, place_in
from soak.diagnosis.suspects.growing_containers import (
    GrowingContainer,
    containers_as_many,
    containers_of,
    containers_of_closures,
    containers_of_connections,
    containers_off_heap,
    with_siblings,
)
from soak.diagnosis.suspects.labels import multiplying_label
from soak.diagnosis.suspects.leak_classes import CLASSES
from soak.diagnosis.suspects.native_memory import mostly_off_heap
from soak.diagnosis.suspects.object_keepers import object_keeper
from soak.diagnosis.suspects.resource_owner import (
    CONNECTING,
    counted_opener,
    find_borrower,
    find_maker,
    find_opener,
    find_starter,
    find_wrapper,
    growing_opened_class,
)
from soak.diagnosis.suspects.retained_requests import containers_of_requests, keeper_of
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.diagnosis.suspects.unknowns import traced_in_part
from soak.diagnosis.thresholds import SAMPLED_WIDTH
from soak.growth_views import NO_RATE, HourlyRate
from soak.model import Place

#: Signatures of the functions that open what each class leaks.
_OPENS = {
    "descriptor-leak": ("connections", "files"),
    "pool-misuse": ("database",),
    "native-growth": ("native",),
}
_OF_TYPE = {"socket": ("connections",), "file": ("files",)}
_COUNTS: dict[str, tuple[ResourceKind | str, ...]] = {
    "descriptors": (ResourceKind.DESCRIPTORS,),
    "goroutines": (ResourceKind.THREADS, GROUP),
    "connections": (ResourceKind.POOL, ResourceKind.DESCRIPTORS),
}
_NOTHING = Amount("", 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Known:
    """The place of a leak (None if not seen), and its amount per request in `unit`.

    `signal` is what the amount is the growth of; `words` say what it is if no signal of the case tells it.
    """

    place: Place | None
    amount: Amount
    unit: str
    per_hour: HourlyRate = NO_RATE
    words: str = ""
    signal: Signal | None = None


def place_and_amount(name: str, case: Case, context: RunContext) -> Known:
    """Return the place and the amount of a case of this class, as far as known."""
    if not case.signals:
        place = place_at(case.place) if case.place is not None else None
        return Known(place, case.cost or _NOTHING, case.unit if case.cost else "")
    unit = CLASSES[name].unit
    looks = (_keeper, _framed, _container)
    # Then a container's length is more certain than any stack, but for the line that opens what is never closed.
    if traced_in_part(context) and name != "descriptor-leak":
        looks = (_container, _keeper, _framed)
    label = _multiplying_label(name, case, context)
    place = label or next(filter(None, (look(name, case, context) for look in looks)), None)
    series = case.of(ResourceKind.METRICS) if label else []
    signal = next(iter(series), None) or signal_told(case, unit)
    if signal is None and name == "goroutine-leak" and (each := class_count(name, context)):
        return Known(place, Amount(case.endpoint, each, each, each), "threads")
    if signal is None and unit == "connections":  # none counts them: only their memory is known
        unit, signal = "bytes", signal_told(case, "bytes")
    refers = (
        name == "native-growth" and signal is not None and signal.what in (ResourceKind.HEAP, PLACE)
    )
    if signal is None or refers:  # what refers to memory does not tell how much that is
        return Known(place, _NOTHING, unit)
    container = _container_of(name, case, context)
    whole = with_siblings(container, case, context) if container is not None else None
    entries = (
        amount_of_entries(case, signal, whole)
        or amount_at_places(case)
        or amount_of_objects(case, signal, context)
    )
    if unit == "bytes" and entries is not None:
        return Known(place, entries.amount, "bytes", words=entries.words, signal=signal)
    return Known(
        place,
        case.amount(signal),
        unit if unit == "connections" and not _of_files(signal, context) else signal.unit,
        surely_with_time(signal),
        signal=signal,
    )


def _of_files(signal: Signal, context: RunContext) -> bool:
    """Return True for files: a connection to a database in a file holds several."""
    return signal.what == ResourceKind.DESCRIPTORS and growing_descriptor_kind(context)[0] == "file"


def surely_with_time(signal: Signal) -> HourlyRate:
    """Return a signal's growth with time alone if it is certain, else no rate."""
    return signal.per_hour if signal.per_hour.low > 0 else NO_RATE


def _framed(name: str, case: Case, context: RunContext) -> Place | None:
    """Return the frame that a case's snapshots name as a place."""
    frame = _frame(name, case, context)
    return place_at(frame) if frame is not None else None


def _keeper(name: str, case: Case, context: RunContext) -> Place | None:
    """Return what keeps the growing objects, if hardly any were allocated by own code: a server made them."""
    on_heap = CLASSES[name].unit == "bytes" and name != "native-growth"
    if not on_heap or not case.of(PLACE, ResourceKind.HEAP, ResourceKind.REQUESTS):
        return None
    frame = _frame(name, case, context)
    if (field := class_keeper(case, context)) is not None:
        return None if allocates_exactly(frame, case, context) else place_at(field.place)
    if frame is not None and own_frames((frame,)) and not adds_little(frame, case):
        through = [signal for signal in case.of(PLACE) if signal.contributors]
        # What grows through an unknown endpoint does not show what keeps this one's requests.
        counted = bool(through or case.of(ResourceKind.REQUESTS))
        if not counted or any(signal.site and signal.site.place == frame for signal in through):
            return None
    keeper = keeper_of(case, context) or object_keeper(case, context)
    return place_at(keeper.place) if keeper is not None else None


def _frame(name: str, case: Case, context: RunContext) -> Frame | None:
    """Return the frame that a case's snapshots name: where the leak is opened, kept, or waits."""
    unit = CLASSES[name].unit
    opened = _begun_by(name, case, context) or _opened_by(name, case, context)
    if opened is not None:
        return opened
    if name == "pool-misuse" and (borrower := find_borrower(context)) is not None:
        return borrower
    if name == "native-growth":
        return find_wrapper(context, case.endpoints)
    if name == "descriptor-leak" and context.language == "Java":
        return None
    held = _of_the_endpoint(case) if unit in ("descriptors", "connections") else case
    frame = place_in(
        held, groups_first=unit != "bytes", but=CONNECTING if name == "pool-misuse" else ()
    )
    group = next((signal.group for signal in case.of(GROUP) if signal.group), None)
    if unit == "goroutines" and group is not None and not own_frames((group.place,)):
        # A library's: who started it says more than what else is held meanwhile.
        frame = find_starter(context, group) or frame
    if unit == "goroutines":
        frame = waits_of_virtual_threads(case) or frame
    made = own_class(context) if unit == "bytes" else None
    if made is not None and not allocates(case, frame, (made.function,)):
        frame = find_maker(context, made) or frame or made
    if frame is not None and is_own_class(frame):
        frame = find_maker(context, frame) or frame
    if frame is not None and unit in ("descriptors", "connections") and not frame.own:
        return None  # memory that a library holds for something opened does not show who opened it
    return frame


def _of_the_endpoint(case: Case) -> Case:
    """Remove places of other endpoints from the case: they do not show who opened what is never closed."""
    pairs = [
        (signal, amount)
        for signal, amount in zip(case.signals, case.amounts, strict=True)
        if signal.what != PLACE or amount.endpoint == case.endpoint
    ]
    return replace(
        case,
        signals=tuple(signal for signal, _ in pairs),
        amounts=tuple(amount for _, amount in pairs),
    )


def _opened_by(name: str, case: Case, context: RunContext) -> Frame | None:
    if name == "goroutine-leak" and context.language == "JavaScript":
        return find_opener(context, ("starting",), case.endpoints)
    if name not in _OPENS:
        return None
    signatures = _opening(name, case, context)
    if name == "descriptor-leak":
        counted = counted_opener(context, growing_descriptor_kind(context)[0], case.endpoints)
        if counted is not None:
            return counted
    counts = [signal.each.per_request for signal in case.signals if signal.counted]
    return find_opener(context, signatures, case.endpoints) or growing_opened_class(
        context, signatures, max(counts, default=0.0)
    )


def _begun_by(name: str, case: Case, context: RunContext) -> Frame | None:
    """Return the own function that began the transactions or queries that are never ended."""
    never_ended = matching(case, "never ended", GROUP) if name == "pool-misuse" else None
    if never_ended is None or never_ended.group is None:
        return None
    return find_starter(context, never_ended.group)


def _opening(name: str, case: Case, context: RunContext) -> Sequence[str]:
    """Return the signatures of functions that open what a class leaks, as narrow as the evidence allows."""
    if name == "pool-misuse" and matching(case, "pools"):
        return ("pools",)
    kind = growing_descriptor_kind(context)[0] if name == "descriptor-leak" else ""
    return _OF_TYPE.get(kind, _OPENS[name])


def _multiplying_label(name: str, case: Case, context: RunContext) -> Place | None:
    """Return the label that multiplies if the metrics page grows: snapshots would rather show the code that builds the page."""
    if name != "unbounded-cache" or not case.of(ResourceKind.METRICS):
        return None
    label = multiplying_label(context)
    return Place(f"label {label[1]} of {label[0]}") if label is not None else None


def _container(name: str, case: Case, context: RunContext) -> Place | None:
    """Return the line that fills the container that gains entries, or the container itself if the line is unknown."""
    container = _container_of(name, case, context)
    return container.place if container is not None else None


def _container_of(name: str, case: Case, context: RunContext) -> GrowingContainer | None:
    """Return the first container that gains what a class leaks; None if there is none."""
    looks = {
        "unbounded-cache": containers_of,
        "request-context": containers_of_requests,
        "closure-retention": containers_of_closures,
        "pool-misuse": containers_of_connections,
        "descriptor-leak": containers_as_many,
        "native-growth": containers_off_heap,
    }
    if name not in looks:
        return None
    found = looks[name](case, context)
    if name == "native-growth" and mostly_off_heap(case) is not None:
        found = found or containers_of(case, context)  # it holds what refers to that memory
    return next(iter(found), None)


def signal_told(case: Case, unit: str) -> Signal | None:
    """Return the signal whose amount a suspect of this unit reports; for bytes, the one with the narrowest interval."""
    kinds = (ResourceKind.HEAP, PLACE, ResourceKind.MEMORY) if unit == "bytes" else _COUNTS[unit]
    # A signal that is attributed to another endpoint does not show what a request to this one
    # costs.
    candidates = [
        signal
        for kind in kinds
        for signal in case.of(kind)
        if case.amount(signal).endpoint == case.endpoint
    ]
    if unit in ("descriptors", "connections"):
        # Each pool that is opened again holds a connection and a goroutine that opens more. Only
        # the goroutine is never closed as idle, so it counts the pools. Likewise a transaction has
        # one goroutine, whatever files its connection opened.
        one_each = (*STACK_SIGNATURES["pools"], *STACK_SIGNATURES["never ended"])
        pools = [s for s in case.of(GROUP) if s.site and s.site.through(one_each) > 0]
        again = pools if unit == "connections" and not case.of(ResourceKind.POOL) else []
        return next(
            iter([*again, *(signal for signal in candidates if signal.unit == unit), *candidates]),
            None,
        )
    if (outside := mostly_off_heap(case)) is not None:
        return outside
    heap = [signal for signal in candidates if signal.what != ResourceKind.MEMORY] or candidates
    if unit == "bytes" and not any(signal.unit == "bytes" for signal in heap):
        # A number of blocks or objects does not tell how large they are.
        heap = [signal for signal in candidates if signal.unit == "bytes"] or heap
    if case.shares_heap:
        heap = [signal for signal in heap if signal.what == PLACE] or heap
    heap = [signal for signal in heap if not _contradicts_the_heap(case, signal, heap)]
    if all(signal.what == PLACE for signal in heap) and case.of(ResourceKind.REQUESTS):
        heap = []  # some of what a request keeps is at these places; how many are kept is exact
    known_best = min(heap, key=lambda signal: _width(case.amount(signal), signal), default=None)
    return known_best or next(
        iter(case.of(ResourceKind.METRICS, ResourceKind.TIMERS, ResourceKind.REQUESTS)), None
    )


def _contradicts_the_heap(case: Case, part: Signal, heap: Sequence[Signal]) -> bool:
    """Return True if the amount of a part, a place or some classes, is not that of the heap, which shows what a request costs.

    The heap's growth is surely more where a part explains only some of it, and surely less where a
    sampler counts what was allocated at a place and given back in part.
    """
    amount = case.amount(part)
    return (part.what == PLACE or part.name in OF_AN_ENDPOINT) and any(
        signal.what == ResourceKind.HEAP
        and signal.name not in OF_AN_ENDPOINT
        and signal.unit == part.unit
        and (case.amount(signal).low > amount.high or case.amount(signal).high < amount.low)
        for signal in heap
    )


def _width(amount: Amount, signal: Signal) -> float:
    """Return the width of an interval relative to its estimate; places are sampled, so theirs counts as wider.

    It is rounded to a millionth: exact counts have widths that differ by rounding errors, which depend on the processor.
    """
    if amount.per_request <= 0:
        return float("inf")
    width = (amount.high - amount.low) / amount.per_request
    return round(width, 6) + (SAMPLED_WIDTH if signal.what == PLACE else 0.0)
