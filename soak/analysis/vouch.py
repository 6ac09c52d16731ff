"""For how long a pass vouches: how soon each resource could have grown by too much, at the fastest growth that may hide in it.

The vouched bound of a growth is the upper end of its 97.5% interval, and never below the
resolution, the slowest growth that this recording would surely have caught. The room is what may be
added: half of the level, or what is left of the capacity; of counted things at least a hundred (of
objects that lie on a heap, as timers do, a thousand), of bytes at least a mebibyte and a twentieth
of what the process holds, for no service suffers from a few descriptors more, nor from a buffer
pool of 600 KiB that grows to 900. Room over bound is the horizon, and a run vouches for the
shortest of its resources' horizons.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `HOLLOW` 2 | judged stretches | a resource that could have grown by half while it was watched was not shown to be steady |
| `SHARPER` 1.5 | power of the run's length | a slope's standard error falls with T^1.5 (T for the line, T^0.5 for the samples) |
| `MOST` 10 years | seconds | no recording says more, not even of what never moved |
| `ROUNDS` 14 | runs | more nights than a fortnight's are not advised |

What never moved is bound by what may have been about to come (`statistics/room.py`). Neither it nor
a count is called hollow: what they did while they were watched is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from soak.analysis.statistics.room import room
from soak.catalog.metrics import metric_of, unknown_metric
from soak.model import Finding, RuleName, Trend, Verdict, Vouched, series_key
from soak.units import capitalized, show_amount, show_count, show_duration

if TYPE_CHECKING:
    from soak.analysis.statistics.growth_input import Subject

HOLLOW, SHARPER, MOST, ROUNDS = 2.0, 1.5, 3650 * 86400.0, 14
#: No more is advised than so many lengths of the run so far: what comes after, this run does not know.
MOST_LONGER = 9.0
_STEP = "vouched horizon"


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long a run vouches for (seconds), by which finding, and what would reach `asked`.

    `longer` is how many more seconds of the same load would, and `rounds` how many more runs like
    this one, None where that is too many.
    """

    seconds: float
    finding: Finding
    asked: float
    longer: float
    rounds: int | None


def bound(trend: Trend) -> float:
    """The fastest growth for the worse, an hour, that the recording does not rule out."""
    return max(trend.for_the_worse.slope_high, trend.resolution_per_hour)


def horizon(subject: Subject, trend: Trend) -> float:
    """Seconds until the vouched bound has used up the room, `MOST` at most."""
    fastest = bound(trend)
    return min(3600 * room(subject, trend.level) / fastest, MOST) if fastest > 0 else MOST


def vouched(
    subjects: Sequence[Subject], findings: Sequence[Finding], judged: float
) -> list[Finding]:
    """The findings of growth with their horizons; a pass whose horizon is hollow over `judged` seconds is open again."""
    return [
        _vouched(subject, finding, judged)
        for subject, finding in zip(subjects, findings, strict=True)
    ]


def _vouched(subject: Subject, finding: Finding, judged: float) -> Finding:
    trend = finding.trend
    if trend is None or not math.isfinite(bound(trend)) or not math.isfinite(trend.level):
        return finding
    if room(subject, trend.level) == 0:  # half of nothing, in a unit that nobody knows
        return finding
    if finding.vouched_seconds is None:  # else it was taken from what bounds this resource
        finding = replace(finding, vouched_seconds=horizon(subject, trend))
    seconds = finding.vouched_seconds
    if (
        finding.verdict is not Verdict.PASS
        or subject.integer
        or trend.slope_low == trend.slope_high
        or subject.limit is not None
        or seconds is None
    ):
        return finding
    if seconds >= HOLLOW * judged:
        return finding
    noun = capitalized(subject.noun)
    fastest = show_amount(bound(trend), finding.unit)
    grow = "fall" if subject.falls else "grow"
    surely = trend.for_the_worse
    if surely.slope_per_hour > 0:
        rate = show_amount(surely.slope_per_hour, f"{finding.unit}")
        chance = "" if surely.slope_low > 0 else ", which may be chance"
        seen = f"{noun} {'falls' if subject.falls else 'grows'} by some {rate}{chance}, and up to {fastest} is not ruled out"
    else:
        seen = f"{noun} was not seen to {grow}, but up to {fastest} would have gone unseen"
    reason = (
        f"{seen}: it could {grow} by {_much(subject, trend.level)} in "
        f"{show_duration(seconds)}, and was judged for {show_duration(judged)}{_more(seconds, judged)}."
    )
    return finding.adjusted(_STEP, Verdict.INCONCLUSIVE, reason)


def _much(subject: Subject, level: float) -> str:
    """How much it could grow by until it matters: `half`, or an amount where that is not what counts."""
    much = room(subject, level)
    return "half" if math.isclose(much, 0.5 * abs(level)) else show_amount(much, subject.unit)


def _more(seconds: float, judged: float) -> str:
    """How much longer a run must be for its horizon to be no longer hollow: T^1.5 has to outgrow 2 T."""
    shortfall = HOLLOW * judged / max(seconds, 1e-9)
    longer = shortfall ** (1 / (SHARPER - 1)) - 1
    if longer > MOST_LONGER:
        return ", and so noisy that more time would not tell"
    return f"; {show_duration(judged * longer)} more would tell"


def horizon_of(findings: Iterable[Finding], judged: float, asked: float) -> Horizon | None:
    """What a run vouches for: the shortest horizon of its findings; None where nothing was judged for growth."""
    known = [
        finding
        for finding in findings
        if finding.rule is RuleName.GROWTH and finding.vouched_seconds is not None
    ]
    shortest = min(known, key=lambda finding: finding.vouched_seconds or 0.0, default=None)
    if shortest is None or shortest.vouched_seconds is None:
        return None
    seconds = shortest.vouched_seconds
    short = asked / seconds if seconds > 0 else math.inf
    if short <= 1:
        return Horizon(seconds, shortest, asked, 0.0, 0)
    exact = shortest.trend is not None and shortest.trend.slope_low == shortest.trend.slope_high
    longer = judged * (short if exact else short ** (1 / SHARPER)) - judged
    rounds = (short if exact else short**2) - 1
    return Horizon(
        seconds, shortest, asked, longer, math.ceil(rounds) if rounds <= ROUNDS else None
    )


def vouch_finding(reach: Horizon | None, required: float | None) -> Iterable[Finding]:
    """Whether a run vouches for as long as `limits.vouch` requires; nothing where it requires nothing."""
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
    said = f"This run vouches for {show_duration(seconds)}; {show_duration(required)} are required"
    tail = "." if verdict is Verdict.PASS else f": {unseen(finding)}; {advice(reach)}."
    yield Finding(
        RuleName.VOUCH,
        finding.series,
        verdict,
        said + tail,
        finding.labels,
        required,
        seconds,
        "seconds",
    )


def vouched_by(reach: Horizon) -> Vouched:
    """The horizon as an analysis has it."""
    finding = reach.finding
    fastest = bound(finding.trend) if finding.trend is not None else 0.0
    key = series_key(finding.series, finding.labels)
    return Vouched(
        reach.seconds, key, fastest, finding.unit, reach.asked, reach.longer, reach.rounds
    )


def vouches(reach: Horizon, *, driven: bool = True) -> str:
    """`Vouches for 2.9 days at this load: resident memory might still grow by up to 7 MiB/h unseen; 5.5 h more would ...`."""
    tail = f"; {advice(reach, driven=driven)}" if reach.longer > 0 else ""
    at = " at this load" if driven else ""
    return f"Vouches for {show_duration(reach.seconds)}{at}: {unseen(reach.finding)}{tail}"


def unseen(finding: Finding) -> str:
    """`resident memory might still grow by up to 7 MiB/h unseen`."""
    fastest = bound(finding.trend) if finding.trend is not None else math.nan
    grow = "fall" if finding.trend is not None and finding.trend.falls else "grow"
    noun = (metric_of(finding.series) or unknown_metric(finding.series)).noun
    return f"{noun} might still {grow} by up to {show_amount(fastest, finding.unit)} unseen"


def advice(reach: Horizon, *, driven: bool = True) -> str:
    """`5.5 h more, or 3 more such runs judged with it, would vouch for 30 days`; files of others are no runs to be repeated.

    A run as long as what is asked for needs no vouching, so that none as long is advised.
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
