"""Judge several runs of one profile together: one growth for all, and a separate level for each, so that nights add up."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from soak.analysis.statistics.random_effects import MOST_MORE, more_runs, pooled_trend
from soak.analysis.statistics.trend import MAY_BE_CHANCE
from soak.analysis.thresholds import CERTAIN, WARMUP_SECONDS
from soak.analysis.vouch import (
    HOLLOW,
    MOST,
    bound,
    horizon_of,
    is_hollow,
    vouch_finding,
    vouched_by,
    vouches,
)
from soak.catalog.metrics import metric_of, unknown_metric
from soak.errors import UsageError
from soak.model import (
    Analysis,
    Ending,
    Finding,
    Labels,
    RuleName,
    RunInfo,
    Trend,
    Verdict,
)
from soak.units import capitalized, show_count, show_duration, show_estimate

if TYPE_CHECKING:
    from soak.profile import Profile

#: Largest share of runs that failed or are undecided which the others outweigh: with more, they disagree on what they saw.
OUTWEIGHED = 1 / 3
_COUNTED = ("descriptors", "threads", "goroutines", "connections")


def refuse_to_pool(runs: Sequence[tuple[str, Profile, RunInfo, float]]) -> None:
    """Raise UsageError with the reason if runs (name, profile, run, start in seconds since 1970) cannot be pooled."""
    if len(runs) < 2:
        raise UsageError("--together: give at least two run directories")
    first_name, first, _, _ = runs[0]
    for name, profile, run, _ in runs:
        if run.failure is not None or run.ended is Ending.CRASHED:
            raise UsageError(
                f"--together: {name} broke ({run.failure or 'it never said how it ended'}): leave it out"
            )
        for what, seen, wanted in _compared(profile, first):
            if seen != wanted:
                raise UsageError(
                    f"--together: {what} of {name} and {first_name} differ, so their growth is not one"
                )
    ordered = sorted(runs, key=lambda row: row[3])
    for (name, earlier, run, start), (later, other, _, begins) in pairwise(ordered):
        if earlier.target.url == other.target.url and begins < start + run.seconds:
            raise UsageError(
                f"--together: {name} and {later} overlap in time on one target, {earlier.target.url}"
            )


def pooling_key(profile: Profile) -> str:
    """Return a text that is equal for two profiles exactly if their runs may be pooled."""
    told = "\n".join(f"{what}: {value!r}" for what, value, _ in _compared(profile, profile))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _compared(profile: Profile, first: Profile) -> Iterable[tuple[str, object, object]]:
    yield "the profiles' names", profile.name, first.name
    yield "the endpoints", (profile.endpoints, profile.flows), (first.endpoints, first.flows)
    load, other = profile.load, first.load
    yield "the rates", (load.rate, load.users, load.stages), (other.rate, other.users, other.stages)
    yield "the scenarios", profile.scenarios, first.scenarios


def pool(
    runs: Sequence[Analysis], judged: Sequence[float], survive: float, vouch: float | None = None
) -> Analysis:
    """Return the runs as one analysis; `judged` is how many seconds of each were judged.

    `survive` and `vouch` are the horizons of `limits`, in seconds.
    """
    keys = dict.fromkeys(
        (finding.series, finding.labels)
        for run in runs
        for finding in run.findings
        if finding.rule is RuleName.GROWTH and finding.trend
    )
    growth = [
        finding for key in keys if (finding := _pooled(key, runs, max(judged), survive)) is not None
    ]
    others = [
        finding for run in runs for finding in run.findings if finding.rule is not RuleName.GROWTH
    ]
    others = [
        other
        for other in others
        if other.verdict is not Verdict.PASS and other.rule is not RuleName.VOUCH
    ]
    reach = horizon_of(growth, sum(judged), vouch or survive, len(runs))
    findings = (*growth, *others, *vouch_finding(reach, vouch))
    ordered = tuple(sorted(findings, key=lambda finding: finding.verdict.rank))
    verdict = ordered[0].verdict if growth else Verdict.INCONCLUSIVE
    summary = f"{len(runs)} runs, {show_duration(sum(judged))} judged together"
    vouched = vouched_by(reach) if reach is not None and verdict is Verdict.PASS else None
    if not growth:
        reason = "No resource was judged in every run, so growth cannot be judged."
    elif vouched is not None and reach is not None:
        reason = f"{vouches(reach)}. {summary}."
    else:
        reason = f"{ordered[0].reason} ({summary})"
    seconds = sum(run.run.seconds for run in runs)
    info = RunInfo(f"{runs[0].run.name}, {len(runs)} runs together", runs[0].run.started, seconds)
    warnings = tuple(f"{run.run.started}: {warning}" for run in runs for warning in run.warnings)
    return Analysis(info, verdict, reason, ordered, warnings=warnings, vouched=vouched)


def _pooled(
    key: tuple[str, Labels], runs: Sequence[Analysis], longest: float, survive: float
) -> Finding | None:
    """Return the finding of one series over all runs; None if some run did not judge it."""
    findings = [
        finding
        for run in runs
        for finding in run.findings
        if finding.rule is RuleName.GROWTH and (finding.series, finding.labels) == key
    ]
    trends = [
        _by_formula(finding, finding.trend.for_the_worse)
        for finding in findings
        if finding.trend is not None and math.isfinite(bound(finding.trend))
    ]
    if len(trends) < len(runs) or len(findings) != len(runs):
        return None
    trend = pooled_trend(trends)
    rooms = [
        (finding.vouched_seconds or 0.0) * bound(finding.trend)
        if finding.trend is not None and bound(finding.trend) > 0
        else math.inf
        for finding in findings
    ]
    fastest = bound(trend)
    seconds = min(min(rooms) / fastest, MOST) if fastest > 0 and math.isfinite(min(rooms)) else MOST
    unit = findings[0].unit
    matters = min(rooms) / survive if math.isfinite(min(rooms)) else math.inf
    verdict, reason = _judged_together(findings, trend, matters, longest)
    if verdict is Verdict.PASS and seconds < HOLLOW * longest and not unit.startswith(_COUNTED):
        verdict = Verdict.INCONCLUSIVE
        use_up = f"it could use up its room in {show_duration(seconds)}"
        reason += (
            f" That is too uncertain: {use_up}, and a run was judged for {show_duration(longest)}."
        )
    falls = findings[0].trend is not None and findings[0].trend.falls
    return replace(
        findings[0],
        verdict=verdict,
        reason=reason,
        observed=-trend.slope_per_hour if falls else trend.slope_per_hour,
        trend=trend.mirrored() if falls else trend,
        exhausts_in_hours=None,
        adjustments=(),
        vouched_seconds=seconds,
    )


def _by_formula(finding: Finding, trend: Trend) -> Trend:
    """Return a run's trend with the resolution that follows from its error.

    The positive control may have raised it to what this run alone surely catches; all together catch more.
    """
    planted = finding.planted
    if planted is None or planted.promised_per_hour >= trend.resolution_per_hour:
        return trend
    return replace(trend, resolution_per_hour=planted.promised_per_hour)


def _judged_together(
    findings: Sequence[Finding], trend: Trend, matters: float, longest: float
) -> tuple[Verdict, str]:
    """Return verdict and reason for the growth of all runs; growth of `matters` an hour uses up the room too soon.

    `longest` is for how many seconds the longest run was judged.
    """
    first, runs = findings[0], len(findings)
    metric = metric_of(first.series, first.labels) or unknown_metric(first.series)
    name = capitalized(metric.noun)
    measured = show_estimate(trend.slope_per_hour, trend.slope_low, trend.slope_high, first.unit)
    if failed := [finding for finding in findings if finding.verdict is Verdict.FAIL]:
        return _of_failures(failed, runs, trend, measured)
    if trend.slope_low >= matters:
        verdict, why = _of_growth(findings, longest)
        return verdict, f"{name} kept growing in all runs together: {measured}{why}"
    if trend.slope_high < matters or _steady_together(findings, trend):
        return Verdict.PASS, f"{name} over all runs: {measured}."
    more = _more_runs(trend, matters, runs)
    return Verdict.INCONCLUSIVE, f"{name} may or may not grow over all runs: {measured}; {more}."


def _of_failures(
    failed: Sequence[Finding], runs: int, trend: Trend, measured: str
) -> tuple[Verdict, str]:
    """Return verdict and reason of runs of which some failed.

    One failure among many runs must be as much more certain (Holm, A simple sequentially rejective multiple test procedure,
    1979), unless more than `OUTWEIGHED` of the runs failed or all together grow.
    """
    failures = f"{len(failed)} of {runs} runs failed"
    certain = any(
        finding.trend is not None and finding.trend.p_no_growth < CERTAIN / runs
        for finding in failed
    )
    if certain or len(failed) > OUTWEIGHED * runs or trend.slope_low > 0:
        return Verdict.FAIL, f"{failures}: {failed[0].reason}"
    unsure = f"but the growth of all together, {measured}, may be none"
    return Verdict.INCONCLUSIVE, f"{failures}, {unsure}: {failed[0].reason}"


def _of_growth(findings: Sequence[Finding], longest: float) -> tuple[Verdict, str]:
    """Return the verdict on a growth that only all runs together show, and the end of its reason.

    All starts of one service warm up alike, so their number adds no certainty to what a warm-up, a cache that fills, or another
    series may explain in more than `OUTWEIGHED` of them.
    """
    runs = len(findings)
    explained = [finding for finding in findings if _is_explained(finding)]
    shaped = [finding for finding in findings if _is_shape_in_doubt(finding)]
    if len(explained) > OUTWEIGHED * runs and not shaped:
        return Verdict.PASS, f", which each run explains: {explained[0].reason}"
    doubtful = [*shaped, *explained]
    if len(doubtful) > OUTWEIGHED * runs:
        untold = f"but {len(doubtful)} of {runs} runs cannot tell it from a start or another cause"
        return Verdict.INCONCLUSIVE, f", {untold}: {doubtful[0].reason}"
    if longest < WARMUP_SECONDS:
        young = f"runs of {show_duration(WARMUP_SECONDS)} or more would tell it from what every start adds"
        return Verdict.INCONCLUSIVE, f"; {young}."
    return Verdict.FAIL, "."


def _steady_together(findings: Sequence[Finding], trend: Trend) -> bool:
    """Return True if the runs passed, but for noise: if some did not, the growth of all together may be none."""
    unclear = sum(not _is_seen_steady(finding) for finding in findings)
    return unclear == 0 or (trend.slope_low <= 0 and unclear <= OUTWEIGHED * len(findings))


def _is_seen_steady(finding: Finding) -> bool:
    """Return True for a pass, also for one that was reopened only because it vouches for too little: together they do more."""
    return finding.verdict is Verdict.PASS or is_hollow(finding)


def _is_explained(finding: Finding) -> bool:
    """Return True for a pass in spite of growth, because another series explains it, such as a heap that is collected."""
    return finding.verdict is Verdict.PASS and any(
        step.after is Verdict.PASS and step.before is not Verdict.PASS
        for step in finding.adjustments
    )


def _is_shape_in_doubt(finding: Finding) -> bool:
    """Return True if a run is undecided for more than noise: warm-up, steps, a cache that fills."""
    chance = (
        not finding.adjustments
        and finding.trend is not None
        and finding.trend.doubt == MAY_BE_CHANCE
    )
    return finding.verdict is Verdict.INCONCLUSIVE and not chance and not _is_seen_steady(finding)


def _more_runs(trend: Trend, matters: float, runs: int) -> str:
    """Return `3 more such runs would tell`: when the interval would exclude no growth, or growth that matters."""
    distance = min(abs(trend.slope_per_hour), abs(trend.slope_per_hour - matters))
    half = (trend.slope_high - trend.slope_low) / 2
    more = more_runs(half / distance if distance > 0 else math.inf, runs)
    if more is None:
        return f"even {MOST_MORE} more such runs may not tell"
    return f"{show_count(more, 'more such run')} would tell"
