"""What must be true of a run for its verdict to mean anything: the target lived, it was watched, the run was whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.analysis.prepare import Prepared
from soak.model import GONE, Finding, Verdict
from soak.units import show_duration, show_ratio

#: Above this share of lost scrapes, growth may hide in the gaps.
_TOO_MANY_LOST = 0.2


def condition_findings(prepared: Prepared) -> Iterator[Finding]:
    """Restarts and sampling."""
    yield from _restarts(prepared)
    if prepared.driven:
        yield from _sampling(prepared)


def warnings(prepared: Prepared) -> Iterator[str]:
    """What went wrong without changing a verdict: lost scrapes, late ones, and what the run itself noted."""
    for health in prepared.recording.sources:
        if health.failed:
            share = show_ratio(health.failed / health.scrapes)
            lost = f"{health.failed:,} of {health.scrapes:,} scrapes failed ({share})"
            yield f"{health.source}: {lost}; the last said: {health.last_error}"
        if health.worst_late > 1.0:
            yield f"{health.source}: a scrape was {show_duration(health.worst_late)} late"
    for event in prepared.recording.events:
        if event.kind in ("warning", "worker"):
            yield event.text


def _restarts(prepared: Prepared) -> Iterator[Finding]:
    """In a run that soak drove, a process that was replaced did not survive; in a file it may have been a deployment."""
    if not prepared.restarts:
        return
    count = len(prepared.restarts)
    when = ", ".join(show_duration(moment - prepared.start) for moment in prepared.restarts[:3])
    times = "once" if count == 1 else f"{count} times"
    said = f"The target's process was replaced {times} (after {when}{' …' if count > 3 else ''})"
    if prepared.driven:
        verdict, reason = Verdict.FAIL, f"{said}: it did not survive this run."
    else:
        verdict, reason = Verdict.PASS, f"{said}; each life is judged by itself."
    yield Finding("restart", "process_start_time_seconds", verdict, reason, observed=float(count), unit="restarts")


def _sampling(prepared: Prepared) -> Iterator[Finding]:
    """A source that was lost for a good part of the judged stretch leaves the question open."""
    sources = prepared.recording.sources
    if not sources:
        reason = "Nothing of the target was watched, so growth cannot be judged; name sources in the profile."
        yield Finding("sampling", "scrapes", Verdict.INCONCLUSIVE, reason)
    for health in sources:
        share = health.failed / health.scrapes if health.scrapes else 1.0
        gone = (health.last_error or "").startswith(GONE) and _stopped_early(prepared, health.source) is not None
        if gone:
            reason = f"The target did not survive this run ({health.last_error})."
            yield Finding("restart", "process_start_time_seconds", Verdict.FAIL, reason, (("source", health.source),))
        elif share > _TOO_MANY_LOST:
            lost = "every scrape" if health.failed == health.scrapes else f"{show_ratio(share)} of its scrapes"
            reason = f"{health.source} lost {lost} ({health.last_error}), so growth may hide in what was not seen."
            yield Finding(
                "sampling",
                "scrapes",
                Verdict.INCONCLUSIVE,
                reason,
                (("source", health.source),),
                _TOO_MANY_LOST,
                share,
                "ratio",
            )
        elif (stopped := _stopped_early(prepared, health.source)) is not None:
            why = health.last_error or "no error"
            reason = f"{health.source} gave nothing in the last {show_duration(stopped)} of the run ({why})."
            yield Finding("sampling", "scrapes", Verdict.INCONCLUSIVE, reason, (("source", health.source),))


def _stopped_early(prepared: Prepared, source: str) -> float | None:
    """Seconds at the end of the load without any sample of a source, when they are too many; None when they are not."""
    lasts = [float(series.times[-1]) for series in prepared.series if series.source == source and len(series.times)]
    every = [float(np.median(np.diff(s.times))) for s in prepared.series if s.source == source and len(s.times) > 1]
    if not lasts or not every:
        return None
    silent = prepared.end - max(lasts)
    return silent if silent > max(5 * every[0], 0.05 * (prepared.end - prepared.start)) else None
