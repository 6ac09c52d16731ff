"""Suspects: what leaks, where, through which endpoint, and how much per request; none if the evidence is weak.

The growth in a failed run is grouped into cases, one per leak; the evidence of a case names its
class. Nothing here can change a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import own_frames
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal, signals
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case, frames_of, group_signals
from soak.diagnosis.suspects.class_keepers import class_keeper, field_remedy
from soak.diagnosis.suspects.class_kinds import class_remedy
from soak.diagnosis.suspects.context import RunContext, run_context
from soak.diagnosis.suspects.descriptor_kinds import descriptor_remedy
from soak.diagnosis.suspects.evidence import collect_evidence
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.exhausted_pools import exhausted_pool
from soak.diagnosis.suspects.flamegraph import flame_of, table_of
from soak.diagnosis.suspects.growing_containers import containers, listening_container
from soak.diagnosis.suspects.headline import headline
from soak.diagnosis.suspects.heap_through_endpoint import (
    with_endpoint_of_containers,
    with_heap_through_endpoint,
)
from soak.diagnosis.suspects.labels import label_remedy
from soak.diagnosis.suspects.late_growth import adds_late
from soak.diagnosis.suspects.leak_classes import CLASSES, UNKNOWN, class_probabilities, supporting
from soak.diagnosis.suspects.measures import measured_by, shared_by
from soak.diagnosis.suspects.object_keepers import object_keeper
from soak.diagnosis.suspects.place_and_amount import place_and_amount, signal_told, surely_with_time
from soak.diagnosis.suspects.pool_risks import risk_cases
from soak.diagnosis.suspects.remedies import remedy
from soak.diagnosis.suspects.retained_requests import containers_of_requests, keeper_of
from soak.diagnosis.suspects.transient_memory import transient_cases
from soak.diagnosis.suspects.unknowns import (
    class_not_known,
    collector_off,
    doubts,
    endpoint_not_known,
    more_to_see,
    tracing_cost,
    unplaced,
)
from soak.diagnosis.thresholds import (
    GREATEST_CONFIDENCE,
    LEAST_CONFIDENCE,
    LEAST_RUNNER_UP,
    MOST_SUSPECTS,
    UNKNOWN_CONFIDENCE,
    UNPLACED_FACTOR,
)
from soak.model import Analysis, Recording, Suspect, Verdict

#: Evidence that resident memory grows for a reason of its own, independently of growing heap,
#: descriptors and threads.
_ITS_OWN = {
    EvidenceKind.OFF_HEAP,
    EvidenceKind.NATIVE_FRAMES,
    EvidenceKind.CLASS_LOADERS,
    EvidenceKind.NATIVE_CATEGORY,
}


def with_suspects(
    recording: Recording,
    analysis: Analysis,
    warmup: float = 0.0,
    prepared: Prepared | None = None,
) -> Analysis:
    """Return the analysis with its suspects, most certain first, and what leads to them; the verdict does not change.

    `prepared` is the recording as it was judged, if the caller has it.
    """
    context = run_context(recording, analysis, warmup, prepared)
    growing = signals(
        context.prepared, context.findings, context.places, context.groups, context.classes
    )
    named = suspects(context, growing)
    reason = analysis.reason
    leaks = [
        suspect
        for suspect in named
        if suspect.leak_class not in ("gc-pressure", "buffered-response")
    ]
    if leaks and analysis.verdict is Verdict.FAIL:
        reason = headline(leaks[0], analysis)
    elif waiting := exhausted_pool(context):
        reason = f"{reason} {waiting}"
    return replace(
        analysis,
        suspects=named,
        reason=reason,
        warnings=(
            *analysis.warnings,
            *context.unread,
            *collector_off(context),
            *tracing_cost(context),
        ),
        flame=flame_of(context.places) if leaks else None,
        places=table_of(growing, [endpoint.name for endpoint in analysis.endpoints]),
    )


def suspects(context: RunContext, growing: Sequence[Signal]) -> tuple[Suspect, ...]:
    """Return the suspects, likeliest first; empty if nothing failed and nothing is unusual."""
    cases = _of_what_failed(group_signals(growing, resident_names=not context.heap_may_grow))
    if len(cases) == 1:  # with several, it is unknown how much of the heap belongs to each
        windows = context.prepared.windows()
        [case] = cases
        case = with_endpoint_of_containers(case, containers(context), windows)
        cases = [with_heap_through_endpoint(case, windows)]
    cases += transient_cases(context, cases)
    cases += risk_cases(context, cases)
    evidence = [collect_evidence(case, context) for case in cases]
    explained = any(case.signals and not case.resident_alone for case in cases)
    pairs = [
        (case, suspect)
        for case, seen in zip(cases, evidence, strict=True)
        if not (explained and case.resident_alone and not _ITS_OWN & seen.keys())
        and (suspect := _suspect(case, seen, context)) is not None
    ]
    # Beside a leak that is known, what a cache gains until it is full looks like a second one.
    known = any(suspect.leak_class != UNKNOWN for _, suspect in pairs)
    named = [
        suspect
        for case, suspect in pairs
        if not known or suspect.leak_class != UNKNOWN or adds_late(case, context)
    ]
    if not named:  # at least the amount is known
        unknown = (
            _of_unknown_class(case, seen, context, anywhere=True)
            for case, seen in zip(cases, evidence, strict=True)
        )
        named = [suspect for suspect in unknown if suspect is not None][:1]
    likeliest_first = sorted(named, key=lambda suspect: -suspect.confidence)
    return tuple(each_once(likeliest_first)[:MOST_SUSPECTS])


def _of_what_failed(cases: Sequence[Case]) -> list[Case]:
    """Remove cases of places alone if no memory fails: then only counts fail, and caches that fill are places, too."""
    memory = any(case.of(ResourceKind.HEAP, ResourceKind.MEMORY) for case in cases)
    return [case for case in cases if memory or len(case.of(PLACE)) < len(case.signals)]


def each_once(named: Sequence[Suspect]) -> list[Suspect]:
    """Remove suspects with the class, place and endpoint of an earlier one: they are the same leak, seen twice."""
    kept: list[Suspect] = []
    for suspect in named:
        told = (suspect.leak_class, suspect.place, suspect.endpoint)
        if suspect.place.unknown or told not in [
            (other.leak_class, other.place, other.endpoint) for other in kept
        ]:
            kept.append(suspect)
    return kept


def _suspect(
    case: Case, evidence: Mapping[EvidenceKind, str], context: RunContext
) -> Suspect | None:
    likely = list(class_probabilities(evidence).items())
    if not likely or likely[0][1] < LEAST_CONFIDENCE:
        return _of_unknown_class(case, evidence, context)
    name, probability = likely[0]
    known = place_and_amount(name, case, context)
    runner_up = likely[1][0] if len(likely) > 1 and likely[1][1] >= LEAST_RUNNER_UP else ""
    kept = EvidenceKind.REQUESTS_KEPT in evidence
    place = known.place or unplaced(case, context, requests_kept=kept)
    kept_at = [Frame(known.place.function)] if known.place is not None else []
    words = supporting(name, evidence)
    if case.signals:
        measured = [known.words] if known.words else measured_by(case, known.signal)
        words += [*measured, shared_by(case, known.signal), _kept_by(name, case, context)]
        words += [endpoint_not_known(case, context), *doubts(case)]
    return Suspect(
        name,
        min(probability, GREATEST_CONFIDENCE)
        * (1.0 if known.place is not None else UNPLACED_FACTOR),
        place,
        case.endpoint,
        known.amount.per_request,
        known.amount.low,
        known.amount.high,
        known.unit,
        tuple(filter(None, words)),
        runner_up,
        (label_remedy(context) if EvidenceKind.LABELS_MULTIPLY in evidence else "")
        or (descriptor_remedy(context) if name == "descriptor-leak" else "")
        or field_remedy(name, case, context)
        or class_remedy(name, context)
        or remedy(
            name,
            context.language,
            [*frames_of(case), *kept_at],
            _variable(name, case, context) if kept else _emitter(name, case, context),
            own=not case.of(GROUP) or any(_waits_itself(signal) for signal in case.of(GROUP)),
        ),
        known.per_hour,
        case.sharing,
    )


def _waits_itself(signal: Signal) -> bool:
    """Return True if the target's own code waits, not a library's below it or on its own."""
    return signal.group is not None and bool(own_frames((signal.group.place,)))


def _variable(name: str, case: Case, context: RunContext) -> str:
    """Return the variable or field of the target's own code that keeps requests; empty if that is unknown, or another class."""
    if name != "request-context":
        return ""
    if (keeper := keeper_of(case, context)) is not None:
        return keeper.variable
    if (field := class_keeper(case, context) or object_keeper(case, context)) is not None:
        return field.field
    return next((each.holder for each in containers_of_requests(case, context)), "")


def _emitter(name: str, case: Case, context: RunContext) -> str:
    """Return what holds listeners that requests add and never remove; empty if none is known, or of another class."""
    found = listening_container(case, context) if name == "request-context" else None
    return found.holder if found is not None else ""


def _kept_by(name: str, case: Case, context: RunContext) -> str:
    """Say which field of a JVM keeps most of the sampled objects, if the leak is one of the heap; empty if unknown."""
    on_heap = CLASSES[name].unit == "bytes" and name != "native-growth"
    labels = bool(case.of(ResourceKind.METRICS))  # whose series are few beside what caches keep
    if not on_heap or labels:
        return ""
    if (field := class_keeper(case, context)) is not None:
        return "" if name == "unbounded-cache" else field.words  # there it is evidence already
    keeper = object_keeper(case, context)
    return keeper.words if keeper is not None else ""


def _of_unknown_class(
    case: Case,
    evidence: Mapping[EvidenceKind, str],
    context: RunContext,
    *,
    anywhere: bool = False,
) -> Suspect | None:
    """Return a suspect of class `unknown` with its endpoint and amount.

    None if these are unknown, or if the evidence speaks against a memory leak (such as a slowdown). If
    `anywhere`, the endpoint may be unknown where it is the heap that grows.
    """
    against = {EvidenceKind.SLOWS_DOWN, EvidenceKind.HIGH_WATER, EvidenceKind.COUNT_GROWS}
    signal = signal_told(case, "bytes") if case.signals else None
    if signal is None or against & evidence.keys():
        return None
    if not case.endpoint and not (anywhere and signal.what is ResourceKind.HEAP):
        return None
    amount = case.amount(signal)
    return Suspect(
        UNKNOWN,
        UNKNOWN_CONFIDENCE,
        unplaced(case, context),
        case.endpoint,
        amount.per_request,
        amount.low,
        amount.high,
        signal.unit,
        tuple(
            filter(
                None,
                [
                    *class_not_known(case, context),
                    endpoint_not_known(case, context),
                    *doubts(case),
                ],
            )
        ),
        "",
        more_to_see(context) or remedy(UNKNOWN, context.language, ()),
        surely_with_time(signal),
        case.sharing,
    )
