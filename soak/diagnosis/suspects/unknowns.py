"""Explain why a place, an endpoint or a class is unknown, and what would show it."""

from __future__ import annotations

from soak.catalog.metrics import opening_of
from soak.catalog.python import COLLECTOR_ENABLED, TRACING_DUTY, TRACING_SHARE
from soak.catalog.row_types import Unit
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import LEAST_SAMPLES, LEAST_SNAPSHOTS, LONGER_RUN, SPARE_POINTS
from soak.model import Place
from soak.units import capitalized, show_amount, show_duration, show_number, show_ratio

#: Advice on how to leave capacity for tracing a Python service's allocations.
_ROOM = "at a lower rate, or where the machine has less other work"


def unplaced(case: Case, context: RunContext, *, requests_kept: bool = False) -> Place:
    """Return a place that says why none is known; requests were made by the server, wherever they are kept."""
    if context.tracing_duty == 0:
        return Place(unknown="the hook could not trace allocations")
    if not context.profiled and not context.groups:
        had = len(context.heaps)
        few = f"{show_number(had)} snapshots are too few to tell what grows: {LEAST_SNAPSHOTS} are needed, by a longer run"
        return Place(unknown=few if had else "no snapshots of the target were taken")
    waiting = next((signal.site.place for signal in case.of(GROUP) if signal.site), None)
    if waiting is not None:
        return Place(unknown=f"only the runtime's own frames are seen, at {waiting.function}")
    if requests_kept:
        return Place(
            unknown="the server made what is kept, and stacks tell who makes an object, not who keeps it"
        )
    return Place(unknown=_too_few_samples(case, context) or "no snapshot shows the place")


def _too_few_samples(case: Case, context: RunContext) -> str:
    """Say how long a sampling profiler needs to show such slow growth; empty if everything is counted or the run is long."""
    period = next((site.period for site in context.places), 0.0)
    each = max(
        (signal.each.per_request for signal in case.signals if not signal.counted), default=0.0
    )
    prepared = context.prepared
    seconds = prepared.judged_seconds
    requests = sum(float(windows.requests.sum()) for windows in prepared.windows())
    if not period or each <= 0 or not requests or seconds <= 0:
        return ""
    needed = (LEAST_SAMPLES + 1) * period / (each * requests / seconds)
    if needed <= seconds:
        return ""
    finer = ", or with GODEBUG=memprofilerate=65536 sooner" if context.language == "Go" else ""
    return (
        f"one allocation in {show_amount(period, 'bytes')} is sampled, which shows {show_amount(each, 'bytes')} per request "
        f"after about {show_duration(needed)}{finer}"
    )


def endpoint_not_known(case: Case, context: RunContext) -> str:
    """Say why the endpoint is unknown, and what would show it; empty if it is known or it grows with time."""
    if case.endpoint or growing_with_time(case):
        return ""
    if not context.mix_varied:
        return "The endpoint is not known: `--attribute` varies the mix of traffic, which tells endpoints apart."
    prepared = context.prepared
    longer = show_duration(LONGER_RUN * prepared.judged_seconds)
    refused = _best_refusal(case, context)
    why = refused or "the growth fits several endpoints about equally well, or none for certain"
    alone = all(not signal.counted and signal.what != PLACE for signal in case.signals)
    if case.signals and alone and not context.profiled:
        why += "; the heap after each collection would tell sooner: take snapshots"
    return f"The endpoint is not known although the mix was varied: {why}; a run of about {longer} would tell more."


def _best_refusal(case: Case, context: RunContext) -> str | None:
    """Return why the best level does not separate endpoints: the best has enough points, is not resident, has most points."""
    if not case.signals:
        return None
    needed = SPARE_POINTS + len(context.prepared.windows())
    best = max(
        case.signals,
        key=lambda signal: (signal.points >= needed, not signal.resident, signal.points),
    )
    return best.refused


def class_not_known(case: Case, context: RunContext) -> list[str]:
    """Return what is known about growth of unknown class: its own words, and how to make the runtime ready for snapshots."""
    words = [signal.words for signal in case.signals[:1]]
    if context.profiled:
        return [
            *words,
            "Nothing tells what kind of memory it is: the snapshots hold no place that surely grows.",
        ]
    if context.tracing_duty == 0:
        if any(signal.unit == Unit.BLOCKS for signal in case.signals):
            return [
                *words,
                "Python's own objects grow in number; which ones is not known: no allocation was traced.",
            ]
        return [*words, "Nothing tells what kind of memory it is: no allocation was traced."]
    opening = (
        opening_of(context.language) or "open its runtime for snapshots as docs/diagnose.md says"
    )
    return [
        *words,
        f"Nothing tells what kind of memory it is. To find out, {opening}, and run again with `--diagnose`.",
    ]


def more_to_see(context: RunContext) -> str:
    """Say what would show the place if snapshots were taken but show none; empty if none were taken."""
    if context.tracing_duty == 0:
        return f"Run it again {_ROOM}: the hook then traces who allocates what is kept."
    if not context.profiled:
        return ""
    longer = show_duration(LONGER_RUN * context.prepared.judged_seconds)
    return f"Run it again for about {longer}: more snapshots show which place surely grows."


def collector_off(context: RunContext) -> list[str]:
    """Say that the target has switched Python's collector off, if it has: then garbage that refers to itself stays."""
    enabled = [series for series in context.recorded(COLLECTOR_ENABLED) if len(series.values)]
    if not enabled or enabled[0].values[-1] != 0:
        return []
    return [
        (
            "Python's collector is switched off in the target (gc.disable), and soak's snapshots did not collect either: objects "
            "that refer to each other stay when nobody uses them any more. If memory grows, switch it on, or break such cycles."
        )
    ]


def tracing_cost(context: RunContext) -> list[str]:
    """Say how much of the target's processor time the Python hook took, or that it could not trace; empty without a hook."""
    share, duty = _mean(context, TRACING_SHARE), context.tracing_duty
    traced = _mean(context, TRACING_DUTY)
    if share is None or duty is None or traced is None:
        return []
    if duty >= 1:
        return (
            [f"Tracing allocations took {show_ratio(share)} of the target's processor time."]
            if share > 0
            else []
        )
    if duty <= 0:
        so = "traced none" if not traced else f"gave it up after {show_ratio(traced)} of the run"
        return [
            (
                f"Tracing allocations, even now and then, would have made the target answer late, so the hook {so}: "
                f"places are known only for containers, threads and tasks; to leave room for tracing, run it again {_ROOM}."
            )
        ]
    return [
        (
            f"Tracing allocations all the time would slow the target down, so the hook traced {show_ratio(traced)} of it: "
            f"{show_ratio(share)} of its processor time; what a place keeps is estimated from those windows."
        )
    ]


def traced_in_part(context: RunContext) -> bool:
    """Return True if the Python hook traced allocations only in windows, or not at all."""
    return context.tracing_duty is not None and context.tracing_duty < 1


def _mean(context: RunContext, name: str) -> float | None:
    series = context.recorded(name)
    return float(series[0].values.mean()) if series and len(series[0].values) else None


def doubts(case: Case) -> list[str]:
    """Return the attribution's reservations: growth that may be due to time alone, and growth without traffic."""
    doubts = list(dict.fromkeys(signal.doubt for signal in case.signals if signal.doubt))
    doubtful = (
        [f"{capitalized(doubt)}." for doubt in doubts[:1]] if case.endpoint in (EVERY, "") else []
    )
    return doubtful + [_without_traffic(signal) for signal in growing_with_time(case)[:1]]


def growing_with_time(case: Case) -> list[Signal]:
    """Return the signals that surely grow with time even without requests: counts first, then the most certain."""
    growing = [signal for signal in case.signals if signal.per_hour.low > 0]
    return sorted(
        growing, key=lambda signal: (not signal.counted, signal.per_hour.high / signal.per_hour.low)
    )


def _without_traffic(signal: Signal) -> str:
    """Return, for example, `With time alone, without any request, go_goroutines grows by 25 goroutines/h (24 to 26).`"""
    middle, low, high = (
        show_amount(value, f"{signal.unit}/h")
        for value in (signal.per_hour.value, signal.per_hour.low, signal.per_hour.high)
    )
    return (
        f"With time alone, without any request, {signal.name} grows by {middle} ({low} to {high})."
    )
