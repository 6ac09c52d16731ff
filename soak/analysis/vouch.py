"""How long a pass vouches for: how soon each resource could grow too much, at the fastest growth not ruled out.

The vouched bound of a growth is the upper end of its 95% interval (97.5% quantile), never below the
resolution, the slowest growth that this recording would surely have caught. The room is what may be
added: half of the level, or what is left of the capacity. For counted things it is at least a
hundred (for objects on a heap, such as timers, a thousand), for bytes at least a mebibyte and a
twentieth of what the process holds, because no service suffers from a few more descriptors, or from
a buffer pool of 600 KiB that grows to 900. Room divided by bound is the horizon, and a run vouches
for the shortest of its resources' horizons.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `HOLLOW` 2 | judged stretches | a resource that could have grown by half while it was watched was not shown to be steady |
| `HOLLOW_COUNT` 0.5 | judged stretches | the same of a count, whose every step was seen |
| `SHARPER` 1.5 | power of the run's length | a slope's standard error falls with T^1.5 (T for the line, T^0.5 for the samples) |
| `MOST` 10 years | seconds | no recording supports more, not even of a level that never moved |

A level that never moved is bounded by the steps that may still come (`statistics/room.py`), and is
never called hollow: what it did while it was watched is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from soak.analysis.statistics.random_effects import MOST_MORE, more_runs
from soak.analysis.statistics.room import room
from soak.analysis.thresholds import (
    HOLLOW_LONGER,
    HOLLOW_MARGIN,
    HOPELESS,
    MOST_LONGER,
)
from soak.catalog.metrics import metric_of, unknown_metric
from soak.catalog.row_types import Unit
from soak.model import Finding, RuleName, Trend, Verdict, Vouched, series_key
from soak.units import capitalized, show_amount, show_count, show_duration

if TYPE_CHECKING:
    from soak.analysis.statistics.growth_input import Subject

HOLLOW, HOLLOW_COUNT, SHARPER, MOST = 2.0, 0.5, 1.5, 3650 * 86400.0
_STEP = "vouched horizon"


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long a run vouches for (seconds), the finding that bounds it, and what would reach `asked`.

    `longer` is how many more seconds of the same load would be needed, and `rounds` how many more
    runs like this one, None if that is too many.
    """

    seconds: float
    finding: Finding
    asked: float
    longer: float
    rounds: int | None


def bound(trend: Trend) -> float:
    """Return the fastest hourly growth for the worse that the recording does not rule out."""
    return max(trend.for_the_worse.slope_high, trend.resolution_per_hour)


def horizon(subject: Subject, trend: Trend) -> float:
    """Return the seconds until the vouched bound has used up the room, `MOST` at most."""
    fastest = bound(trend)
    return min(3600 * room(subject, trend.level) / fastest, MOST) if fastest > 0 else MOST


def is_sound_pass(subject: Subject, finding: Finding, judged: float) -> bool:
    """Return True for a pass that its own trend shows not to be hollow over `judged` seconds."""
    return (
        finding.verdict is Verdict.PASS
        and finding.trend is not None
        and horizon(subject, finding.trend) >= HOLLOW * judged
    )


def passed_by(finding: Finding, step: str, why: str, better: Subject, trend: Trend) -> Finding:
    """Return a finding as a pass with the trend and the horizon of a series that measures the same better."""
    return replace(
        finding.adjusted(step, Verdict.PASS, why),
        trend=trend,
        observed=trend.slope_per_hour,
        vouched_seconds=horizon(better, trend),
    )


def vouched(
    subjects: Sequence[Subject], findings: Sequence[Finding], judged: float
) -> list[Finding]:
    """Return the growth findings with their horizons; a pass whose horizon is hollow over `judged` seconds is reopened."""
    return [
        _vouched(subject, finding, judged)
        for subject, finding in zip(subjects, findings, strict=True)
    ]


def _vouched(subject: Subject, finding: Finding, judged: float) -> Finding:
    trend = finding.trend
    if trend is None or not math.isfinite(bound(trend)) or not math.isfinite(trend.level):
        return finding
    if room(subject, trend.level) == 0:  # half of 0, in an unknown unit
        return finding
    # Half more blocks matter only by the memory that they take, which vouches for itself.
    if subject.unit == Unit.BLOCKS and subject.process_memory > 0:
        return finding
    seconds = finding.vouched_seconds
    if seconds is None:  # else it was taken from the series that bounds this resource
        seconds = horizon(subject, trend)
        finding = replace(finding, vouched_seconds=seconds)
    least = HOLLOW_COUNT if subject.integer else HOLLOW
    if subject.unit in (Unit.OBJECTS, Unit.BLOCKS):  # they matter by their memory, which is judged
        least = 0.0
    if (
        finding.verdict is not Verdict.PASS
        or trend.slope_low == trend.slope_high
        or subject.limit is not None
        or seconds >= least * judged
    ):
        return finding
    noun = capitalized(subject.noun)
    fastest = show_amount(bound(trend), finding.unit)
    grow, was, it = "fall" if subject.falls else "grow", "was", "it"
    grows = f"{grow}s"
    if subject.plural:
        grows, was, it = grow, "were", "they"
    surely = trend.for_the_worse
    if surely.slope_per_hour > 0:
        rate = show_amount(surely.slope_per_hour, f"{finding.unit}")
        chance = "" if surely.slope_low > 0 else ", which may be chance"
        seen = f"{noun} {grows} by some {rate}{chance}, and up to {fastest} is not ruled out"
    else:
        seen = f"{noun} {was} not seen to {grow}, but up to {fastest} would have gone unseen"
    more = _more_seconds(seconds, judged)
    advice = (
        ", and so noisy that more time may not tell"
        if more is None
        else f"; {show_duration(more)} more would tell"
    )
    reason = (
        f"{seen}, by which {it} would {grow} by {_much(subject, trend.level)} in {show_duration(seconds)}: "
        f"too uncertain for a judged time of {show_duration(judged)}{advice}."
    )
    return finding.adjusted(_STEP, Verdict.INCONCLUSIVE, reason, more)


def is_hollow(finding: Finding) -> bool:
    """Return True for a finding that was a pass, and was reopened only because it vouches for too little."""
    last = finding.adjustments[-1] if finding.adjustments else None
    return last is not None and last.by == _STEP and last.before is Verdict.PASS


def _much(subject: Subject, level: float) -> str:
    """Return how much it could grow by until it matters: `half`, or an amount if another bound applies."""
    much = room(subject, level)
    return "half" if math.isclose(much, 0.5 * abs(level)) else show_amount(much, subject.unit)


def _more_seconds(seconds: float, judged: float) -> float | None:
    """Return how much longer a run must be for its horizon not to be hollow: T^1.5 has to outgrow 2 T."""
    shortfall = HOLLOW * judged / max(seconds, 1e-9)
    longer = float(shortfall ** (1 / (SHARPER - 1))) - 1
    if longer > HOPELESS * MOST_LONGER:
        return None
    return judged * min(max(HOLLOW_MARGIN * longer, HOLLOW_LONGER), MOST_LONGER)


def horizon_of(
    findings: Iterable[Finding], judged: float, asked: float, runs: int = 1
) -> Horizon | None:
    """Return what so many runs together vouch for: the shortest horizon of their findings; None if nothing was judged for growth.

    `judged` is for how many seconds in all.
    """
    known = [
        (finding.vouched_seconds, finding)
        for finding in findings
        if finding.rule is RuleName.GROWTH and finding.vouched_seconds is not None
    ]
    if not known:
        return None
    seconds, shortest = min(known, key=itemgetter(0))
    short = asked / seconds if seconds > 0 else math.inf
    if short <= 1:
        return Horizon(seconds, shortest, asked, 0.0, 0)
    exact = shortest.trend is not None and shortest.trend.slope_low == shortest.trend.slope_high
    longer = judged * (short if exact else short ** (1 / SHARPER)) - judged
    return Horizon(seconds, shortest, asked, longer, _more_rounds(short, runs, exact=exact))


def _more_rounds(short: float, runs: int, *, exact: bool) -> int | None:
    """Return how many more such runs make a horizon `short` times as long; None if that is too many.

    Levels that never moved are judged by time alone; else the interval of all runs has to narrow.
    """
    if not exact:
        return more_runs(short, runs)
    more = runs * (short - 1)
    return max(math.ceil(more), 1) if more <= MOST_MORE else None


def vouch_finding(reach: Horizon | None, required: float | None) -> Iterable[Finding]:
    """Yield whether a run vouches for as long as `limits.vouch` requires; nothing if it requires nothing."""
    if required is None:
        return
    if reach is None:
        reason = f"Nothing was judged for growth, so this run vouches for nothing; {show_duration(required)} are required."
        yield Finding(
            RuleName.VOUCH,
            "vouched_seconds",
            Verdict.INCONCLUSIVE,
            reason,
            (),
            required,
            None,
            "seconds",
        )
        return
    seconds, finding = reach.seconds, reach.finding
    verdict = Verdict.PASS if seconds >= required else Verdict.INCONCLUSIVE
    sentence = (
        f"This run vouches for {show_duration(seconds)}; {show_duration(required)} are required"
    )
    tail = "." if verdict is Verdict.PASS else f": {unseen(finding)}; {advice(reach)}."
    yield Finding(
        RuleName.VOUCH,
        finding.series,
        verdict,
        sentence + tail,
        finding.labels,
        required,
        seconds,
        "seconds",
    )


def vouched_by(reach: Horizon) -> Vouched:
    """Return the horizon as the analysis stores it."""
    finding = reach.finding
    fastest = bound(finding.trend) if finding.trend is not None else 0.0
    key = series_key(finding.series, finding.labels)
    return Vouched(
        reach.seconds, key, fastest, finding.unit, reach.asked, reach.longer, reach.rounds
    )


def vouches(reach: Horizon, *, driven: bool = True) -> str:
    """Return `Vouches for 2.9 days at this load: resident memory might still grow by up to 7 MiB/h unseen; 5.5 h ...`."""
    tail = f"; {advice(reach, driven=driven)}" if reach.longer > 0 else ""
    at = " at this load" if driven else ""
    return f"Vouches for {show_duration(reach.seconds)}{at}: {unseen(reach.finding)}{tail}"


def unseen(finding: Finding) -> str:
    """Return `resident memory might still grow by up to 7 MiB/h unseen`."""
    fastest = bound(finding.trend) if finding.trend is not None else math.nan
    grow = "fall" if finding.trend is not None and finding.trend.falls else "grow"
    noun = (metric_of(finding.series) or unknown_metric(finding.series)).noun
    return f"{noun} might still {grow} by up to {show_amount(fastest, finding.unit)} unseen"


def advice(reach: Horizon, *, driven: bool = True) -> str:
    """Return `5.5 h more, or 3 more such runs judged with it, would vouch for 30 days`.

    Recordings of others cannot be repeated, so no more runs are advised for them. A run as long as
    the requested horizon needs no vouching, so no run that long is advised.
    """
    asked = show_duration(reach.asked)
    runs = show_count(reach.rounds, "more such run") if reach.rounds and driven else ""
    if reach.longer >= reach.asked:
        return (
            f"{runs} judged with it would vouch for {asked}"
            if runs
            else f"too noisy for a shorter run to vouch for {asked}"
        )
    return f"{show_duration(reach.longer)} more{f', or {runs} judged with it,' if runs else ''} would vouch for {asked}"
