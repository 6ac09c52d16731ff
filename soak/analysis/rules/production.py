"""Growth at the rate of production, if the test's rate differs from it: an accelerated soak.

Growth with requests slows down with them, growth with time does not, and a run at one steady rate
cannot tell the two apart. So the growth in production is bounded: with f the rate of production
divided by that of the test, it lies between the test's growth and f times it. If the rate varied
enough within the run, both parts are fitted, y = a + b t + c N(t) with N the requests so far, on
block means by ordinary least squares, and b + c times the rate of production narrows the bounds.
What stays undecided counts against the horizon.

Assumed: each kind of request leaves as much in production as in the test, and the mix of kinds is
the same.

| constant | unit | meaning |
|---|---|---|
| `BLOCKS` 30 | blocks | enough for three coefficients, and long enough that neighbours' errors hardly correlate |
| `APART` 0.002 | share of variance | if time leaves less of the requests unexplained, the fit is all rounding |
| `SURELY` 4.5 | standard errors | as for the resolution of a trend |
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from soak.analysis.prepare.stretches import known_between
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.room import room
from soak.analysis.vouch import MOST, bound
from soak.model import Finding, Verdict
from soak.profile.types import Survive
from soak.units import capitalized, show_amount, show_duration, show_number

BLOCKS, APART, SURELY = 30, 0.002, 4.5
_STEP = "rate of production"


def at_production(subject: Subject, finding: Finding, survive: Survive) -> Finding:
    """Judge and vouch for a growth finding at the rate of production; unchanged if the profile names no such rate."""
    trend, rate = finding.trend, subject.request_rate
    if (
        survive.at is None
        or trend is None
        or subject.limit is not None
        or not math.isfinite(bound(trend))
        or rate <= 0
    ):
        return finding
    factor = survive.at / rate
    slow, fast = min(1.0, factor), max(1.0, factor)
    low = trend.slope_low * (slow if trend.slope_low > 0 else fast)
    high, unseen = (
        value * (fast if value > 0 else slow) for value in (trend.slope_high, bound(trend))
    )
    fitted = by_both_clocks(subject, survive.at)
    if fitted is not None:
        slope, error = fitted
        low, high = max(low, slope - 1.96 * error), min(high, slope + 1.96 * error)
        unseen = min(unseen, max(slope, 0.0) + SURELY * error)
    much = room(subject, trend.level)
    seconds = min(3600 * much / unseen, MOST) if unseen > 0 else MOST
    finding = replace(finding, vouched_seconds=seconds)
    matters = much / (survive.for_ / 3600)
    if finding.verdict is not Verdict.FAIL or low >= matters:
        return finding
    at = f"at production's {show_number(survive.at)} requests/s"
    between = f"between {show_amount(low, finding.unit)} and {show_amount(high, finding.unit)}"
    noun = capitalized(subject.noun)
    if high < matters:
        reason = (
            f"{noun}: {between} {at}, too little to matter within {show_duration(survive.for_)}."
        )
        return finding.adjusted(_STEP, Verdict.PASS, reason)
    reason = (
        f"{noun}: {between} {at}; a run at one rate cannot tell whether it grows with requests or with time, "
        "stages at different rates would."
    )
    return finding.adjusted(_STEP, Verdict.INCONCLUSIVE, reason)


def by_both_clocks(subject: Subject, rate: float) -> tuple[float, float] | None:
    """Fit growth on time and requests; return growth per hour at `rate` requests per second and its standard error.

    None if the rate was constant, or there is too little data for a fit.
    """
    if subject.requests is None or subject.borders:
        return None
    times, values = known_between(subject.series, subject.judged_from)
    if len(times) < 2 * BLOCKS:
        return None
    requests = np.interp(times, subject.requests.times, subject.requests.values)
    block = (np.arange(len(times)) * BLOCKS) // len(times)
    counts = np.bincount(block)
    t, n, y = (np.bincount(block, weights=column) / counts for column in (times, requests, values))
    if np.ptp(n) <= 0 or 1 - np.corrcoef(t, n)[0, 1] ** 2 < APART:
        return None
    design = np.column_stack((np.ones(BLOCKS), t - t.mean(), n - n.mean()))
    inverse = np.linalg.pinv(design.T @ design)
    coefficients = inverse @ design.T @ y
    residual = y - design @ coefficients
    # Neighbouring blocks' errors may be correlated: an AR(1) correction of the variance (Bartlett,
    # 1946).
    memory = float(
        np.clip(residual[1:] @ residual[:-1] / max(float(residual @ residual), 1e-300), 0.0, 0.9)
    )
    variance = float(residual @ residual) / (BLOCKS - 3) * (1 + memory) / (1 - memory)
    weights = np.array([0.0, 3600.0, 3600.0 * rate])
    return float(weights @ coefficients), math.sqrt(
        max(float(weights @ inverse @ weights) * variance, 0.0)
    )
