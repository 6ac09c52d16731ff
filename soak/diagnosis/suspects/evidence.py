"""The evidence of a case: a table of functions, each of which puts into words what was recorded, if anything.

`leak_classes` weighs the evidence. These functions never guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import calls, own_frames, to_own
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.confirmation import ConfirmationOutcome
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import is_own_class
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.class_keepers import kept_in_field, registered_in_field
from soak.diagnosis.suspects.class_kinds import class_words, own_objects
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.descriptor_kinds import close_wait, descriptor_kinds
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.growing_containers import (
    growing_containers,
    kept_closures,
    kept_listeners,
    kept_off_heap,
)
from soak.diagnosis.suspects.labels import multiplying_labels
from soak.diagnosis.suspects.late_growth import slows_down
from soak.diagnosis.suspects.native_memory import (
    class_loaders_grow,
    fragmented,
    native_categories,
    off_heap,
    off_heap_alone,
)
from soak.diagnosis.suspects.resource_owner import kept_connections
from soak.diagnosis.suspects.retained_requests import (
    contained_requests,
    context_package,
    kept_requests,
    timers_grow,
)
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES, is_by_the_way
from soak.diagnosis.suspects.unknowns import traced_in_part
from soak.diagnosis.thresholds import (
    LEAST_HEAP_SHARE,
    MOST_NAMED,
)
from soak.model import Verdict, series_key
from soak.units import capitalized, show_amount, show_number

_CLOSURE = (".func", "lambda$", "$$Lambda", "(anonymous)", "<lambda>", "<locals>")


def matching(case: Case, signatures: str, *what: str) -> Signal | None:
    """Return the first signal of a case that grows through functions of these signatures; of the kinds `what`, if given."""
    for signal in case.of(*(what or (PLACE, GROUP))):
        assert signal.site is not None
        if signal.site.calls_through(STACK_SIGNATURES[signatures]):
            return signal
    return None


def _signals(*what: ResourceKind | str) -> Callable[[Case, RunContext], str]:
    """Return a function that finds signals of these kinds and gives their own words."""
    return lambda case, _: next((signal.words for signal in case.of(*what)), "")


def _named(what: ResourceKind, *nouns: str) -> Callable[[Case, RunContext], str]:
    """Return a function that finds a signal of this kind that is counted in one of these units."""
    return lambda case, _: next(
        (signal.words for signal in case.of(what) if signal.unit in nouns), ""
    )


def _marked(signatures: str, words: str, *what: str) -> Callable[[Case, RunContext], str]:
    """Return a function that finds growth through these signatures, of these kinds; `words` has {function} and {place}."""

    def look(case: Case, _: RunContext) -> str:
        signal = matching(case, signatures, *what)
        if signal is None or signal.site is None:
            return ""
        marked = (
            frame for frame in _frames(signal) if calls((frame,), STACK_SIGNATURES[signatures])
        )
        frame = next((each for each in marked if not is_by_the_way(each, signal.site.stacks)), None)
        return "" if frame is None else words.format(function=frame.function, place=signal.name)

    return look


def _frames(signal: Signal) -> Iterator[Frame]:
    assert signal.site is not None
    for stack in signal.site.stacks:
        if stack.levels[-1] > stack.levels[0]:
            yield from to_own(stack.frames)


def _closure(case: Case, _: RunContext) -> str:
    """Say that the fastest place is a function within a function, if it is."""
    for signal in case.of(PLACE)[:1]:
        if signal.site is not None and any(mark in signal.site.place.function for mark in _CLOSURE):
            return f"The function at {signal.name} is a closure: it was created within another function and keeps its variables."
    return ""


def _everywhere(case: Case, _: RunContext) -> str:
    if case.endpoint != EVERY:
        return ""
    amount = case.amounts[0]
    return f"Every endpoint adds the same, {show_amount(amount.per_request, case.signals[0].unit)} per request."


def _blocked(case: Case, _: RunContext) -> str:
    """Say what the groups of the target's own code wait for; several places of one leak are named together."""
    words = [
        signal.words for signal in case.of(GROUP) if signal.group is not None and signal.group.own
    ]
    return " ".join(words[:MOST_NAMED])


def _proven(case: Case, _: RunContext) -> str:
    for signal in case.of(GROUP):
        if signal.group is not None and signal.group.proven > 0:
            many = show_number(signal.group.proven)
            return f"Go's goroutineleak profile names {many} goroutines at {signal.name}: nothing can ever wake them."
    return ""


def _heap_flat(case: Case, context: RunContext) -> str:
    """Say that the managed heap does not contribute to the growth of memory, if that is known."""
    if case.of(ResourceKind.HEAP, PLACE) or not case.of(ResourceKind.MEMORY):
        return ""
    resident = case.of(ResourceKind.MEMORY)
    flat = next(
        (finding for finding in context.heap_findings if finding.verdict is Verdict.PASS), None
    )
    if flat is not None and not context.heap_may_grow:
        return flat.reason
    # Windows of tracing tell only what they surely saw: nothing seen is not nothing kept.
    whole = context.profiled and not traced_in_part(context)
    if whole and context.gained() < LEAST_HEAP_SHARE * resident[0].each.per_request:
        return "The heap's snapshots hold hardly more at the end than at the beginning."
    return ""


def _kept_after_load(case: Case, context: RunContext) -> str:
    """Say that connections were not returned after the load had ended."""
    kept = [
        finding
        for finding in context.findings
        if finding.verdict is Verdict.FAIL
        and finding.unit == "connections"
        and finding.trend is None
    ]
    about = (
        case.of(ResourceKind.POOL, ResourceKind.DESCRIPTORS)
        or not case.signals
        or matching(case, "database")
    )
    return kept[0].reason if kept and about else ""


def _database_frames(case: Case, _: RunContext) -> str:
    signal = matching(case, "database")
    return (
        f"What grows at {signal.name} came through the database's client."
        if signal is not None
        else ""
    )


def _counts(case: Case, _: RunContext) -> str:
    return next((signal.words for signal in case.signals if signal.counted), "")


def _again(outcome: ConfirmationOutcome) -> Callable[[Case, RunContext], str]:
    """Return a function that finds this outcome of a second load for one of the case's series."""

    def look(case: Case, context: RunContext) -> str:
        keys = {
            series_key(signal.finding.series, signal.finding.labels)
            for signal in case.signals
            if signal.finding is not None
        }
        told = next(
            (
                confirmed
                for confirmed in context.confirmed
                if confirmed.key in keys and confirmed.outcome is outcome
            ),
            None,
        )
        return f"{capitalized(told.reason)}." if told is not None else ""

    return look


def _seen(kind: EvidenceKind) -> Callable[[Case, RunContext], str]:
    return lambda case, _: case.seen.get(kind, "")


def _either(*looks: Callable[[Case, RunContext], str]) -> Callable[[Case, RunContext], str]:
    """Return a function that gives the words of the first of these functions that has any."""
    return lambda case, context: next(filter(None, (look(case, context) for look in looks)), "")


def _of_classes(leak_class: str) -> Callable[[Case, RunContext], str]:
    """Return a function that tells what requests leave on a JVM's heap, where it shows this class of leak."""
    return lambda case, context: (
        class_words(leak_class, context) if case.of(PLACE, ResourceKind.HEAP) else ""
    )


Look = Callable[[Case, RunContext], str]
_NATIVE_MARKED = _marked("native", "At {place}, {function} takes memory from the system.")
_CONNECTION_GOROUTINES = _marked(
    # Only groups: on a heap, every request came through a connection. Only in Go: a thread that waits
    # for a connection in another runtime was started by somebody.
    "connections",
    "Ever more goroutines of connections wait at {place}: what they belong to is not closed.",
    GROUP,
)
_NEVER_ENDED = _marked(
    "never ended",
    "Ever more goroutines wait in {function}, one for each transaction or result that is not ended.",
    GROUP,
)
_CONTEXT_MARKED = _marked(
    "context",
    "Part of what grows was made by {function}: a context, timer, promise or thread-local that stays registered.",
)

#: The function that finds each kind of evidence, in the order in which reports list them.
EVIDENCE: dict[EvidenceKind, Look] = {
    EvidenceKind.POOL_GROWS: _signals(ResourceKind.POOL),
    EvidenceKind.KEPT_AFTER_LOAD: _kept_after_load,
    EvidenceKind.MANY_POOLS: _marked(
        "pools", "Pools are opened again and again: there is ever more of {function}."
    ),
    EvidenceKind.BLOCKED: _blocked,
    EvidenceKind.PROVEN: _proven,
    EvidenceKind.THREADS_GROW: _either(
        _named(ResourceKind.THREADS, "threads"), _of_classes("goroutine-leak")
    ),
    EvidenceKind.PROCESSES_GROW: _named(ResourceKind.THREADS, "processes"),
    EvidenceKind.GOROUTINES_GROW: _named(ResourceKind.THREADS, "goroutines"),
    EvidenceKind.TASKS_GROW: _named(ResourceKind.THREADS, "tasks"),
    EvidenceKind.DESCRIPTORS_GROW: _signals(ResourceKind.DESCRIPTORS),
    EvidenceKind.DESCRIPTOR_TYPE: descriptor_kinds,
    EvidenceKind.CLOSE_WAIT: close_wait,
    EvidenceKind.CONNECTION_GOROUTINES: lambda case, context: (
        _CONNECTION_GOROUTINES(case, context) if context.language in ("", "Go") else ""
    ),
    EvidenceKind.NEVER_ENDED: _either(
        _NEVER_ENDED,
        lambda case, context: (
            kept_connections(context) if case.of(PLACE, ResourceKind.HEAP) else ""
        ),
        _of_classes("pool-misuse"),
    ),
    EvidenceKind.CONNECTIONS_KEPT: _marked(
        "new connections",
        "Ever more is held below {function}: connections that were opened because none was idle.",
        PLACE,
    ),
    EvidenceKind.DATABASE_FRAMES: _database_frames,
    EvidenceKind.CONTAINER_GAINS: _either(growing_containers, kept_in_field),
    EvidenceKind.PLACE_GROWS: _either(
        _signals(PLACE),
        lambda case, context: own_objects(context) if case.of(ResourceKind.HEAP) else "",
    ),
    EvidenceKind.HEAP_GROWS: _signals(ResourceKind.HEAP),
    EvidenceKind.CLASS_KIND: _of_classes("unbounded-cache"),
    EvidenceKind.LABELS_MULTIPLY: multiplying_labels,
    EvidenceKind.SLOWS_DOWN: slows_down,
    EvidenceKind.EVERY_ENDPOINT: _everywhere,
    EvidenceKind.CONTEXT_FRAMES: _either(
        kept_listeners,
        registered_in_field,
        _CONTEXT_MARKED,
        lambda case, _: context_package(case),
        _of_classes("request-context"),
    ),
    EvidenceKind.TIMERS_GROW: lambda case, context: (
        timers_grow(context) if case.of(PLACE, ResourceKind.HEAP, ResourceKind.TIMERS) else ""
    ),
    EvidenceKind.REQUESTS_KEPT: lambda case, context: (
        kept_requests(case, context)
        if case.of(PLACE, ResourceKind.HEAP, ResourceKind.REQUESTS)
        else contained_requests(case, context)
        if case.of(ResourceKind.MEMORY)
        else ""
    ),
    EvidenceKind.CONTAINER_FRAMES: _marked(
        "container", "Part of what grows was made by {function}: a map or a list gains entries."
    ),
    EvidenceKind.CLOSURE: _closure,
    EvidenceKind.CLOSURES_KEPT: kept_closures,
    EvidenceKind.NATIVE_FRAMES: _either(_NATIVE_MARKED, kept_off_heap),
    EvidenceKind.MEMORY_GROWS: _signals(ResourceKind.MEMORY),
    EvidenceKind.OFF_HEAP: off_heap,
    EvidenceKind.OFF_HEAP_ALONE: _either(off_heap_alone, _of_classes("native-growth")),
    EvidenceKind.CLASS_LOADERS: class_loaders_grow,
    EvidenceKind.NATIVE_CATEGORY: native_categories,
    EvidenceKind.FRAGMENTED: fragmented,
    EvidenceKind.HEAP_FLAT: _heap_flat,
    EvidenceKind.COUNT_GROWS: _either(_counts, _of_classes("goroutine-leak")),
    EvidenceKind.LEAKS_AGAIN: _again(ConfirmationOutcome.LEAK),
    EvidenceKind.HIGH_WATER: _again(ConfirmationOutcome.HIGH_WATER),
    EvidenceKind.BUILT_WHOLE: _seen(EvidenceKind.BUILT_WHOLE),
    EvidenceKind.PEAK_FOLLOWS: _seen(EvidenceKind.PEAK_FOLLOWS),
    EvidenceKind.MUCH_GARBAGE: _seen(EvidenceKind.MUCH_GARBAGE),
    EvidenceKind.ALLOCATION: _seen(EvidenceKind.ALLOCATION),
    EvidenceKind.POOL_TOO_LARGE: _seen(EvidenceKind.POOL_TOO_LARGE),
    EvidenceKind.IDLE_KEPT: _seen(EvidenceKind.IDLE_KEPT),
}


def collect_evidence(case: Case, context: RunContext) -> dict[EvidenceKind, str]:
    """Return all evidence of a case in words, in the table's order."""
    evidence = {kind: look(case, context) for kind, look in EVIDENCE.items()}
    return {kind: words for kind, words in evidence.items() if words}


def place_in(case: Case, groups_first: bool, but: Sequence[str] = ()) -> Frame | None:
    """Return the place that a case's snapshots name: the target's own before a library's, never a frame of the runtime.

    Signals that grow through the functions in `but` are skipped.
    """
    order: Sequence[Signal] = (
        [*case.of(GROUP), *case.of(PLACE)] if groups_first else [*case.of(PLACE), *case.of(GROUP)]
    )
    places = [
        signal.group.place if signal.group else signal.site.place
        for signal in order
        if signal.site and not (but and signal.site.through(but) > 0)
    ]
    own = next((frame for frame in places if own_frames((frame,))), None)
    return own or next((frame for frame in places if frame.own or is_own_class(frame)), None)
