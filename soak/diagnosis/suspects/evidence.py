"""Named evidence: one table of what can be seen of a case, each with a look that gives it in words, or nothing.

What the classes make of it is in `leak_classes`. A look never guesses: it says what was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from soak.catalog.metrics import COLLECTORS, ResourceKind, metric_of
from soak.catalog.process import DESCRIPTORS_BY_TYPE
from soak.diagnosis.attribution.allocation_sites import calls, own_frames
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.confirmation import Outcome
from soak.diagnosis.attribution.signals import FAIR, GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import Scene, rise
from soak.diagnosis.suspects.retained_requests import kept_requests, timers_grow
from soak.diagnosis.suspects.stack_signatures import MARKS
from soak.model import RuleName, Verdict, series_key
from soak.units import show_amount, show_number

_CLOSURE = (".func", "lambda$", "$$Lambda", "(anonymous)", "<lambda>", "<locals>")
#: Fewer descriptors more than this are no growth.
_FEWEST = 3


def matching(case: Case, marks: str) -> Signal | None:
    """The first place or group of a case that grows through functions with these marks."""
    for signal in case.of(PLACE, GROUP):
        assert signal.holding is not None
        if signal.holding.through(MARKS[marks]) > 0:
            return signal
    return None


def _signals(*what: ResourceKind | str) -> Callable[[Case, Scene], str]:
    """A look for signals of these roles: their own words."""
    return lambda case, _: next((signal.words for signal in case.of(*what)), "")


def _named(what: ResourceKind, *nouns: str) -> Callable[[Case, Scene], str]:
    """A look for a failing series of this role, counted in one of these units."""
    return lambda case, _: next((signal.words for signal in case.of(what) if signal.unit in nouns), "")


def _marked(marks: str, words: str) -> Callable[[Case, Scene], str]:
    """A look for growth through functions with these marks; `words` hold {function} and {place}."""

    def look(case: Case, _: Scene) -> str:
        signal = matching(case, marks)
        if signal is None or signal.holding is None:
            return ""
        frame = next(frame for frame in _frames(signal) if calls((frame,), MARKS[marks]))
        return words.format(function=frame.function, place=signal.name)

    return look


def _frames(signal: Signal) -> Iterator[Frame]:
    assert signal.holding is not None
    for stack in signal.holding.stacks:
        if stack.levels[-1] > stack.levels[0]:
            yield from stack.frames


def _closure(case: Case, _: Scene) -> str:
    """Whether the fastest place is a function within a function."""
    for signal in case.of(PLACE)[:1]:
        if signal.holding is not None and any(mark in signal.holding.place.function for mark in _CLOSURE):
            return f"The function at {signal.name} was made within another, and keeps what that one held."
    return ""


def _everywhere(case: Case, _: Scene) -> str:
    if case.endpoint != EVERY:
        return ""
    amount = case.amounts[0]
    return f"Every endpoint adds the same, {show_amount(amount.per_request, case.signals[0].unit)} a request."


def _blocked(case: Case, _: Scene) -> str:
    return next((one.words for one in case.of(GROUP) if one.group is not None and one.group.own), "")


def _proven(case: Case, _: Scene) -> str:
    for signal in case.of(GROUP):
        if signal.group is not None and signal.group.proven > 0:
            many = show_number(signal.group.proven)
            return f"Go's goroutineleak profile names {many} goroutines at {signal.name}: nothing can ever wake them."
    return ""


def _heap_grows(case: Case, _: Scene) -> str:
    return next((signal.words for signal in (*case.of(PLACE), *case.of(ResourceKind.HEAP))), "")


def _heap_flat(case: Case, scene: Scene) -> str:
    """Whether the managed heap is known, and has no part in the growth of memory."""
    if case.of(ResourceKind.HEAP, PLACE) or not case.of(ResourceKind.MEMORY):
        return ""
    for finding in scene.findings:
        role = metric_of(finding.series, finding.labels)
        if (
            finding.rule is RuleName.GROWTH
            and finding.verdict is Verdict.PASS
            and role is not None
            and role.kind is ResourceKind.HEAP
        ):
            return finding.reason
    resident = case.of(ResourceKind.MEMORY)
    if scene.profiled and scene.gained() < FAIR * resident[0].each.per_request:
        return "The heap's snapshots hold hardly more at the end than at the beginning."
    return ""


def growing_kind(scene: Scene) -> tuple[str, str, float]:
    """The type and state of the descriptors that grow most, and by how many; empty where none grows."""
    grown = [
        (rise(one, scene.prepared.judged_from), dict(one.labels).get("type", ""), dict(one.labels).get("state", ""))
        for one in scene.series(DESCRIPTORS_BY_TYPE)
    ]
    most, kind, state = max(grown, default=(0.0, "", ""))
    return (kind, state, most) if most >= _FEWEST else ("", "", 0.0)


def _descriptor_kinds(case: Case, scene: Scene) -> str:
    """Which kind of descriptor grows."""
    kind, state, grown = growing_kind(scene)
    if not kind or not case.of(ResourceKind.DESCRIPTORS):
        return ""
    said = f"{kind}, {state}" if state else kind
    return f"Of all descriptors it is those of type {said} that grow, by {grown:,.0f}."


def _close_wait(case: Case, scene: Scene) -> str:
    waiting = sum(
        rise(one, scene.prepared.judged_from) for one in scene.series(DESCRIPTORS_BY_TYPE, state="CLOSE_WAIT")
    )
    if waiting < _FEWEST or not case.of(ResourceKind.DESCRIPTORS):
        return ""
    return f"{waiting:,.0f} more sockets are in CLOSE_WAIT: the other side has hung up, this side has not."


def _off_heap(case: Case, scene: Scene) -> str:
    """Memory that the runtime holds outside of its heap, and tells of."""
    for name in (collector.outside for collector in COLLECTORS if collector.outside):
        grown = sum(rise(one, scene.prepared.judged_from) for one in scene.series(name))
        if case.of(ResourceKind.MEMORY) and grown > 2**20:
            return f"{name} grew by {show_amount(grown, 'bytes')}: buffers outside of the heap."
    return ""


def _kept_after_load(case: Case, scene: Scene) -> str:
    """Connections that were not returned when the load was over."""
    kept = [
        one for one in scene.findings if one.verdict is Verdict.FAIL and one.unit == "connections" and one.trend is None
    ]
    about = case.of(ResourceKind.POOL, ResourceKind.DESCRIPTORS) or not case.signals or matching(case, "database")
    return kept[0].reason if kept and about else ""


def _database_frames(case: Case, _: Scene) -> str:
    signal = matching(case, "database")
    return f"What grows at {signal.name} came through the database's client." if signal is not None else ""


def _counts(case: Case, _: Scene) -> str:
    return next((signal.words for signal in case.signals if signal.counted), "")


def _again(outcome: Outcome) -> Callable[[Case, Scene], str]:
    """A look for what a second load told of the case's series, or of the snapshots that have its places."""

    def look(case: Case, scene: Scene) -> str:
        keys = {series_key(one.finding.series, one.finding.labels) for one in case.signals if one.finding is not None}
        told = next((one for one in scene.confirmed if one.key in keys and one.outcome is outcome), None)
        return f"{told.reason[:1].upper()}{told.reason[1:]}." if told is not None else ""

    return look


def _seen(name: str) -> Callable[[Case, Scene], str]:
    return lambda case, _: case.seen.get(name, "")


Look = Callable[[Case, Scene], str]

#: What can be seen, in the order in which a reader wants to hear it.
EVIDENCE: dict[str, Look] = {
    "pool grows": _signals(ResourceKind.POOL),
    "connections kept after load": _kept_after_load,
    "many pools": _marked("pools", "Pools are opened again and again: there is ever more of {function}."),
    "goroutines blocked": _blocked,
    "proven leaked": _proven,
    "threads grow": _named(ResourceKind.THREADS, "threads"),
    "goroutines grow": _named(ResourceKind.THREADS, "goroutines"),
    "descriptors grow": _signals(ResourceKind.DESCRIPTORS),
    "kind of descriptor": _descriptor_kinds,
    "sockets not closed": _close_wait,
    "connections' goroutines": _marked(
        "connections", "Ever more goroutines of connections wait at {place}: what they belong to is not closed."
    ),
    "database frames": _database_frames,
    "heap grows": _heap_grows,
    "every endpoint": _everywhere,
    "context frames": _marked(
        "context",
        "Part of what grows was made by {function}: a context, timer, promise or thread-local that stays registered.",
    ),
    "timers grow": lambda case, scene: timers_grow(scene) if case.of(PLACE, ResourceKind.HEAP) else "",
    "requests kept": lambda case, scene: kept_requests(case, scene) if case.of(PLACE) else "",
    "container frames": _marked(
        "container", "Part of what grows was made by {function}: a map or a list gains entries."
    ),
    "closure": _closure,
    "native frames": _marked("native", "At {place}, {function} takes memory from the system."),
    "memory grows": _signals(ResourceKind.MEMORY),
    "off the heap": _off_heap,
    "heap flat": _heap_flat,
    "anything counted grows": _counts,
    "leaks again": _again(Outcome.LEAK),
    "high-water mark": _again(Outcome.HIGH_WATER),
    "answers built whole": _seen("answers built whole"),
    "peak follows answers": _seen("peak follows answers"),
    "much garbage": _seen("much garbage"),
    "allocation a request": _seen("allocation a request"),
    "pool too large": _seen("pool too large"),
    "idle kept": _seen("idle kept"),
}


def seen(case: Case, scene: Scene) -> dict[str, str]:
    """All evidence of a case: name to words, in the table's order."""
    looked = {name: look(case, scene) for name, look in EVIDENCE.items()}
    return {name: words for name, words in looked.items() if words}


def place_in(case: Case, groups_first: bool, but: Sequence[str] = ()) -> Frame | None:
    """The place that a case's snapshots name: an own one before a library's, and before none.

    What grows through the functions in `but` names nobody.
    """
    order: Sequence[Signal] = [*case.of(GROUP), *case.of(PLACE)] if groups_first else [*case.of(PLACE), *case.of(GROUP)]
    named = [
        signal.group.place if signal.group else signal.holding.place
        for signal in order
        if signal.holding and not (but and signal.holding.through(but) > 0)
    ]
    return next((frame for frame in named if own_frames((frame,))), named[0] if named else None)
