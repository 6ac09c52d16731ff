"""Check that what a verdict is based on was seen: every source and every judged series, throughout the judged stretch.

A share over the whole stretch hides what matters most: a series that vanishes half-way, or a
supervisor that stood still for the last third. So each third of the judged stretch is checked, and
less than 80% of any third is inconclusive.

| threshold | unit | why there |
|---|---|---|
| `PARTS` 3 | parts | growth needs an early and a late part, and one between them to tell a step from a slope |
| `COVERED` 0.8 | share of a third | with a fifth of a third missing, a slope's standard error grows by under 10% |
| `ONE_MISSED` 1.5 | scrapes | in short runs a single lost scrape is more than a fifth of a third, and hides nothing |
| `USUAL_GAPS` 3 | usual intervals | a file's series has its own interval, which exporters keep only roughly |
| `FINEST` 0.05 | share of a third | shorter holes hide nothing: a process that polls as fast as it can is often preempted |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.absent_counts import with_absent_counts
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.subjects import judged_subjects
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, Floats, RuleName, Series, SourceHealth, Verdict
from soak.units import show_duration, show_ratio

PARTS, COVERED, ONE_MISSED, USUAL_GAPS, FINEST = 3, 0.8, 1.5, 3.0, 0.05


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the judged stretch that was seen too little: the share seen (0 to 1), its start and end (seconds)."""

    share: float
    start: float
    end: float

    def said(self, prepared: Prepared) -> str:
        """Return `only 33% of the time from 20 s to 40 s of the load`, or `of the recording` if soak drove no load."""
        first, last = (show_duration(moment - prepared.start) for moment in (self.start, self.end))
        whole = "load" if prepared.driven else "recording"
        return f"only {show_ratio(round(self.share, 2))} of the time from {first} to {last} of the {whole}"


def coverage_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield what was not seen, or not polled, and when; nothing if all was seen."""
    prepared = asked.prepared
    if prepared.end <= prepared.judged_from:
        return
    if not prepared.driven:
        yield from _file(prepared, judged_subjects(asked))
        return
    yield from _sources(prepared)
    yield from _series(prepared, judged_subjects(asked))


def thirds(prepared: Prepared) -> list[tuple[float, float]]:
    """Return the start and end of each third of the judged stretch, in seconds."""
    edges = np.linspace(prepared.judged_from, prepared.end, PARTS + 1).tolist()
    return list(pairwise(edges))


def _sources(prepared: Prepared) -> Iterator[Finding]:
    """Yield the sources whose scrapes failed, or were not made because soak itself stood still."""
    for health in prepared.recording.sources:
        gap = worst(_gaps_of_source(prepared, health))
        if gap is not None:
            why = (
                f" (the last error: {health.last_error})"
                if health.last_error
                else ": soak itself did not poll it"
            )
            when = "answered in " + gap.said(prepared)
            if health.failed == health.scrapes:
                when = "never answered"
            reason = (
                f"{health.source} {when}{why}, so growth may hide in what was not seen; "
                f"a run in which it answers in {show_ratio(COVERED)} of each third would tell."
            )
            labels = (("source", health.source),)
            yield Finding(
                RuleName.SAMPLING,
                "scrapes",
                Verdict.INCONCLUSIVE,
                reason,
                labels,
                COVERED,
                round(gap.share, 4),
                "ratio",
            )


def _gaps_of_source(prepared: Prepared, health: SourceHealth) -> list[Gap]:
    if not len(health.times):  # only its counts are known
        share = 1 - health.failed / health.scrapes if health.scrapes else 0.0
        return [Gap(share, prepared.judged_from, prepared.end)] if share < COVERED else []
    interval = _interval(health)
    answered = health.times[health.answered]
    return [
        Gap(seen / expected, start, end)
        for start, end in thirds(prepared)
        for expected in [unmasked(prepared, start, end) / interval]
        for seen in [_count(prepared, answered, start, end)]
        if _too_few(seen, expected)
    ]


def _series(prepared: Prepared, judged: Mapping[str, Subject]) -> Iterator[Finding]:
    """Yield judged series that were missing while their source answered: one finding per source, naming the worst."""
    for health in prepared.recording.sources:
        if _gaps_of_source(prepared, health):
            continue
        answered = health.times[health.answered]
        missing: list[tuple[Gap, Series]] = []
        for series in with_absent_counts(prepared.recording.series):
            if series.source != health.source or series.key not in judged:
                continue
            seen = series.times[np.isfinite(series.values)]
            gap = worst(
                [
                    Gap(here / expected, start, end)
                    for start, end in thirds(prepared)
                    for here, expected in [
                        (_count(prepared, seen, start, end), _count(prepared, answered, start, end))
                    ]
                    if expected and _too_few(here, expected)
                ]
            )
            if gap is not None:
                missing.append((gap, series))
        if missing:
            gap, series = min(missing, key=lambda pair: pair[0].share)
            others = f", and {len(missing) - 1} more series likewise" if len(missing) > 1 else ""
            reason = (
                f"{series.key} was there in {gap.said(prepared)}, while {health.source} answered{others}: "
                f"growth may hide in what was not seen; a run that has it in {show_ratio(COVERED)} of each third would tell."
            )
            yield _unseen(series, gap, reason)


def _file(prepared: Prepared, judged: Mapping[str, Subject]) -> Iterator[Finding]:
    """Yield series of a file with too long holes, measured by the series' own usual interval."""
    for series in prepared.recording.series:
        times = series.times[np.isfinite(series.values)]
        times = times[(times >= prepared.judged_from) & (times <= prepared.end)]
        if series.key not in judged or len(times) < 2:
            continue
        reach = max(
            USUAL_GAPS * float(np.quantile(np.diff(times), 0.75)),
            FINEST * (prepared.end - prepared.judged_from) / PARTS,
        )
        gap = worst(uncovered(prepared, times - reach / 2, times + reach / 2))
        if gap is not None:
            reason = (
                f"{series.key} was recorded in {gap.said(prepared)}: growth may hide in what was not seen; "
                f"a recording of {show_ratio(COVERED)} of each third would tell."
            )
            yield _unseen(series, gap, reason)


def _unseen(series: Series, gap: Gap, reason: str) -> Finding:
    """Return the finding that a series was not seen for long enough."""
    share = round(gap.share, 4)
    return Finding(
        RuleName.COVERAGE,
        series.name,
        Verdict.INCONCLUSIVE,
        reason,
        series.labels,
        COVERED,
        share,
        "ratio",
    )


def uncovered(prepared: Prepared, starts: Floats, ends: Floats) -> list[Gap]:
    """Return the thirds that the intervals from `starts` to `ends` (both rising) cover too little."""
    gaps = []
    # While the run stood still there was nothing to see, so gaps count as covered.
    starts, ends = (
        np.concatenate((column, [getattr(gap, edge) for gap in prepared.gaps]))
        for column, edge in ((starts, "start"), (ends, "end"))
    )
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    ends = np.maximum.accumulate(ends) if len(ends) else ends
    begins = np.maximum(starts[1:], ends[:-1]) if len(starts) else starts
    begins = np.concatenate((starts[:1], begins))
    for start, end in thirds(prepared):
        covered = float(np.maximum(np.minimum(ends, end) - np.maximum(begins, start), 0.0).sum())
        if (share := covered / (end - start)) < COVERED:
            gaps.append(Gap(share, start, end))
    return gaps


def worst(gaps: Sequence[Gap]) -> Gap | None:
    """Return the gap with the smallest share seen; None if there is none."""
    return min(gaps, key=lambda gap: gap.share, default=None)


def _too_few(seen: float, expected: float) -> bool:
    return seen < COVERED * expected and expected - seen > ONE_MISSED


def _interval(health: SourceHealth) -> float:
    """Return the usual time between two polls in seconds, failed polls included."""
    return max(float(np.median(np.diff(health.times))), 1e-9) if len(health.times) > 1 else 1.0


def unmasked(prepared: Prepared, start: float, end: float) -> float:
    """Return the seconds of a part outside of snapshots and of gaps with the warm-up after them."""
    masked = sum(
        max(0.0, min(phase.end, end) - max(phase.start, start)) for phase in prepared.masked
    )
    return max(end - start - masked, 0.0)


def _count(prepared: Prepared, times: Floats, start: float, end: float) -> int:
    """Return how many of these times lie in a part, outside of the stretches that are not judged."""
    inside: NDArray[np.bool_] = (times > start) & (times <= end + 1e-6)
    for phase in prepared.masked:
        inside &= (times < phase.start) | (times > phase.end)
    return int(inside.sum())
