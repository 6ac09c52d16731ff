"""The garbage collector's work: cycles per minute, pauses, and the live share of the memory taken from the system.

Too much of it is churn, not a leak, so the default bounds are only advice: they cause warnings and
are mentioned in a finding that passes. `limits.gc` makes each of them a rule. No advice is given
for small heaps: Go's collector does not let its goal fall below 4 MiB, so an idle service collects
a heap of 2 MiB many times a minute at negligible cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.prepare.collector_work import cycles_of, pauses_of
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.rule import RuleInput
from soak.catalog.metrics import COLLECTORS
from soak.catalog.process import RESIDENT
from soak.model import Finding, Floats, RuleName, Series, Verdict
from soak.profile import Limits
from soak.units import show_amount, show_number

#: Advised maxima: collections per second, a pause in seconds, the live share of the memory taken.
CYCLES, PAUSE, LIVE = 100 / 60, 0.1, 0.8
#: No advice below this memory taken from the system, in bytes, or this length of the judged load,
#: in seconds.
SMALL, SHORT = 64 * 2**20, 60.0
#: Runtimes that report both the live heap and the memory taken for it.
HEAPS = tuple(collector for collector in COLLECTORS if collector.live and collector.taken)
#: Series of a runtime's total memory; if none is known, of the process.
FOOTPRINTS = (*(collector.footprint for collector in COLLECTORS if collector.footprint), RESIDENT)


COLLECTIONS = "collections/min"
_UNITS = {"cycles": COLLECTIONS, "pause": "seconds", "live": "ratio"}


@dataclass(frozen=True, slots=True)
class _Measure:
    """One figure of the collector: its series, its value, and the advised and requested limits."""

    series: Series
    value: float
    unit: str
    sentence: str
    advised: float
    asked: float | None

    @property
    def limit(self) -> float:
        """The requested limit, or else the advised one."""
        return self.advised if self.asked is None else self.asked

    @property
    def shown_limit(self) -> str:
        """The limit as text, to follow the measured value in a sentence."""
        if self.unit == COLLECTIONS:
            return f"{show_number(self.limit)} a minute"
        return show_amount(self.limit, self.unit)


def gc_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield the findings of the rule `gc`, against `limits.gc`, or against the advice, which never fails."""
    limits, advised = asked.limits, _advice_applies(asked.prepared)
    told = set()
    for measure in _measures(asked.prepared, limits):
        limit = measure.limit
        over = measure.value > limit
        shown = measure.shown_limit
        if measure.asked is not None:
            verdict = Verdict.FAIL if over else Verdict.PASS
            reason = f"{measure.sentence}; {shown} is allowed."
        else:
            verdict = Verdict.PASS
            excused = (
                ""
                if not over
                else ", and no limit is set"
                if advised
                else " (a small heap, or a short time, to which the advice does not apply)"
            )
            reason = f"{measure.sentence}; at most {shown} is advised{excused}."
        series = measure.series
        told.add(measure.unit)
        yield Finding(
            RuleName.GC,
            series.name,
            verdict,
            reason,
            series.labels,
            limit,
            measure.value,
            measure.unit,
        )
    for key, unit in _UNITS.items():
        if getattr(limits.gc, key) is not None and unit not in told:
            reason = f"limits.gc.{key} is set, but nothing that measures it was recorded; watch the runtime's own metrics page."
            yield Finding(
                RuleName.GC, f"gc_{key}", Verdict.INCONCLUSIVE, reason, (), getattr(limits.gc, key)
            )


def gc_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a warning for each advised bound that is exceeded and has no limit."""
    if not _advice_applies(asked.prepared):
        return
    for measure in _measures(asked.prepared, asked.limits):
        if measure.asked is None and measure.value > measure.limit:
            yield (
                f"{measure.sentence}, more than the {measure.shown_limit} that is advised; "
                "limits.gc turns the advice into a limit"
            )


def _advice_applies(prepared: Prepared) -> bool:
    """Return True if the heap is large enough, and the run long enough, for advice on the collector."""
    return not _small(prepared) and prepared.judged_seconds >= SHORT


def _measures(prepared: Prepared, limits: Limits) -> Iterator[_Measure]:
    """Yield cycles per minute and the longest pause of each process, and the live share of each heap."""
    start, end, recorded = prepared.judged_from, prepared.end, prepared.recording.series
    for series, each_second in cycles_of(recorded, start, end, prepared.masked):
        rate = 60 * each_second
        asked = None if limits.gc.cycles is None else 60 * limits.gc.cycles
        sentence = f"The garbage collector ran {show_number(rate)} times a minute"
        yield _Measure(series, rate, _UNITS["cycles"], sentence, 60 * CYCLES, asked)
    for series, longest, what in pauses_of(recorded, start, end, prepared.masked):
        sentence = f"The {what} of the garbage collector was {show_amount(longest, 'seconds')}"
        yield _Measure(series, longest, "seconds", sentence, PAUSE, limits.gc.pause)
    for collector in HEAPS:
        for series in prepared.named(collector.live):
            beside = prepared.beside(collector.taken, series.labels)
            given_back = prepared.beside(collector.released, series.labels)
            share = _share(prepared, series, beside, given_back)
            if share is not None:
                sentence = (
                    f"{show_amount(share, 'ratio')} of the memory taken from the system is live"
                )
                yield _Measure(series, share, "ratio", sentence, LIVE, limits.gc.live)


def _share(
    prepared: Prepared, live: Series, taken: Series | None, released: Series | None
) -> float | None:
    """Return the median live share of the memory taken; None if the memory taken is unknown."""
    if taken is None or len(taken.times) != len(live.times):
        return None
    kept = taken.values - (
        released.values if released is not None and len(released.times) == len(taken.times) else 0.0
    )
    ratio: Floats = live.values / np.where(kept > 0, kept, np.nan)
    ratio = ratio[(live.times >= prepared.judged_from) & np.isfinite(ratio)]
    return float(np.median(ratio)) if len(ratio) else None


def _small(prepared: Prepared) -> bool:
    """Return True if the heap is known to be small, by the first of `FOOTPRINTS` that was recorded; else False."""
    for name in FOOTPRINTS:
        values = [
            float(np.nanmax(heap.values))
            for heap in prepared.named(name)
            if np.isfinite(heap.values).any()
        ]
        if values:
            return sum(values) < SMALL
    return False
