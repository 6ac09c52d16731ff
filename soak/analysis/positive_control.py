"""The positive control: plant leaks of known size into copies of the run's own series, and count how many are caught.

A pass promises that growth above some rate would have been caught. The promise follows from a
formula; this checks it on the run itself. The resource with the shortest vouched horizon is copied
(`series_copies`). Into each copy a leak of the promised size is planted from the beginning of the
judged stretch, beyond a fall if the level falls, and the copy is weighed like the series, against the
same warm-ups, growth and steps. A leak is caught if the copy is not called steady, nor the series
itself by a plateau that it has with the leak. If fewer than `SHARE` of the copies are caught, the
promise is raised to the smallest size at which they are.

The formula's promise allows for warm-ups that may hide growth, and in a short run it can be several
times too large: a level that stood still for two minutes is then said to allow growth by half. If a
pass would be taken back for that alone, smaller leaks are planted too, and the promise is lowered to
the smallest size that is caught. The pass still vouches for no less than the upper end of its own
interval.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `SHARE` 0.95 | share of the copies | what a pass promises |
| `FACTORS` | promised sizes | how far a promise is raised; after the last, the share is reported as it is |
| `FINER` | promised sizes | how far a promise is lowered: a quarter is an error bar that is four times too long |
| `FALSELY` 0.25 | share of the copies | called growing without any leak: if more, the copies prove nothing about smaller ones |
| `FEW` 2, `HOPELESS` 7 | copies, log weight | explanations a thousandth as likely on the first copies are left out |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from soak.analysis.statistics.fit_input import FitInput
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.marginal_likelihood import Whitened, fit_each, fit_each_with
from soak.analysis.statistics.model_averaging import (
    STEPPED,
    Candidates,
    average_models,
    simple_explanations,
)
from soak.analysis.statistics.plateau import plateau_begin
from soak.analysis.statistics.process_lives import split
from soak.analysis.statistics.series_copies import TRIES, copies_of
from soak.analysis.statistics.t_mixture import t_cdf
from soak.analysis.statistics.trend import fit_trend, numeric_libraries, warm_up_end
from soak.analysis.thresholds import CERTAIN, SUSPICIOUS
from soak.analysis.vouch import HOLLOW, horizon
from soak.model import Finding, Floats, PlantedLeak, Trend, Verdict, series_key
from soak.units import show_amount, show_growth

SHARE = 0.95
FACTORS = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
FINER = (0.7, 0.5, 0.35, 0.25)
FALSELY = 0.25
FEW, HOPELESS = 2, 7.0
_FEWER = math.ceil(SHARE * TRIES) - 1


def with_positive_control(
    subjects: Sequence[Subject], findings: Sequence[Finding], judged: float
) -> list[Finding]:
    """Return the findings, with the promise of the one that bounds the horizon checked, and corrected if it fails.

    `judged` is the length of the judged stretch in seconds.
    """
    findings = [_lowered(*pair, judged) for pair in zip(subjects, findings, strict=True)]
    horizons = [
        horizon(subject, finding.trend)
        if finding.trend is not None and _promises(subject, finding)
        else math.inf
        for subject, finding in zip(subjects, findings, strict=True)
    ]
    result = list(findings)
    place = min(range(len(horizons)), key=lambda index: horizons[index], default=None)
    if place is not None and math.isfinite(horizons[place]) and findings[place].planted is None:
        result[place] = _controlled(subjects[place], findings[place])
    return result


def _promises(subject: Subject, finding: Finding) -> bool:
    """Return True if a finding is a pass with a resolution from a fit of its own series.

    The resolution of counts, and of a series that never moved, is exact. A pass whose horizon is
    known was bounded by another series.
    """
    trend = finding.trend
    return (
        finding.verdict is Verdict.PASS
        and finding.vouched_seconds is None
        and trend is not None
        and not subject.integer
        and trend.slope_low < trend.slope_high
        and 0 < trend.resolution_per_hour < math.inf
    )


def _lowered(subject: Subject, finding: Finding, judged: float) -> Finding:
    """Return the finding with a lower promise, if a pass would be hollow without it and smaller leaks are caught."""
    trend = finding.trend
    if trend is None or not _promises(subject, finding):
        return finding
    promised = trend.resolution_per_hour
    needed = HOLLOW * judged
    if (
        not horizon(subject, trend)
        < needed
        <= horizon(subject, replace(trend, resolution_per_hour=FINER[-1] * promised))
    ):
        return finding

    def smallest(caught: Callable[[float], int]) -> tuple[float, int]:
        size, seen = 1.0, caught(promised)
        if caught(0.0) > FALSELY * TRIES:
            return size, seen
        for factor in FINER:
            fewer = caught(factor * promised)
            if min(fewer, seen) < SHARE * TRIES:
                break
            size, seen = factor, fewer
        return size, seen

    return _planted(subject, finding, smallest)


def _controlled(subject: Subject, finding: Finding) -> Finding:
    """Return the finding with its promise checked, and raised if it is not kept."""
    trend = finding.trend
    assert trend is not None
    promised = trend.resolution_per_hour

    def kept(caught: Callable[[float], int]) -> tuple[float, int]:
        for factor in FACTORS:
            seen = caught(factor * promised)
            if seen >= SHARE * TRIES:
                break
        return factor, seen

    return _planted(subject, finding, kept)


def _planted(
    subject: Subject,
    finding: Finding,
    weigh: Callable[[Callable[[float], int]], tuple[float, int]],
) -> Finding:
    """Return the finding with the promise that `weigh` finds.

    `weigh` is given a function that tells in how many copies growth of so much an hour is caught: too
    few if it is not caught in the series itself. It returns a multiple of the formula's size, and in
    how many copies a leak of this size was caught.
    """
    trend = finding.trend
    assert trend is not None
    promised, fall = trend.resolution_per_hour, _fall(trend)
    with numeric_libraries().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
        try:
            copies = copies_of(subject, seed=len(finding.series))
        except np.linalg.LinAlgError:
            return finding
        if copies is None:
            return finding
        # Most leaks are caught in the whole, so these are made only if they are needed.
        since_warm_up = cache(lambda: _copies_since_warm_up(subject, trend, len(finding.series)))

        def tried(per_hour: float) -> int:
            caught = caught_in(copies, per_hour + fall)
            if caught < SHARE * TRIES and (late := since_warm_up()) is not None:
                caught = max(caught, caught_in(late, per_hour + fall, CERTAIN))
            enough = caught >= SHARE * TRIES
            return _FEWER if enough and _passes_since_plateau(subject, per_hour + fall) else caught

        factor, caught = weigh(tried)
    size = factor * promised
    key = series_key(finding.series, finding.labels)
    leak = PlantedLeak(key, size, finding.unit, caught, TRIES, promised)
    was, now = (show_growth(amount, subject.unit) for amount in (promised, size))
    reason = finding.reason.replace(f" is under {was}", f" is under {now}")
    leaks = show_amount(size, finding.unit)
    reason = f"{reason.removesuffix('.')}; leaks of {leaks} planted into copies of it were caught in {caught} of {TRIES} tries."
    return replace(
        finding, planted=leak, reason=reason, trend=replace(trend, resolution_per_hour=size)
    )


def _copies_since_warm_up(subject: Subject, trend: Trend, seed: int) -> FitInput | None:
    """Return copies of the part after the warm-up, in which certain growth is caught as well; None without any.

    Nor if they creep by themselves.
    """
    lives = split(subject)
    began = warm_up_end(trend, lives) if lives else None
    try:
        copies = (
            None if began is None else copies_of(replace(subject, judged_from=began), seed=seed)
        )
    except np.linalg.LinAlgError:
        return None
    creeps = copies is not None and caught_in(copies, 0.0, CERTAIN) > FALSELY * TRIES
    return None if creeps else copies


def _fall(trend: Trend) -> float:
    """Return by how much a level certainly falls per hour: only what a leak adds beyond that is growth."""
    return max(0.0, -trend.slope_high)


def _passes_since_plateau(subject: Subject, per_hour: float) -> bool:
    """Return True if the series itself, with a leak of so much an hour, seems to have a plateau, and is called steady by it.

    Copies are weighed over the whole stretch, so they do not show this.
    """
    series = subject.series
    grown = per_hour * (series.times - series.times[0]) / 3600
    leaking = replace(subject, series=replace(series, values=series.values + grown))
    lives = split(leaking)
    if not lives or plateau_begin(lives[-1].times, lives[-1].values) is None:
        return False
    trend = fit_trend(leaking)
    return trend.doubt is None and trend.p_no_growth > SUSPICIOUS


def caught_in(given: FitInput, per_hour: float, least: float = SUSPICIOUS) -> int:
    """Return in how many of the copies a leak of `per_hour` units per hour is not called steady.

    It is if the probability of no growth is more than `least`.

    Most are told by the simple explanations, all copies at once. Where too many of them are called
    steady, which several steps or warm-ups in the course may cause, these are weighed in full.
    """
    slope = per_hour * given.span / 3600 / given.scale
    pace = given.candidates.paces.start
    reach = 1 + abs(slope)  # values are weighed in units of their range, which the leak extends
    planted = [
        (replace(w, y=(w.y + slope * w.x[:, pace]) / reach, least=w.least / reach**2), prior)
        for w, prior in given.settings
    ]
    steady = p_no_growth(_likely(planted, given.candidates), given.candidates) > least
    if steady.sum() > (1 - SHARE) * TRIES:
        steady[steady] = [
            average_models(
                [(w.of_copy(copy), prior) for w, prior in planted], given.candidates
            ).p_no_growth
            > least
            for copy in np.flatnonzero(steady).tolist()
        ]
    return int((~steady).sum())


def _likely(
    settings: Sequence[tuple[Whitened, float]], candidates: Candidates
) -> list[tuple[Whitened, float]]:
    """Return the settings and noise models that do not explain the first copies hopelessly worse than the best."""
    best = []
    for w, prior in settings:
        first = replace(w, y=w.y[:FEW], base=w.base[:FEW] if w.base.ndim > 1 else w.base)
        tally = simple_explanations(first, prior, candidates)
        logs = (*tally.stays, *(log for log, _ in tally.grows))
        best.append(np.max([log.max(axis=(0, 2)) for log in logs], axis=0))
    least = max(float(log.max()) for log in best) - HOPELESS
    return [
        (w.under(log > least), prior)
        for (w, prior), log in zip(settings, best, strict=True)
        if float(log.max()) > least
    ]


def p_no_growth(settings: Sequence[tuple[Whitened, float]], candidates: Candidates) -> Floats:
    """Return the probability of no lasting growth, (c,), weighed against warm-ups, growth and a step."""
    stays, grows, falls = [], [], []
    for w, prior in settings:
        tally = simple_explanations(w, prior, candidates)
        steps, stepped = w.x[:, candidates.steps], STEPPED[0] + candidates.step_prior + prior
        tally.stay(fit_each(w, steps).evidence + stepped)
        share = math.log(candidates.paces.stop - candidates.paces.start)
        for pace in range(candidates.paces.start, candidates.paces.stop):
            tally.grow(fit_each_with(w, steps, w.x[:, pace]), stepped - share)
        stays += [_flat(log) for log in tally.stays]
        for log, fits in tally.grows:
            grows.append(_flat(log))
            falls.append(
                _flat(
                    t_cdf(
                        -fits.slope / np.maximum(fits.error, 1e-300), np.array(float(fits.freedom))
                    )
                )
            )
    stay, grow, fall = (np.concatenate(parts, axis=1) for parts in (stays, grows, falls))
    top = np.maximum(stay.max(axis=1), grow.max(axis=1))[:, None]
    weights = np.exp(grow - top)
    rest = np.exp(stay - top).sum(axis=1)
    return np.asarray((rest + (weights * fall).sum(axis=1)) / (rest + weights.sum(axis=1)))


def _flat(table: Floats) -> Floats:
    """Reshape (c, v, k) to (c, v * k)."""
    return table.reshape(len(table), -1)
