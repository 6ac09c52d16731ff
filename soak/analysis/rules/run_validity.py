"""What must be true for a run's verdict to mean anything: the target lived, it was watched, the run was complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soak.analysis.prepare.prepare import DYING, Prepared, died_at
from soak.analysis.rules.rule import RuleInput
from soak.catalog.container import OOM_KILLS
from soak.catalog.process import START_TIME
from soak.model import Event, EventKind, Finding, RuleName, Series, SourceHealth, Verdict
from soak.units import capitalized, show_duration, show_number, show_ratio

#: Series in which a source reports that it did not see everything, and the warning for each.
_ODD = {
    "scrape_samples_left_out": "up to {} series per scrape exceeded what is kept of one page or metric, and were left out",
    "scrape_samples_repeated": "up to {} series a scrape were on the page twice; the first of each counts",
    "scrape_queries_without_result": "up to {} queries a scrape gave no result",
}
#: Windows in a row without a single success that are an outage, not a burst of errors.
_OUTAGE = 3
#: Seconds by which the first scrape after a gap may follow the continuation of the load.
_RESUMING = 1.0
#: Seconds of load within which a target died as the load began: about one scrape.
_AT_ONCE = 1.0


def validity_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield restarts, outages, and a target that was gone at the end."""
    prepared = asked.prepared
    yield from _restarts(prepared)
    if prepared.driven:
        yield from _gone(prepared)
        yield from _outage(prepared, errors_allowed=asked.limits.errors is not None)


def validity_warnings(asked: RuleInput, _findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what went wrong without changing a verdict: lost scrapes, late ones, and what the run itself noted."""
    prepared = asked.prepared
    for health in prepared.recording.sources:
        scrapes, failed = _scrapes(prepared, health)
        if failed:
            lost = f"{failed:,} of {scrapes:,} scrapes failed ({show_ratio(failed / scrapes)})"
            yield f"{health.source}: {lost}; the last error: {health.last_error}"
        if health.worst_late > 1.0:
            yield f"{health.source}: a scrape was {show_duration(health.worst_late)} late"
    for name, description in _ODD.items():
        for series in prepared.named(name):
            most = float(np.nanmax(series.values)) if np.isfinite(series.values).any() else 0.0
            if most > 0:
                yield f"{series.source}: {description.format(show_number(most))}"
    for event in prepared.recording.events:
        if event.kind in (EventKind.WARNING, EventKind.WORKER):
            yield event.text
    for gap in prepared.gaps:
        stood = show_duration(gap.end - gap.start)
        after = show_duration(prepared.load_time(gap.start))
        yield (
            f"the run stood still for {stood} after {after} of load, and was resumed: nothing is known of that time, and "
            "the target is judged before and after it, never across it"
        )
    mixes = [event.text for event in prepared.recording.events if event.kind is EventKind.MIX]
    yield from mixes[:1]  # a load that is made again reports it again


def _scrapes(prepared: Prepared, health: SourceHealth) -> tuple[int, int]:
    """Return how many scrapes were tried while the target lived, and how many of them failed."""
    inside = health.times < died_at(prepared.recording) - DYING
    if inside.all():  # also if only its counts are known
        return health.scrapes, health.failed
    return int(inside.sum()), int(np.count_nonzero(inside & ~health.answered))


def seen_events(prepared: Prepared) -> Iterator[Event]:
    """Yield events derived from the series: replaced processes, OOM kills, and what soak itself requested."""
    for instance, moments in prepared.restarts.items():
        of = f" of {instance}" if instance else ""
        yield from (
            Event(moment, EventKind.RESTART, f"the process{of} was replaced") for moment in moments
        )
    for series, killed, _ in _kills(prepared):
        yield from (
            Event(time, EventKind.OOM, f"{series.key} rose: killed for want of memory")
            for time in killed
        )
    asked = {}
    for series in prepared.recording.series:
        if series.name == "scrape_requests_total" and (count := series.last) is not None:
            asked[dict(series.labels).get("url", "")] = count
    if asked:
        total = sum(asked.values())
        each = ", ".join(f"{show_number(count)} to {url}" for url, count in asked.items())
        yield Event(
            prepared.end,
            EventKind.SCRAPING,
            f"soak itself sent {show_number(total)} requests for metrics ({each})",
        )


def _kills(prepared: Prepared) -> Iterator[tuple[Series, list[float], float]]:
    """Yield series that count OOM kills, when they rose during the load, and by how many."""
    for series in prepared.recording.series:
        if series.name == OOM_KILLS:
            inside = (
                np.isfinite(series.values)
                & (series.times >= prepared.start)
                & (series.times <= prepared.end)
            )
            times, grown = series.times[inside][1:], np.diff(series.values[inside])
            if (grown > 0).any():
                yield series, times[grown > 0].tolist(), float(grown[grown > 0].sum())


def _restarts(prepared: Prepared) -> Iterator[Finding]:
    """Yield replaced processes: in a run that soak drove, a failure to survive; in a file, possibly a deployment."""
    name = START_TIME
    for instance, all_moments in prepared.restarts.items():
        # A process that was replaced while the run stood still did not fail under its load.
        moments = [
            m
            for m in all_moments
            if not any(gap.start <= m <= gap.end + _RESUMING for gap in prepared.gaps)
        ]
        if not moments:
            continue
        count, labels = len(moments), (("instance", instance),) if instance else ()
        when = ", ".join(show_duration(moment - prepared.start) for moment in moments[:3])
        times = "once" if count == 1 else f"{count} times"
        whose = f"The process of {instance}" if instance else "The target's process"
        sentence = f"{whose} was replaced {times} (after {when}{' …' if count > 3 else ''})"
        if prepared.driven:
            verdict, reason = Verdict.FAIL, f"{sentence}: it did not survive this run."
        else:
            verdict, reason = Verdict.PASS, f"{sentence}; each life is judged by itself."
        yield Finding(
            RuleName.RESTART, name, verdict, reason, labels, observed=float(count), unit="restarts"
        )
    for series, _, killed in _kills(prepared):
        many = "a process" if killed == 1 else f"{show_number(killed)} processes"
        reason = f"The kernel killed {many} in the container for want of memory."
        verdict = Verdict.FAIL if prepared.driven else Verdict.PASS
        yield Finding(
            RuleName.RESTART,
            OOM_KILLS,
            verdict,
            reason,
            series.labels,
            observed=killed,
            unit="kills",
        )


def _gone(prepared: Prepared) -> Iterator[Finding]:
    """Yield a fail if the target's process ended, however late; inconclusive if the target was not watched."""
    if not prepared.recording.sources:
        reason = "Nothing of the target was watched, so growth cannot be judged; name sources in the profile."
        yield Finding(RuleName.SAMPLING, "scrapes", Verdict.INCONCLUSIVE, reason)
    deaths = [event for event in prepared.recording.events if event.kind is EventKind.TARGET]
    lost = [health for health in prepared.recording.sources if health.gone and not deaths]
    for health in lost:
        reason = f"The target died: {health.last_error}."
        yield Finding(
            RuleName.RESTART, START_TIME, Verdict.FAIL, reason, (("source", health.source),)
        )
    for event in deaths:
        after = event.time - prepared.start
        when = "as the load began" if after < _AT_ONCE else f"after {show_duration(after)} of load"
        what, _, why = event.text.partition(": ")
        reason = f"{capitalized(what)} {when}{': ' if why else ''}{why}."
        yield Finding(RuleName.RESTART, START_TIME, Verdict.FAIL, reason)


def _outage(prepared: Prepared, *, errors_allowed: bool) -> Iterator[Finding]:
    """Yield a finding if the load's last windows had no success: a fail if no source answered any more either."""
    whole = prepared.requests_of_all
    died = any(event.kind is EventKind.TARGET for event in prepared.recording.events)
    if whole is None or died or any(health.gone for health in prepared.recording.sources):
        return  # reported already
    everything = whole.between(prepared.start, prepared.end)
    succeeded = np.flatnonzero(everything.requests > everything.failures)
    if not len(succeeded):
        return
    last = int(succeeded[-1])
    failing = int(np.count_nonzero(everything.failures[last + 1 :]))
    since = float(everything.times[last])
    if failing < _OUTAGE:
        return
    silent = [health for health in prepared.recording.sources if _silent_since(health, since)]
    sentence = (
        f"No request succeeded any more from {show_duration(since - prepared.start)} of the load on"
    )
    if silent and len(silent) == len(prepared.recording.sources):
        why = f"{sentence}, nor did a scrape ({silent[0].last_error}): the target did not survive this run."
        yield Finding(RuleName.RESTART, "http_requests", Verdict.FAIL, why)
    elif not errors_allowed:
        left = show_duration(prepared.end - since)
        why = f"{sentence}, its last {left}: what the target did then is not what was to be judged; find out why first."
        yield Finding(RuleName.COVERAGE, "http_requests", Verdict.INCONCLUSIVE, why)


def _silent_since(health: SourceHealth, moment: float) -> bool:
    """Return True if a source was polled after a moment without answering; one scrape may have been in progress."""
    later = health.times > moment
    return (
        bool(later.any())
        and int(health.answered[later].sum()) <= 1
        and not bool(health.answered[-1])
    )
