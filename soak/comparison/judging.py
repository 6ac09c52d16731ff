"""Judge each difference against its tolerance, with the error of the whole family controlled, and state the result.

All metrics are one family: the probability that any metric of two runs of one build is called worse
is at most `FAMILY_RISK` (Holm's procedure); the same holds for better. "Same" is not corrected for
multiple tests: it requires that the whole 95% interval lies within the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from soak.analysis.statistics.holm import holm
from soak.compared import Change, Difference, Measurement
from soak.comparison.effects import Effect, caught, effect
from soak.comparison.metrics import METRICS
from soak.comparison.metrics.metric import ComparedMetric
from soak.profile.compare import CompareRule, parse_tolerance

#: Maximum probability that a comparison of equal builds calls anything worse.
FAMILY_RISK = 0.01
#: Allowance for rounding in an interval: zero against zero, with no tolerance, is the same.
SLACK = 1e-9
#: Maximum tolerance for a fall, as a share of the base.
MOST_FALL = 0.99


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric of one subject, with each run's measurement on both sides."""

    metric: str
    subject: str
    base: tuple[Measurement, ...]
    candidate: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True)
class _Tested:
    """A pair with its effect, its tolerances on the metric's scale (up, down), and the p-values of worse and better."""

    pair: Pair
    effect: Effect
    up: float
    down: float
    p_worse: float
    p_better: float


def judge_pairs(
    pairs: Sequence[Pair], rules: Mapping[str, CompareRule], *, paired: bool = False
) -> list[Difference]:
    """Return a difference for each pair, in the order of the pairs."""
    tested = [_tested(pair, rules.get(pair.metric), paired=paired) for pair in pairs]
    worse = holm([tested_pair.p_worse for tested_pair in tested], FAMILY_RISK)
    better = holm([tested_pair.p_better for tested_pair in tested], FAMILY_RISK)
    alpha = FAMILY_RISK / max(len(tested), 1)
    return [
        _difference(
            tested_pair,
            rules.get(tested_pair.pair.metric),
            alpha,
            is_worse=is_worse,
            is_better=is_better,
        )
        for tested_pair, is_worse, is_better in zip(tested, worse, better, strict=True)
    ]


def _tested(pair: Pair, rule: CompareRule | None, *, paired: bool) -> _Tested:
    metric = METRICS[pair.metric]
    measured = effect(metric, pair.base, pair.candidate, paired=paired)
    up, down = _tolerances(pair, metric, rule)
    above, below = measured.p_above(up), measured.p_below(-down)
    p_worse, p_better = (above, below) if metric.worse_is_up else (below, above)
    return _Tested(pair, measured, up, down, p_worse, p_better)


def _tolerances(
    pair: Pair, metric: ComparedMetric, rule: CompareRule | None
) -> tuple[float, float]:
    """Return the tolerances for a rise and for a fall on the metric's scale, both at least 0."""
    level = abs(_middle(pair.base))
    amount = max(
        metric.tolerance * level, metric.least, *(measurement.matters for measurement in pair.base)
    )
    if rule is not None and rule.tolerance is not None:
        value, is_share = parse_tolerance(rule.tolerance)
        # For error ratios a tolerance of 0.1% means 0.1 percentage points, not 0.1% of the ratio.
        amount = value * level if is_share and pair.base[0].unit != "ratio" else value
    if not metric.relative:
        return amount, amount
    return math.log1p(amount / level), -math.log1p(-min(amount / level, MOST_FALL))


def _middle(side: Sequence[Measurement]) -> float:
    """Return the mean of a side's values."""
    return sum(measurement.value for measurement in side) / len(side)


def _difference(
    tested: _Tested, rule: CompareRule | None, alpha: float, *, is_worse: bool, is_better: bool
) -> Difference:
    pair, measured = tested.pair, tested.effect
    metric = METRICS[pair.metric]
    low, high = measured.interval()
    harmless = high <= tested.up + SLACK if metric.worse_is_up else low >= -tested.down - SLACK
    if is_worse:
        verdict = Change.WORSE
    elif is_better:
        verdict = Change.BETTER
    else:
        verdict = (
            Change.SAME
            if low >= -tested.down - SLACK and high <= tested.up + SLACK
            else Change.CANNOT_TELL
        )
    allowed = tested.up if metric.worse_is_up else tested.down

    def shown(value: float) -> float:
        return math.expm1(value) if metric.relative else value

    def reach(runs: int, others: int) -> float:
        change = caught(measured.single, runs, others, allowed, alpha)
        return shown(change if metric.worse_is_up else -change)

    base_runs, candidate_runs = len(pair.base), len(pair.candidate)
    difference = Difference(
        metric=pair.metric,
        subject=pair.subject,
        unit=pair.base[0].unit,
        base=measured.base,
        candidate=measured.candidate,
        base_runs=base_runs,
        candidate_runs=candidate_runs,
        relative=metric.relative,
        change=shown(measured.change),
        low=shown(low),
        high=shown(high),
        tolerance=shown(tested.up) if metric.worse_is_up else -shown(-tested.down),
        worse_is_up=metric.worse_is_up,
        verdict=verdict,
        reason="",
        not_worse=verdict in (Change.SAME, Change.BETTER)
        or (harmless and verdict is not Change.WORSE),
        required=rule is not None and rule.required,
        catches=reach(base_runs, candidate_runs),
        catches_three=reach(3, 3),
    )
    return replace(difference, reason=_reason(difference))


def _reason(difference: Difference) -> str:
    """Return the sentence for a difference: `p99 of GET /x: +23% (+12% to +35%); up to 5% is tolerated.`"""
    of = f" of {difference.subject}" if difference.subject else ""
    message = f"{difference.metric}{of}: {difference.signed(difference.change)}"
    if difference.low is not None and difference.high is not None:
        message += f" ({difference.signed(difference.low)} to {difference.signed(difference.high)})"
    message += f"; up to {difference.amount(difference.tolerance)} is tolerated"
    if difference.verdict is not Change.CANNOT_TELL:
        return f"{message}."
    if difference.not_worse:
        return f"{message}: surely not worse."
    if difference.catches_three is None:
        return f"{message}: this may or may not be worse."
    three = difference.signed(difference.catches_three)
    return f"{message}: this may or may not be worse; three such runs a side would show {three}."
