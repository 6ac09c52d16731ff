"""Known leaks that a profile accepts until a date: a warning instead of a fail, unless the leak has become worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.verdict import overall
from soak.catalog.metrics import selects
from soak.model import Analysis, Finding, RuleName, Suspect, Trend, Verdict, series_key
from soak.profile.compare import Accepted
from soak.units import show_amount, show_number, show_ratio

STEP = "acceptance"
#: How much faster than in its baseline an accepted leak may grow: loads and machines differ by
#: about that much.
FASTER = 0.25
#: Suspects with at least this confidence are leaks of their own: accepting one leak does not cover
#: another.
SURE = 0.5
_NO_LEAKS = ("gc-pressure", "buffered-response")
_WHOLE_ENDPOINTS = ("", "*")


@dataclass(frozen=True, slots=True)
class _Outcome:
    verdict: Verdict
    reason: str


def with_acceptances(
    analysis: Analysis,
    prepared: Prepared,
    accepted: Sequence[Accepted],
    day: date,
    baseline: Mapping[str, float] | None = None,
) -> Analysis:
    """Return the analysis with known leaks as warnings, if the profile accepts them on the run's `day`.

    `baseline` holds the fastest hourly growth of each series in a baseline, by its key. It bounds
    an acceptance that states no growth of its own. Without either bound it is unknown whether the
    leak has become worse, and it fails.
    """
    if not accepted:
        return analysis
    findings, warnings = list(analysis.findings), list[str]()
    used = set[int]()
    for index, finding in enumerate(findings):
        if finding.rule is not RuleName.GROWTH or finding.verdict is not Verdict.FAIL:
            continue
        for number, entry in enumerate(accepted):
            if not selects(entry.series, _Named(finding.series, finding.labels)):
                continue
            used.add(number)
            outcome = _outcome(entry, finding, analysis.suspects, day, baseline)
            findings[index] = finding.adjusted(STEP, outcome.verdict, outcome.reason)
            warnings.append(outcome.reason)
            break
    warnings += [
        f"accept: {entry.series} was accepted until {entry.until}, which has passed, and did not fail: remove it"
        for number, entry in enumerate(accepted)
        if number not in used and entry.until < day
    ]
    if findings == list(analysis.findings):
        return replace(analysis, warnings=(*analysis.warnings, *warnings))
    return _judged_again(
        replace(analysis, warnings=(*analysis.warnings, *warnings)), prepared, findings
    )


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    labels: tuple[tuple[str, str], ...]


def _outcome(
    entry: Accepted,
    finding: Finding,
    suspects: Sequence[Suspect],
    day: date,
    baseline: Mapping[str, float] | None,
) -> _Outcome:
    """Return what an acceptance makes of a failing finding that it names."""
    leak = f"{finding.reason} ({entry.reason})"
    if entry.until < day:
        return _Outcome(Verdict.FAIL, f"Accepted until {entry.until}, which has passed: {leak}")
    other = _another_leak(entry, suspects)
    if other is not None:
        return _Outcome(
            Verdict.FAIL, f"Not the leak that is accepted until {entry.until} ({other}): {leak}"
        )
    key = series_key(finding.series, finding.labels)
    bound = entry.growth if entry.growth is not None else (baseline or {}).get(key)
    trend = _for_the_worse(finding)
    if bound is None or trend is None:
        return _Outcome(
            Verdict.FAIL,
            f"Not accepted, because it may be worse than the known leak ({_bounds(finding)}): {leak}",
        )
    allowed = show_amount(bound, finding.unit)
    if trend.slope_low > bound:
        return _Outcome(
            Verdict.FAIL, f"Worse than accepted until {entry.until} (up to {allowed}): {leak}"
        )
    if trend.slope_per_hour > bound:
        return _Outcome(
            Verdict.INCONCLUSIVE,
            f"May be worse than accepted until {entry.until} (up to {allowed}): {leak}",
        )
    return _Outcome(Verdict.PASS, f"Accepted until {entry.until}, up to {allowed}: {leak}")


def _for_the_worse(finding: Finding) -> Trend | None:
    """Return the finding's trend as growth for the worse: of free memory, its fall."""
    return finding.trend and finding.trend.for_the_worse


def _bounds(finding: Finding) -> str:
    """Say how a leak without a known bound can be accepted."""
    trend = _for_the_worse(finding)
    fastest = trend.slope_high if trend is not None else 0.0
    now = (
        show_amount(fastest, "bytes/h")
        if finding.unit == "bytes/h"
        else f"{show_number(fastest)}/h"
    )
    return f"give accept.growth, such as {now}, or --against a baseline that was set from a run with this leak"


def without_bound(accepted: Sequence[Accepted], baseline: Mapping[str, float]) -> list[str]:
    """Return a sentence for each acceptance that has no effect because no bound of its growth is known."""
    return [
        f"accept: no growth is known up to which {entry.series} is accepted, so it will fail as before: give its growth, or "
        "--against a baseline that was set from a run with this leak"
        for entry in accepted
        if entry.growth is None and not any(_may_select(entry.series, key) for key in baseline)
    ]


def out_of_date(accepted: Sequence[Accepted], day: date) -> list[str]:
    """Return a sentence for each acceptance that ended before `day`, to show before the run."""
    return [
        f"accept: {entry.series} was accepted until {entry.until}, which has passed: it fails again ({entry.reason})"
        for entry in accepted
        if entry.until < day
    ]


def _may_select(selector: str, key: str) -> bool:
    """Return True if a selector's name, which may be a glob, matches the name of a series."""
    return fnmatchcase(key.partition("{")[0], selector.partition("{")[0].strip() or "*")


def _another_leak(entry: Accepted, suspects: Sequence[Suspect]) -> str | None:
    """Return why the suspects do not point to the accepted leak alone; None if they do."""
    if entry.endpoint is None and entry.leak_class is None:
        return None
    sure = [
        suspect
        for suspect in suspects
        if suspect.leak_class not in _NO_LEAKS and suspect.confidence >= SURE
    ]
    if not sure:
        wanted = entry.leak_class or entry.endpoint
        return f"no suspect says that it is {wanted}; diagnose (and attribute, for endpoints) would find out"
    for suspect in sure:
        if entry.leak_class is not None and suspect.leak_class != entry.leak_class:
            return f"a {suspect.leak_class} is suspected, {show_ratio(suspect.confidence)} sure"
        if entry.endpoint is not None and suspect.endpoint != entry.endpoint:
            through = (
                "an unknown endpoint" if suspect.endpoint in _WHOLE_ENDPOINTS else suspect.endpoint
            )
            return f"it leaks through {through}"
    return None


def _judged_again(analysis: Analysis, prepared: Prepared, findings: Sequence[Finding]) -> Analysis:
    """Compute the verdict again, with accepted leaks named first; a broken run stays broken."""
    ordered = tuple(sorted(findings, key=lambda finding: finding.verdict.rank))
    verdict, reason = overall(prepared, ordered)
    if analysis.broken is not None and verdict is not Verdict.FAIL:
        verdict, reason = Verdict.INCONCLUSIVE, analysis.broken
    taken = [
        finding
        for finding in ordered
        if finding.verdict is Verdict.PASS
        and finding.adjustments
        and finding.adjustments[-1].by == STEP
    ]
    if taken and verdict is not Verdict.FAIL:
        reason = f"{len(taken)} known {'leak is' if len(taken) == 1 else 'leaks are'} accepted: {taken[0].reason} {reason}"
    return replace(analysis, verdict=verdict, reason=reason, findings=ordered, vouched=None)
