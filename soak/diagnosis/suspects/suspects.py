"""Suspects: what leaks, where, through which endpoint, and how much a request; nobody where the evidence is thin.

A run that failed is looked at as a scene; what grows in it makes cases, one a leak; the evidence of each names a class.
Nothing here can change a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import where
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal, signals
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case, cases
from soak.diagnosis.suspects.context import Scene, scene_of
from soak.diagnosis.suspects.evidence import growing_kind, matching, place_in, seen
from soak.diagnosis.suspects.flamegraph import flame_of, table_of
from soak.diagnosis.suspects.headline import headline
from soak.diagnosis.suspects.leak_classes import CLASSES, chances, supporting
from soak.diagnosis.suspects.pool_risks import risk_cases
from soak.diagnosis.suspects.remedies import remedy
from soak.diagnosis.suspects.resource_owner import CONNECTING, borrower, opened_class, opener, wrapper
from soak.diagnosis.suspects.stack_signatures import MARKS
from soak.diagnosis.suspects.transient_memory import large_cases
from soak.model import Analysis, Recording, Suspect, Verdict

#: No suspect is named that is less likely than this, no runner-up than that, and at most so many of them.
LEAST, RUNNER_UP, MOST = 0.4, 0.01, 5
#: Nobody is suspected more surely than this; less surely by this factor where the place is not known.
_SUREST, _NOWHERE = 0.99, 0.9
#: By how much wider a place's interval counts, since its bytes were sampled and a series' counted.
_SAMPLED = 0.25
#: The functions by which classes open what they leak.
_OPENS = {"descriptor-leak": ("connections", "files"), "pool-misuse": ("database",), "native-growth": ("native",)}
_OF_KIND = {"socket": ("connections",), "file": ("files",)}
_COUNTS: dict[str, tuple[ResourceKind | str, ...]] = {
    "descriptors": (ResourceKind.DESCRIPTORS,),
    "goroutines": (ResourceKind.THREADS, GROUP),
    "connections": (ResourceKind.POOL, ResourceKind.DESCRIPTORS),
}


def diagnosed(recording: Recording, analysis: Analysis, warmup: float = 0.0) -> Analysis:
    """The analysis with its suspects, best first, and what leads to them; the verdict stays as it was."""
    scene = scene_of(recording, analysis, warmup)
    grown = signals(scene.prepared, scene.findings, scene.places, scene.groups)
    found = suspects(scene, grown)
    reason = analysis.reason
    growth = [one for one in found if one.leak_class not in ("gc-pressure", "buffered-response")]
    if growth and analysis.verdict is Verdict.FAIL:
        reason = f"{headline(growth[0], analysis)} {analysis.reason}"
    return replace(
        analysis,
        suspects=found,
        reason=reason,
        warnings=(*analysis.warnings, *scene.unread),
        flame=flame_of(scene.places) if growth else None,
        places=table_of(grown, [one.name for one in analysis.endpoints]),
    )


def suspects(scene: Scene, grown: Sequence[Signal]) -> tuple[Suspect, ...]:
    """Who is suspected, the likeliest first; nobody where nothing failed and nothing is out of the ordinary."""
    found = cases(grown)
    found += large_cases(scene, found)
    found += risk_cases(scene, found)
    named = [suspect for case in found if (suspect := _suspect(case, scene)) is not None]
    return tuple(sorted(named, key=lambda one: -one.confidence)[:MOST])


@dataclass(frozen=True)
class _Known:
    """Where, and how much."""

    place: Frame | None
    amount: Amount
    unit: str


def _suspect(case: Case, scene: Scene) -> Suspect | None:
    evidence = seen(case, scene)
    likely = list(chances(evidence).items())
    if not likely or likely[0][1] < LEAST:
        return None
    name, chance = likely[0]
    known = _known(name, case, scene)
    rival = likely[1][0] if len(likely) > 1 and likely[1][1] >= RUNNER_UP else ""
    placed = where(known.place) if known.place is not None else _unplaced(scene)
    words = supporting(name, evidence)
    if not case.endpoint and case.signals:
        words.append(_untold(case))
    return Suspect(
        name,
        min(chance, _SUREST) * (1.0 if known.place is not None else _NOWHERE),
        placed,
        case.endpoint,
        known.amount.per_request,
        known.amount.low,
        known.amount.high,
        known.unit,
        tuple(words),
        rival,
        remedy(name, scene.language),
    )


def _known(name: str, case: Case, scene: Scene) -> _Known:
    """The place and the amount that belong to a class."""
    unit = CLASSES[name].unit
    if not case.signals:
        return _Known(case.place, case.cost or Amount("", 0.0, 0.0, 0.0), case.unit if case.cost else "")
    marks = _opens(name, case, scene) if name in _OPENS else ()
    place = (opener(scene, marks, case.endpoint) or opened_class(scene, marks)) if marks else None
    if place is None and name == "pool-misuse":
        place = borrower(scene)
    if place is None and name == "native-growth":
        place = wrapper(scene, case.endpoint)
    elif place is None and not (name == "descriptor-leak" and scene.language == "Java"):
        place = place_in(case, groups_first=unit != "bytes", but=CONNECTING if name == "pool-misuse" else ())
        if place is not None and unit in ("descriptors", "connections") and not place.own:
            place = None  # what a library holds for what was opened says nothing of who opened it
    signal = _told_by(case, unit)
    if signal is None:
        return _Known(place, Amount("", 0.0, 0.0, 0.0), "")
    return _Known(place, case.amount(signal), unit if unit == "connections" else signal.unit)


def _opens(name: str, case: Case, scene: Scene) -> Sequence[str]:
    """The marks of functions that open what a class leaks, as narrow as the evidence allows."""
    if name == "pool-misuse" and matching(case, "pools"):
        return ("pools",)
    kind = growing_kind(scene)[0] if name == "descriptor-leak" else ""
    return _OF_KIND.get(kind, _OPENS[name])


def _told_by(case: Case, unit: str) -> Signal | None:
    """The signal whose amount is a class's own: of several that tell of bytes, the one that is known best."""
    roles = (ResourceKind.HEAP, PLACE, ResourceKind.MEMORY) if unit == "bytes" else _COUNTS[unit]
    # What only came along says nothing of what a request to this endpoint costs.
    told = [one for what in roles for one in case.of(what) if case.amount(one).endpoint == case.endpoint]
    if unit in ("descriptors", "connections"):
        # A pool that is opened again holds a connection and a goroutine that opens more; the latter is never idle and closed.
        pools = [one for one in case.of(GROUP) if one.holding and one.holding.through(MARKS["pools"]) > 0]
        again = pools if unit == "connections" and not case.of(ResourceKind.POOL) else []
        return next(iter([*again, *(one for one in told if one.unit == unit), *told]), None)
    heap = [one for one in told if one.what != ResourceKind.MEMORY] or told
    return min(heap, key=lambda one: _width(case.amount(one)) + (_SAMPLED if one.what == PLACE else 0.0), default=None)


def _width(amount: Amount) -> float:
    """How wide an interval is beside its middle."""
    return (amount.high - amount.low) / amount.per_request if amount.per_request > 0 else float("inf")


def _unplaced(scene: Scene) -> str:
    if not scene.profiled and not scene.groups:
        return "unknown: no snapshots of the target were taken"
    return "unknown: no snapshot shows the place"


def _untold(case: Case) -> str:
    """Why the endpoint is not known."""
    refused = [one.refused for one in case.signals if one.refused]
    return f"The endpoint is not known: {refused[0] if refused else '`diagnose: {attribute: true}` tells endpoints apart'}."
