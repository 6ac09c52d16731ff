"""Judge a recording: apply every rule, and derive one verdict and the sentence that gives its reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from soak.analysis.basis import with_basis
from soak.analysis.charts import charts
from soak.analysis.endpoint_summaries import endpoint_summaries
from soak.analysis.lead import lead_of
from soak.analysis.marks import marks
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.prepare.request_groups import group_windows
from soak.analysis.prepare.shown_exemplars import shown
from soak.analysis.rules import RULES, RuleInput
from soak.analysis.rules.load_coverage import broken, nothing_sent
from soak.analysis.rules.load_generator import RATE, Generator, generator_of, saturated, unproven
from soak.analysis.rules.more_time import more_would_tell
from soak.analysis.rules.rule import RequestClock
from soak.analysis.rules.run_validity import seen_events
from soak.analysis.vouch import horizon_of, vouch_finding, vouched_by, vouches
from soak.catalog.metrics import metric_of, unknown_metric
from soak.catalog.process import RESIDENT
from soak.catalog.row_types import Worse
from soak.model import (
    Analysis,
    Ending,
    Finding,
    GroupSummary,
    Phase,
    PhaseName,
    Recording,
    RuleName,
    Verdict,
    longest_advice,
)
from soak.profile import EndpointLimits, Limits
from soak.units import show_count, show_duration, show_growth

_NOTHING_ASKED = AskedLoad()
_NO_LIMITS: Mapping[str, EndpointLimits] = {}


def analyze(
    recording: Recording,
    limits: Limits,
    endpoint_limits: Mapping[str, EndpointLimits] = _NO_LIMITS,
    warmup: float = 0.0,
    *,
    judge_unknown: bool = False,
    request_clock: RequestClock | None = None,
    asked_load: AskedLoad = _NOTHING_ASKED,
) -> Analysis:
    """Judge a recording. At least `warmup` seconds of load are left out.

    `judge_unknown` is for files that a user chose to have judged: series that are not known
    resources count too. `request_clock` puts a subject on a clock of its own, if the mix of traffic
    was varied on purpose. `asked_load` is what the profile asked of the load.
    """
    return analyze_prepared(
        prepare(recording, warmup, asked_load),
        limits,
        endpoint_limits,
        judge_unknown=judge_unknown,
        request_clock=request_clock,
    )


def analyze_prepared(
    prepared: Prepared,
    limits: Limits,
    endpoint_limits: Mapping[str, EndpointLimits] = _NO_LIMITS,
    *,
    judge_unknown: bool = False,
    request_clock: RequestClock | None = None,
) -> Analysis:
    """Judge a recording that is prepared already, as `analyze` does."""
    recording = prepared.recording
    asked = RuleInput(prepared, limits, endpoint_limits, judge_unknown, request_clock)
    proposed = [finding for rule in RULES.values() for finding in rule.judge(asked)]
    generator = generator_of(prepared)
    growth = [
        finding
        for finding in proposed
        if finding.rule is RuleName.GROWTH and not finding.series.startswith("scrape_")
    ]
    judged = prepared.judged_seconds
    reach = horizon_of(growth, judged, limits.vouch or limits.survive.for_)
    proposed += vouch_finding(reach, limits.vouch)
    findings = tuple(sorted(unproven(proposed, generator), key=_urgency))
    verdict, reason = overall(prepared, findings)
    vouched = vouched_by(reach) if reach is not None and verdict is Verdict.PASS else None
    if vouched is not None and reach is not None:
        reason = f"{vouches(reach, driven=prepared.driven)}. {reason}"
    broken = broken_by(prepared, generator, findings)
    if broken is not None and verdict is not Verdict.FAIL:
        verdict, reason = Verdict.INCONCLUSIVE, broken
    drawn = charts(prepared, findings)
    analysis = Analysis(
        recording.run,
        verdict,
        reason,
        findings,
        endpoints=tuple(endpoint_summaries(prepared.windows(), recording.windows)),
        warnings=tuple(
            warning for rule in RULES.values() for warning in rule.warn(asked, findings)
        ),
        charts=drawn,
        phases=_phases(prepared),
        events=tuple(
            sorted((*recording.events, *seen_events(prepared)), key=lambda event: event.time)
        ),
        exemplars=shown(prepared),
        broken=broken,
        vouched=vouched,
        groups=tuple(_groups(prepared)),
        lead=lead_of(findings, vouched, drawn),
        marks=tuple(marks(prepared)),
    )
    return with_basis(analysis, prepared, limits.survive.for_)


def _urgency(finding: Finding) -> tuple[int, bool, float]:
    """Return a sort key: worst first; among findings with a trend, the one that would double soonest.

    What is undecided and may well not grow comes after what probably does, however small its level is.
    """
    doubling, vague = 0.0, False
    if finding.trend is not None:
        trend = finding.trend.for_the_worse
        slope, level = trend.slope_per_hour, trend.level
        vague = finding.verdict is Verdict.INCONCLUSIVE and not trend.slope_low > 0
        doubling = abs(level) / slope if slope > 0 and math.isfinite(level) else math.inf
    elif finding.rule is RuleName.GENERATOR and finding.verdict is Verdict.PASS:
        doubling = math.inf  # says nothing about the target
    elif finding.series == RATE:
        doubling = -1.0  # many other inconclusive findings follow from it
    return finding.verdict.rank, vague, doubling


def _phases(prepared: Prepared) -> tuple[Phase, ...]:
    """Return the run's phases, the part of the steady phase left out of judging, and the snapshots."""
    known = (*prepared.recording.phases, *prepared.snapshots)
    steady = next((phase for phase in known if phase.name == PhaseName.STEADY), None)
    if steady is None or prepared.judged_from <= steady.start:
        return known
    return (*known, Phase(PhaseName.WARMUP, steady.start, min(prepared.judged_from, steady.end)))


def overall(prepared: Prepared, findings: tuple[Finding, ...]) -> tuple[Verdict, str]:
    """Return fail over inconclusive over pass; a run that broke off, or that judged nothing, cannot pass."""
    worst = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    open_ = [finding for finding in findings if finding.verdict is Verdict.INCONCLUSIVE]
    ended = prepared.recording.run.ended
    if worst:
        return Verdict.FAIL, worst[0].reason + _others(len(worst) - 1, "fails", "fail")
    if ended in _ENDED:
        seen = show_duration(prepared.loaded_seconds)
        by = prepared.recording.run.aborted
        why = f"; {by.text}" if by is not None else ""
        return (
            Verdict.INCONCLUSIVE,
            f"The run {_ENDED[ended]} after {seen} of load, so a pass cannot be given; nothing had failed by then{why}.",
        )
    if open_:
        longest = _longer_than_the_first(open_)
        return Verdict.INCONCLUSIVE, open_[0].reason + _others(
            len(open_) - 1, f"is undecided{longest}", f"are undecided{longest}"
        )
    growth = [
        finding
        for finding in findings
        if finding.rule is RuleName.GROWTH and not finding.series.startswith("scrape_")
    ]
    if not growth:
        return Verdict.INCONCLUSIVE, _nothing_judged(prepared)
    return Verdict.PASS, _all_well(prepared, growth)


def _nothing_judged(prepared: Prepared) -> str:
    """Return why no growth could be judged, and what would make it possible."""
    if not prepared.driven:
        return "None of its series is known as a resource, so growth cannot be judged; --only NAME judges one."
    return (
        "No resource of the target was recorded, so growth cannot be judged; name its process or its metrics page "
        "in sources, or a series of that page in limits."
    )


_ENDED = {
    Ending.CRASHED: "broke off",
    Ending.ABORTED: "was aborted",
    Ending.INTERRUPTED: "was interrupted",
    Ending.RUNNING: "is still under way",
}


def broken_by(
    prepared: Prepared, generator: Generator | None, findings: Iterable[Finding]
) -> str | None:
    """Return why the whole run proves nothing: it failed, made no load, or its generator was saturated; else None."""
    run = prepared.recording.run
    under_way = run.ended is Ending.RUNNING  # its load may still come
    why = run.failure or (
        None if under_way else nothing_sent(prepared) or saturated(generator, findings)
    )
    return broken(why)


def _longer_than_the_first(findings: Sequence[Finding]) -> str:
    """Return `; in all, 5.6 h more would tell` if that is longer than the first finding says; empty if not, or unknown."""
    first, longest = findings[0].more_seconds, longest_advice(findings)
    if first is None or longest is None or longest <= first:
        return ""
    return f"; in all, {more_would_tell(longest)}"


def _others(count: int, name: str, more: str) -> str:
    return (
        ""
        if count == 0
        else f" One more rule {name}."
        if count == 1
        else f" {count} more rules {more}."
    )


def _all_well(prepared: Prepared, growth: list[Finding]) -> str:
    """Return what passed, over how long, and the slowest leak that would have been caught in the main series."""
    first = growth[0]
    by_name = {finding.series: finding for finding in reversed(growth)}
    first = by_name.get(RESIDENT, first)
    count = show_count(len(growth), "series", "series")
    sentence = f"{count} stayed steady over {show_duration(prepared.loaded_seconds)}{' of load' * prepared.driven}"
    if first.trend is not None and 0 < first.trend.resolution_per_hour < math.inf:
        role = metric_of(first.series, first.labels) or unknown_metric(first.series)
        slowest = show_growth(first.trend.resolution_per_hour, role.unit)
        unseen = "a fall" if role.worse is Worse.DOWN else "growth"
        return f"{sentence}; {unseen} of {role.noun} above {slowest}, would have been caught."
    return f"{sentence}."


def _groups(prepared: Prepared) -> Iterator[GroupSummary]:
    """Yield a summary of each scenario and tag."""
    for group, windows in group_windows(prepared.windows(), prepared.asked.groups):
        yield GroupSummary(group.kind, endpoint_summaries([windows])[0], group.endpoints)
