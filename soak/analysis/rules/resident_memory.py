"""Resident memory compared with its parts: growth that the managed heap, the runtime's total or files explain.

Resident memory of a young process creeps for minutes: the allocator touches pages of arenas that it
took long ago, and the system maps pages of the program itself. Neither is a leak, and resident
memory alone cannot show the difference. So a rise of it is compared with series that bound it. With
p the pages of files, and t what the runtime took from the system and has not given back, resident
memory is at most p + t and a little more. If t is steady and contains all of it, a rise must end.

Garbage makes resident memory move by many times what a leak adds in minutes. Two series have none
of it: resident memory just after a collection that a snapshot forced, and, beside a steady live
heap, what is resident outside the memory that the runtime took for its heap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from soak.analysis.prepare.gc_accounting import is_collected, uncollected
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.more_time import more_would_tell
from soak.analysis.rules.warmup import within_warmup
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import (
    COMPANION_RISE,
    LEAST_OF_PROCESS,
    OUTSIDE_HEAP,
    RESIDENT_ALONE,
    RESIDENT_ALONE_AT_FIRST,
    RESIDENT_ALONE_SECONDS,
    SUSPICIOUS,
)
from soak.analysis.vouch import horizon, is_sound_pass, passed_by
from soak.catalog.metrics import COLLECTORS, metric_of, selector
from soak.catalog.process import ANONYMOUS, RESIDENT_AFTER_GC, RESIDENT_OUTSIDE_HEAP
from soak.catalog.row_types import Collector
from soak.model import Finding, Floats, Labels, Series, Trend, Verdict, instance_of
from soak.units import capitalized, show_amount, show_bytes

#: Selectors of heaps just after a collection that a snapshot forced, of live heaps, and for
#: processes that report none, of heaps in use.
LIVE_HEAPS = (
    *(collector.collected for collector in COLLECTORS if collector.collected),
    *(collector.live for collector in COLLECTORS if collector.live),
    *(
        collector.heap
        for collector in COLLECTORS
        if collector.heap and not collector.live_after_full
    ),
)

_STEP = "resident memory beside the rest of the process"
Judge = Callable[[Subject], Finding]


def explain_resident_memory(
    prepared: Prepared,
    subjects: Sequence[Subject],
    findings: Sequence[Finding],
    companions: Sequence[Finding],
    judge: Judge,
) -> list[Finding]:
    """Return the findings, with those of resident memory adjusted by related series; `judge` judges a further series.

    `companions` are the findings after warm-up was considered, because a creeping heap is steady
    enough.
    """
    result = []
    for subject, finding in zip(subjects, findings, strict=True):
        metric = metric_of(finding.series, finding.labels)
        whole = metric is not None and metric.whole
        sound = is_sound_pass(subject, finding, prepared.judged_seconds)
        if not whole or subject.limit is not None or sound:
            result.append(finding)
            continue
        heap = _heap_beside(finding, companions) if _measures_all(prepared, subject) else None
        seen = _in_the_light(prepared, subject, finding, heap, judge)
        result.append(_with_heap(seen, heap) if heap is not None else seen)
    return result


def beside_failing_heaps(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings; an undecided one of resident memory refers to the heap in it that fails, and asks for no more time."""
    return [_beside_failing_heap(finding, findings) for finding in findings]


def _beside_failing_heap(finding: Finding, findings: Sequence[Finding]) -> Finding:
    metric = metric_of(finding.series, finding.labels)
    undecided = finding.verdict is Verdict.INCONCLUSIVE and finding.limit is None
    rises = finding.trend is not None and finding.trend.slope_per_hour > 0
    if metric is None or not metric.whole or not undecided or not rises:
        return finding
    heap = _heap_beside(finding, findings)
    known = None if heap is None else metric_of(heap.series, heap.labels)
    if heap is None or known is None or heap.verdict is not Verdict.FAIL:
        return finding
    why = f"{capitalized(metric.noun)} is undecided by itself: in it, {known.noun} surely grows."
    return finding.adjusted(_STEP, Verdict.INCONCLUSIVE, why)


def _measures_all(prepared: Prepared, subject: Subject) -> bool:
    """Return False if snapshots measured less than a third of this resident memory: one of several processes."""
    labels = subject.series.labels
    after, whole = (
        prepared.beside(RESIDENT_AFTER_GC, labels),
        prepared.beside(subject.series.name, labels),
    )
    if after is None or whole is None:
        return True
    return float(np.nanmedian(after.values)) >= LEAST_OF_PROCESS * float(np.nanmedian(whole.values))


def _heap_beside(resident: Finding, companions: Sequence[Finding]) -> Finding | None:
    """Return the finding of the same process's live heap, which may have more labels, or None; of several the worst."""
    process = set(resident.labels)
    for text in LIVE_HEAPS:
        wanted = selector(text)
        heaps = [
            heap
            for heap in companions
            if process <= set(heap.labels)
            and instance_of(heap.labels) == instance_of(resident.labels)
            and wanted.matches(heap.series, dict(heap.labels))
        ]
        if heaps:
            return min(heaps, key=lambda heap: heap.verdict.rank)
    return None


def _in_the_light(
    prepared: Prepared, subject: Subject, finding: Finding, heap: Finding | None, judge: Judge
) -> Finding:
    """Pass if the growth is bounded, leave open a small rise above a steady heap, else return the finding unchanged."""
    steady_heap = _is_steady(prepared, subject, heap)
    for series, where in _without_garbage(prepared, subject, steady_heap=steady_heap):
        bounded = _bounded_by(series, where, prepared, subject, finding, judge)
        if bounded is not None:
            return bounded
    if finding.verdict is Verdict.PASS:
        return finding
    anonymous = prepared.beside(ANONYMOUS, subject.series.labels)
    if anonymous is not None:
        rest = subject.of_same_process(anonymous)
        if (judged := judge(rest)).verdict is Verdict.PASS:
            why = "Resident memory grew only by pages of files, which the system can drop: the rest of it is steady"
            return _passed(finding, why, rest, judged)
    if not steady_heap:
        return finding
    own = _judged(prepared.beside(ANONYMOUS, subject.series.labels) or subject.series, subject)
    for taken in _taken(prepared, subject):
        room = float(np.nanmedian(taken.values)) + OUTSIDE_HEAP
        fits = _kept(taken, subject) and float(np.nanmax(own)) <= room
        whole = subject.of_same_process(taken)
        if fits and (judged := judge(whole)).verdict is Verdict.PASS:
            took = f"memory that the runtime reserved earlier ({show_bytes(room)})"
            why = f"Resident memory still fills {took}, which is steady, as is the live heap"
            return _passed(finding, why, whole, judged)
    return _alone_above_steady_heap(prepared, finding)


def _with_heap(finding: Finding, heap: Finding) -> Finding:
    """Leave a fail open if the live heap, measured just after collections, may explain all of it and may yet settle."""
    trend, of_heap = finding.trend, heap.trend
    if not (
        is_collected(heap)
        and finding.verdict is Verdict.FAIL
        and heap.verdict is Verdict.INCONCLUSIVE
        and trend is not None
        and of_heap is not None
        and of_heap.slope_low > 0
        and trend.slope_low <= of_heap.slope_high
    ):
        return finding
    why = (
        f"Resident memory grows no faster than the live heap may, which is undecided: {heap.reason}"
    )
    return finding.adjusted(_STEP, Verdict.INCONCLUSIVE, why, heap.more_seconds)


def _is_steady(prepared: Prepared, subject: Subject, heap: Finding | None) -> bool:
    """Return True if the live heap of the process passed and did not rise, and collections measured it."""
    live = None if heap is None else prepared.beside(heap.series, heap.labels)
    return (
        heap is not None
        and heap.verdict is Verdict.PASS
        and live is not None
        and _kept(live, subject)
        and not uncollected(prepared.collections, subject.series.labels)
    )


def _without_garbage(
    prepared: Prepared, subject: Subject, *, steady_heap: bool
) -> Iterator[tuple[Series, str]]:
    """Yield series that resident memory can only leave behind by garbage, and where they measure it."""
    labels = subject.series.labels
    after = prepared.beside(RESIDENT_AFTER_GC, labels)
    if after is not None and _measures_all(prepared, subject):
        yield after, "just after a collection"
    whole = prepared.beside(subject.series.name, labels)
    if whole is None or not steady_heap:
        return
    outside = prepared.beside(RESIDENT_OUTSIDE_HEAP, labels)
    if outside is not None and _measures_all(prepared, subject):
        yield outside, "outside of the heap"
    for collector in COLLECTORS:
        heap = _less_returned(prepared, collector.spans, collector, labels)
        if heap is not None:
            values = whole.values - np.interp(whole.times, heap.times, heap.values)
            yield replace(whole, name=RESIDENT_OUTSIDE_HEAP, values=values), "outside of the heap"


def _bounded_by(
    series: Series,
    where: str,
    prepared: Prepared,
    subject: Subject,
    finding: Finding,
    judge: Judge,
) -> Finding | None:
    """Return a pass with the growth of a series that has no garbage, if it is steady or settling; else None."""
    beside = subject.of_same_process(series)
    judged = within_warmup(prepared, beside, judge(beside))
    if judged.verdict is Verdict.INCONCLUSIVE:  # what warm-up may explain, creep may
        judged = within_warmup(prepared, beside, judged)
    trend = judged.trend
    if judged.verdict is not Verdict.PASS or trend is None:
        return None
    if finding.trend is not None and series.name == RESIDENT_OUTSIDE_HEAP:
        trend = replace(trend, level=finding.trend.level)
    state = "hardly rises" if trend.slope_low > 0 else "is steady"
    why = f"Resident memory {where} {state}; the rest of it is garbage."
    return passed_by(finding, _STEP, why, beside, trend)


def _alone_above_steady_heap(prepared: Prepared, finding: Finding) -> Finding:
    """Pass a few steps or a level that most likely settled, leave open a small rise that fails, else unchanged."""
    trend = finding.trend
    if trend is not None and trend.stepwise:
        return _passed(
            finding,
            "Resident memory moved in a few steps under a live heap that is steady: arenas taken, not a leak",
        )
    hours = prepared.judged_seconds / 3600  # a gap without load adds no rise
    small = (
        trend is not None
        and math.isfinite(trend.slope_high)
        and trend.slope_per_hour * hours < _alone(3600 * hours) * abs(trend.level)
    )
    if small and trend is not None and trend.p_no_growth > SUSPICIOUS and trend.doubt is None:
        return _passed(
            finding, "Resident memory has most likely settled, and the live heap is steady"
        )
    if small and trend is not None and finding.verdict is Verdict.FAIL:
        slope = show_amount(trend.slope_per_hour, "bytes/h")
        longer = _until_alone(trend, 3600 * hours)
        reason = (
            f"Resident memory creeps by {slope} under a live heap that is steady: settling, or growth outside the managed heap; "
            f"{more_would_tell(longer)}."
        )
        return finding.adjusted(_STEP, Verdict.INCONCLUSIVE, reason, longer)
    return finding


def _until_alone(trend: Trend, seconds: float) -> float:
    """Return the seconds until a rise that continues like this is no longer small, at most 25 times the run."""
    for longer in range(1, 101):
        total = seconds * (1 + longer / 4)
        if trend.slope_per_hour * total / 3600 >= _alone(total) * abs(trend.level):
            return total - seconds
    return 25 * seconds


def _alone(seconds: float) -> float:
    """Return the share of its level that resident memory may rise by in `seconds`, above a steady live heap."""
    youth = max(0.0, 1.0 - seconds / RESIDENT_ALONE_SECONDS)
    return RESIDENT_ALONE + (RESIDENT_ALONE_AT_FIRST - RESIDENT_ALONE) * youth


def _passed(
    finding: Finding, why: str, beside: Subject | None = None, judged: Finding | None = None
) -> Finding:
    """Return a pass that vouches for as long as the series that bounds resident memory does."""
    passed = finding.adjusted(_STEP, Verdict.PASS, f"{why}.")
    if beside is None or judged is None or judged.trend is None:
        return passed
    return replace(passed, vouched_seconds=horizon(beside, judged.trend))


def _judged(series: Series, subject: Subject) -> Floats:
    return series.values[series.times >= subject.judged_from]


def _kept(series: Series, subject: Subject) -> bool:
    """Return True if the last quarter of the judged stretch is at most a twentieth above the first.

    A few large steps pass as steps in a verdict of their own; to excuse another series, there must
    be none upwards.
    """
    values = _judged(series, subject)
    values = values[np.isfinite(values)]
    quarter = max(len(values) // 4, 1)
    return len(values) > 0 and bool(
        np.median(values[-quarter:]) <= COMPANION_RISE * np.median(values[:quarter])
    )


def _taken(prepared: Prepared, subject: Subject) -> list[Series]:
    """Return the memory in bytes that the runtime took from the system: less what it gave back, and all; or none."""
    for collector in COLLECTORS:
        # Only runtimes that report what they give back report all that they take.
        total = (
            prepared.beside(collector.taken, subject.series.labels) if collector.released else None
        )
        if total is not None:
            less = _less_returned(prepared, collector.taken, collector, subject.series.labels)
            return [total] if less is None else [less, total]
    return []


def _less_returned(
    prepared: Prepared, taken: str, collector: Collector, labels: Labels
) -> Series | None:
    """Return what a runtime took by a series less what it gave back; None if it does not report both at the same times."""
    total, released = (
        prepared.beside(name, labels) if name else None for name in (taken, collector.released)
    )
    if total is None or released is None or len(released.times) != len(total.times):
        return None
    return replace(total, values=total.values - released.values)
