"""Timers and requests beside the heap that holds them.

A thousand timers are a few hundred KiB on the heap: they are no handles of the system, and matter by
the memory that they take. Deferred work, retries and idle connections make their number swing by
hundreds while the heap stands still. So where the heap of the same process passes, a number of
timers that may as well not grow passes too, and the heap says for how long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.room import ON_HEAP
from soak.analysis.thresholds import CERTAIN
from soak.catalog.metrics import COLLECTORS, selects_any
from soak.catalog.row_types import Unit
from soak.model import Finding, Verdict
from soak.units import capitalized

#: The name of the step that lets a number of objects pass by the heap that holds them.
BESIDE_HEAP = "objects beside the heap that holds them"
_HEAPS = tuple(
    selector for each in COLLECTORS for selector in (each.live, each.collected) if selector
)


def explain_heap_objects(subjects: Sequence[Subject], findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings; timers on a heap that passes do so too unless they grow; its objects have no horizon of their own."""
    steady = {
        subject.series.instance: subject
        for subject, finding in zip(subjects, findings, strict=True)
        if finding.verdict is Verdict.PASS and selects_any(_HEAPS, subject.series)
    }
    return [
        _beside_heap(subject, finding, steady.get(subject.series.instance))
        for subject, finding in zip(subjects, findings, strict=True)
    ]


def _beside_heap(subject: Subject, finding: Finding, heap: Subject | None) -> Finding:
    trend = finding.trend
    if heap is None or trend is None or subject.unit not in ON_HEAP or subject.limit is not None:
        return finding
    open_ = finding.verdict is Verdict.INCONCLUSIVE and trend.p_no_growth >= CERTAIN
    # Requests that stay alive are a leak's plainest sign, so they are judged by themselves.
    if open_ and trend.slope_low <= 0 and subject.unit == Unit.TIMERS:
        why = f"{capitalized(subject.noun)} come and go; they are objects on {heap.noun}, which is steady."
        finding = finding.adjusted(BESIDE_HEAP, Verdict.PASS, why)
    return replace(finding, vouched_seconds=None) if finding.verdict is Verdict.PASS else finding
