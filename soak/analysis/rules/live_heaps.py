"""A live heap compared with its exact size just after the collections that snapshots force.

A runtime tells its live heap at the moments of its own collections, in the middle of requests. A
small heap with large answers then moves by many times what a leak adds in minutes; under a light load
a JVM collects so seldom that its level says nothing. Snapshots force a collection and read the size
at once, so the same heap has hardly any garbage in it. What a part of the memory holds, such as what
Python's tracing saw, says no more than all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak.analysis.statistics.growth_input import Subject
from soak.analysis.vouch import bound, is_sound_pass, passed_by
from soak.catalog.metrics import COLLECTORS, selects
from soak.model import Finding, Trend, Verdict
from soak.snapshots import SNAPSHOT_SOURCE
from soak.units import capitalized

#: The name of the step that lets a live heap pass by its exact size.
BESIDE_EXACT = "live heap beside its size after forced collections"


def explain_live_heaps(
    subjects: Sequence[Subject],
    findings: Sequence[Finding],
    companions: Sequence[Finding],
    judged: float,
) -> list[Finding]:
    """Return the findings; a live heap that is open, or whose pass is hollow, passes if its exact size does.

    One that fails stays open if its exact size is as certain of the growth, but may have settled.

    `companions` are the findings after warm-up was considered, and `judged` is the length of the
    judged stretch in seconds. Such a pass vouches for as long as the exact size does.
    """
    pairs = list(zip(subjects, companions, strict=True))
    return [
        _beside_exact(subject, finding, pairs, judged)
        for subject, finding in zip(subjects, findings, strict=True)
    ]


def _beside_exact(
    subject: Subject, finding: Finding, pairs: Sequence[tuple[Subject, Finding]], judged: float
) -> Finding:
    trend = finding.trend
    if trend is None or subject.limit is not None:
        return finding
    if finding.verdict is Verdict.FAIL:
        return _in_doubt(finding, trend, subject, pairs)
    exact = None if is_sound_pass(subject, finding, judged) else _exact_size(subject, pairs)
    if exact is None or trend.slope_low > bound(exact[1]):
        return finding
    noun = capitalized(subject.noun)
    why = (
        f"{noun} is part of {exact[0].noun}, which is steady."
        if subject.series.source == SNAPSHOT_SOURCE
        else f"{noun} moves with requests under way: just after the collections of snapshots it is steady."
    )
    return passed_by(finding, BESIDE_EXACT, why, *exact)


def _in_doubt(
    finding: Finding, trend: Trend, subject: Subject, pairs: Sequence[tuple[Subject, Finding]]
) -> Finding:
    """Return a failed finding as undecided if the exact size, at least as certain of its growth, may have settled."""
    for _, exact in _exact_sizes(subject, pairs):
        known = exact.trend
        if (
            exact.verdict is Verdict.INCONCLUSIVE
            and known is not None
            and (known.slope_high - known.slope_low <= trend.slope_high - trend.slope_low)
        ):
            why = f"Just after the collections of snapshots, the same heap is undecided: {exact.reason}"
            return finding.adjusted(BESIDE_EXACT, Verdict.INCONCLUSIVE, why)
    return finding


def _exact_size(
    subject: Subject, pairs: Sequence[tuple[Subject, Finding]]
) -> tuple[Subject, Trend] | None:
    """Return the same heap as snapshots measured it, with its trend, if it passed; else None."""
    for other, found in _exact_sizes(subject, pairs):
        if found.verdict is Verdict.PASS and found.trend is not None:
            return other, found.trend
    return None


def _exact_sizes(
    subject: Subject, pairs: Sequence[tuple[Subject, Finding]]
) -> Iterator[tuple[Subject, Finding]]:
    """Yield the same heap as snapshots measured it, with its finding."""
    exact = {
        collector.collected
        for collector in COLLECTORS
        if collector.collected and selects(collector.live or collector.heap, subject.series)
    }
    for other, found in pairs:
        if other.series.name in exact and other.series.instance == subject.series.instance:
            yield other, found
