"""The growth rule: does a resource keep growing, and fast enough to matter?

All subjects are judged together as one family after Holm, A simple sequentially rejective multiple
test procedure (1979), so that sixty healthy series do not raise a false alarm every night.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from soak.analysis.prepare.stretches import known_between
from soak.analysis.rules.forecast import TimeLeft, show_time_left, time_until
from soak.analysis.rules.more_time import more_seconds, more_would_tell
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.holm import holm
from soak.analysis.statistics.level_shift import level_shift
from soak.analysis.statistics.process_lives import clean
from soak.analysis.statistics.trend import fit_trend
from soak.analysis.thresholds import CERTAIN, GROWS_BY, SURELY_SETTLED, SUSPICIOUS
from soak.model import Finding, JudgedClock, RuleName, Trend, Verdict
from soak.units import (
    capitalized,
    show_amount,
    show_duration,
    show_estimate,
    show_growth,
    show_number,
)


class _Judgement(NamedTuple):
    """A verdict and why, and how many seconds more would probably decide it; None if decided or unknown."""

    verdict: Verdict
    reason: str
    more_seconds: float | None = None


def judge_growth(subjects: Sequence[Subject], survive: float) -> list[Finding]:
    """Return one finding per subject, in order; growth by half or to capacity within `survive` seconds is too much."""
    trends = [fit_trend(subject) for subject in subjects]
    certain = holm([trend.p_no_growth for trend in trends], CERTAIN)
    return [_judge(*row, survive) for row in zip(subjects, trends, certain, strict=True)]


def _judge(subject: Subject, trend: Trend, certain: bool, survive: float) -> Finding:
    if subject.limit is not None:
        verdict, reason, longer = _against_limit(subject, trend, certain, subject.limit)
    else:
        verdict, reason, longer = _by_default(subject, trend, certain, survive)
    if verdict is Verdict.PASS:
        reason += _stepped(subject)
    left = _exhausts(subject, trend) if verdict is Verdict.FAIL else None
    known = math.isfinite(trend.slope_high)
    return Finding(
        rule=RuleName.GROWTH,
        series=subject.series.name,
        labels=subject.series.labels,
        verdict=verdict,
        reason=reason,
        limit=subject.limit,
        observed=trend.slope_per_hour if known else None,
        unit=f"{subject.unit}/h",
        trend=trend,
        exhausts_in_hours=left.hours if left else None,
        more_seconds=longer,
    )


def _against_limit(subject: Subject, trend: Trend, certain: bool, limit: float) -> _Judgement:
    """Do an equivalence test: the whole interval must lie on one side of the limit for a verdict."""
    allowed = _amount(subject, limit)
    advice, longer = _advice(subject, trend, [limit])
    if trend.doubt is not None and not math.isfinite(trend.slope_high):
        return _Judgement(
            Verdict.INCONCLUSIVE,
            f"{_capital(subject)} cannot be judged against {allowed}: {advice}.",
            longer,
        )
    measured = _measured(subject, trend)
    if trend.slope_low > limit and (certain or limit > 0):
        return _Judgement(
            Verdict.FAIL,
            f"{_keeps_growing(subject, trend)}, and {allowed} is allowed{_tail(subject, trend)}.",
        )
    if trend.slope_high <= limit and not _rises_against(subject, trend):
        return _Judgement(
            Verdict.PASS,
            f"{_capital(subject)} {_grows(subject)} by no more than {allowed}: {measured}.",
        )
    if limit == 0 and trend.p_no_growth > SUSPICIOUS and trend.doubt is None:
        return _Judgement(Verdict.PASS, _steady(subject, trend))
    return _Judgement(
        Verdict.INCONCLUSIVE,
        f"{_capital(subject)} may or may not {_grow(subject)} faster than {allowed}: {measured}; {advice}.",
        longer,
    )


def _by_default(subject: Subject, trend: Trend, certain: bool, survive: float) -> _Judgement:
    """Fail growth that is certain and matters within `survive`; pass if either is ruled out."""
    noun = _capital(subject)
    if not math.isfinite(trend.slope_high):
        advice, longer = _advice(subject, trend, [])
        return _Judgement(Verdict.INCONCLUSIVE, f"{noun} cannot be judged: {advice}.", longer)
    measured = _measured(subject, trend)
    matters = _matters(subject, trend) / (survive / 3600)
    if not certain and trend.doubt is None and trend.p_no_growth > SUSPICIOUS:
        if trend.slope_low > matters and trend.p_no_growth < SURELY_SETTLED:
            advice, longer = _advice(subject, trend, [0.0])
            reason = f"{noun} may have settled, or {_grows(subject)} by {measured}; {advice}."
            return _Judgement(Verdict.INCONCLUSIVE, reason, longer)
        return _Judgement(Verdict.PASS, _steady(subject, trend))
    if trend.slope_high < matters and not _rises_against(subject, trend):
        return _Judgement(
            Verdict.PASS,
            f"{noun} {_grows(subject)} by {measured}: too little to matter within {show_duration(survive)}.",
        )
    if certain and trend.slope_low >= matters:
        settled = (
            f", settled after {show_duration(trend.settled_after_seconds)}"
            if trend.settled_after_seconds
            else ""
        )
        return _Judgement(
            Verdict.FAIL, f"{_keeps_growing(subject, trend)}{settled}{_tail(subject, trend)}."
        )
    return _undecided(subject, trend, certain, measured, matters)


def _rises_against(subject: Subject, trend: Trend) -> bool:
    """Return True if the level rose through the last half though its growth is fitted as a fall: that is no explanation.

    A level that still settles may be fitted as a fall with a rise on top that ends after the run.
    """
    if trend.doubt is None or trend.slope_high >= 0:
        return False
    _, values = known_between(subject.series, subject.judged_from)
    third, last = np.array_split(values[len(values) // 2 :], 2)
    return bool(len(third)) and float(np.median(last)) > float(np.median(third))


def _matters(subject: Subject, trend: Trend) -> float:
    """Return how much growth is too much: half of the level, or all that is left of the capacity if less."""
    half = GROWS_BY * abs(trend.level)
    return half if subject.capacity is None else min(half, max(subject.capacity - trend.level, 0.0))


def _undecided(
    subject: Subject, trend: Trend, certain: bool, measured: str, matters: float
) -> _Judgement:
    """Return why there is no verdict, and what would give one."""
    noun = _capital(subject)
    if certain:
        longer = more_seconds(trend, [matters], _judged_seconds(subject))
        reason = f"{noun} {_grows(subject)} by {measured}; {more_would_tell(longer)} whether that matters."
        return _Judgement(Verdict.INCONCLUSIVE, reason, longer)
    advice, undecided = _advice(subject, trend, [0.0, matters])
    if trend.doubt is not None and trend.slope_low <= 0:
        reason = f"{noun} cannot be judged yet: {advice}."
    else:
        reason = f"{noun} may be {_grow(subject)}ing, {measured}; {advice}."
    return _Judgement(Verdict.INCONCLUSIVE, reason, undecided)


def _advice(subject: Subject, trend: Trend, edges: Iterable[float]) -> tuple[str, float | None]:
    """Return the trend's doubt, if it has one, with what would tell; and after how many seconds more, None if unknown."""
    if trend.doubt is None:
        longer = more_seconds(trend, edges, _judged_seconds(subject))
        return more_would_tell(longer), longer
    if trend.more_seconds is None:
        return trend.doubt, None
    # When a level moves in steps, nobody knows when the next ones come.
    more = more_would_tell(trend.more_seconds, surely=not trend.stepwise)
    return f"{trend.doubt}; {more}", trend.more_seconds


def _steady(subject: Subject, trend: Trend) -> str:
    """Return the sentence of a pass, with the slowest growth that would have been seen."""
    slowest = show_growth(trend.resolution_per_hour, subject.unit)
    if trend.slope_low == trend.slope_high and not subject.integer:
        unseen = trend.resolution_per_hour > 0
        tail = f": any {'fall' if subject.falls else 'growth'} is under {slowest}" if unseen else ""
        return f"{_capital(subject)} did not change at all{tail}."
    if trend.slope_low > 0:  # a slope certainly above zero means it was not steady all along
        moved, has = "fell" if subject.falls else "rose", "have" if subject.plural else "has"
        state = f"{moved} at first, and {has} settled"
    else:
        state = f"{'are' if subject.plural else 'is'} steady"
    return f"{_capital(subject)} {state}: any {'fall' if subject.falls else 'growth'} is under {slowest}."


def _stepped(subject: Subject) -> str:
    """Return ` It stepped from 40 to 99 descriptors at 3.2 h, and stayed.`; empty if the level did not shift."""
    judged = subject.series.times >= subject.judged_from
    times, values = clean(subject.series.times[judged], subject.series.values[judged])
    shift = level_shift(times, values)
    if shift is None:
        return ""
    sign = -1.0 if subject.falls else 1.0
    before, after = (
        show_amount(sign * level, subject.unit) for level in (shift.before, shift.after)
    )
    number, _, unit = before.partition(" ")
    levels = f"from {number if after.endswith(f' {unit}') else before} to {after}"
    steps = "" if shift.steps == 1 else f"in {shift.steps} steps, the last "
    pronoun = "They" if subject.plural else "It"
    at = (
        shift.time - times[0]
        if subject.clock is None
        else _in_time(subject.clock, times[0], shift.time)
    )
    return f" {pronoun} stepped {levels} {steps}at {show_duration(at)}, and stayed."


def _in_time(clock: JudgedClock, start: float, end: float) -> float:
    """Return the seconds of the run between two moments on a clock of requests."""
    began, ended = clock.time_of(np.array([start, end])).tolist()
    return float(ended - began)


def _exhausts(subject: Subject, trend: Trend) -> TimeLeft | None:
    """Return when the capacity is reached; None if it is unknown or growth is not certain."""
    return None if subject.capacity is None else time_until(trend, subject.capacity)


def _tail(subject: Subject, trend: Trend) -> str:
    """Return what the growth leads to: `; it runs out of descriptors in 9 h (7 to 12 h)`, or when it would double."""
    left = _exhausts(subject, trend)
    it = "the target" if subject.plural else "it"
    if left is not None and subject.falls:
        return f"; nothing is left of it in {show_time_left(left)}"
    if left is not None:
        return (
            f"; {it} runs out of {subject.capacity_noun or subject.noun} in {show_time_left(left)}"
        )
    double = time_until(trend, 2 * trend.level) if trend.level > 0 else None
    return (
        f"; {'they' if subject.plural else 'it'} would double in {show_duration(double.hours * 3600)}"
        if double
        else ""
    )


def _keeps_growing(subject: Subject, trend: Trend) -> str:
    """Return `Resident memory keeps growing: 3.1 MiB/h (2.8 to 3.4), 1.5 KiB per request of any kind`."""
    growing = f"{_capital(subject)} {_verb(subject, 'keep')} {_grow(subject)}ing: {_measured(subject, trend)}"
    rate = subject.request_rate
    if rate <= 0 or trend.slope_per_hour <= 0:
        return growing
    each = trend.slope_per_hour / 3600 / rate
    if subject.plural and each < 0.5:
        return f"{growing}, one every {show_number(1 / each)} requests"
    return f"{growing}, {show_amount(each, subject.unit)} per request of any kind"


def _grows(subject: Subject) -> str:
    """Return the verb for a change for the worse, in the number of the noun."""
    return _verb(subject, _grow(subject))


def _grow(subject: Subject) -> str:
    return "fall" if subject.falls else "grow"


def _judged_seconds(subject: Subject) -> float:
    """Return the seconds from the beginning of judging to the last sample."""
    times = subject.series.times
    return float(times[-1]) - max(float(times[0]), subject.judged_from) if len(times) else 0.0


def _verb(subject: Subject, verb: str) -> str:
    return verb if subject.plural else f"{verb}s"


def _measured(subject: Subject, trend: Trend) -> str:
    """Return the growth with its interval as text."""
    return show_estimate(
        trend.slope_per_hour, trend.slope_low, trend.slope_high, f"{subject.unit}/h"
    )


def _amount(subject: Subject, hourly: float) -> str:
    """Return a rate of growth in the subject's unit as text."""
    return show_amount(hourly, f"{subject.unit}/h")


def _capital(subject: Subject) -> str:
    return capitalized(subject.noun)
