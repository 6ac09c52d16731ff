"""What must be true of a run for its verdict to mean anything: the target lived, it was watched, the run was whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.rule import RuleInput
from soak.model import GONE, Event, Finding, Series, Verdict
from soak.units import show_duration, show_number, show_ratio

OOM = "container_oom_events_total"
#: Series by which a source says that it did not see all, and what to tell of them.
_ODD = {
    "scrape_samples_left_out": "up to {} series a scrape were beyond what is kept of one page or metric, and left out",
    "scrape_samples_repeated": "up to {} series a scrape were on the page twice; the first of each counts",
    "scrape_queries_without_result": "up to {} queries a scrape gave no result",
}
#: Above this share of lost scrapes, growth may hide in the gaps.
_TOO_MANY_LOST = 0.2


def validity_findings(asked: RuleInput) -> Iterator[Finding]:
    """Restarts and sampling."""
    prepared = asked.prepared
    yield from _restarts(prepared)
    if prepared.driven:
        yield from _sampling(prepared)


def validity_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """What went wrong without changing a verdict: lost scrapes, late ones, and what the run itself noted."""
    prepared = asked.prepared
    for health in prepared.recording.sources:
        if health.failed:
            share = show_ratio(health.failed / health.scrapes)
            lost = f"{health.failed:,} of {health.scrapes:,} scrapes failed ({share})"
            yield f"{health.source}: {lost}; the last said: {health.last_error}"
        if health.worst_late > 1.0:
            yield f"{health.source}: a scrape was {show_duration(health.worst_late)} late"
    for name, said in _ODD.items():
        for series in prepared.named(name):
            most = float(np.nanmax(series.values)) if np.isfinite(series.values).any() else 0.0
            if most > 0:
                yield f"{series.source}: {said.format(show_number(most))}"
    for event in prepared.recording.events:
        if event.kind in ("warning", "worker"):
            yield event.text
    mixes = [event.text for event in prepared.recording.events if event.kind == "mix"]
    yield from mixes[:1]  # a load that is made again says it again


def seen_events(prepared: Prepared) -> Iterator[Event]:
    """What the series tell that nobody noted while it happened: replacements, kills, and what soak itself asked for."""
    for instance, moments in prepared.restarts.items():
        of = f" of {instance}" if instance else ""
        yield from (Event(moment, "restart", f"the process{of} was replaced") for moment in moments)
    for series, killed, _ in _kills(prepared):
        yield from (Event(one, "oom", f"{series.key} rose: killed for want of memory") for one in killed)
    asked = {}
    for series in prepared.recording.series:
        known = series.values[np.isfinite(series.values)]
        if series.name == "scrape_requests_total" and len(known):
            asked[dict(series.labels).get("url", "")] = float(known[-1])
    if asked:
        total = sum(asked.values())
        each = ", ".join(f"{show_number(count)} to {url}" for url, count in asked.items())
        yield Event(prepared.end, "scraping", f"soak itself sent {show_number(total)} requests for metrics ({each})")


def _kills(prepared: Prepared) -> Iterator[tuple[Series, list[float], float]]:
    """Series that count kills for want of memory, when they rose during the load, and by how many."""
    for series in prepared.recording.series:
        if series.name == OOM:
            inside = np.isfinite(series.values) & (series.times >= prepared.start) & (series.times <= prepared.end)
            times, grown = series.times[inside][1:], np.diff(series.values[inside])
            if (grown > 0).any():
                yield series, times[grown > 0].tolist(), float(grown[grown > 0].sum())


def _restarts(prepared: Prepared) -> Iterator[Finding]:
    """In a run that soak drove, a process that was replaced did not survive; in a file it may have been a deployment."""
    name = "process_start_time_seconds"
    for instance, moments in prepared.restarts.items():
        if not moments:
            continue
        count, labels = len(moments), (("instance", instance),) if instance else ()
        when = ", ".join(show_duration(moment - prepared.start) for moment in moments[:3])
        times = "once" if count == 1 else f"{count} times"
        whose = f"The process of {instance}" if instance else "The target's process"
        said = f"{whose} was replaced {times} (after {when}{' …' if count > 3 else ''})"
        if prepared.driven:
            verdict, reason = Verdict.FAIL, f"{said}: it did not survive this run."
        else:
            verdict, reason = Verdict.PASS, f"{said}; each life is judged by itself."
        yield Finding("restart", name, verdict, reason, labels, observed=float(count), unit="restarts")
    for series, _, killed in _kills(prepared):
        many = "a process" if killed == 1 else f"{show_number(killed)} processes"
        reason = f"The kernel killed {many} in the container for want of memory."
        verdict = Verdict.FAIL if prepared.driven else Verdict.PASS
        yield Finding("restart", OOM, verdict, reason, series.labels, observed=killed, unit="kills")


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
