"""Estimate how far the runs of one side differ from those of another, and how certain that is.

Each run's figure varies within the run, which the run itself shows (`error`, `drift`), and between
runs of one build. A single run cannot show the variation between runs, and a few runs show it
poorly. So it is first assumed, and then corrected by what the runs show:

- Assumed: runs of one build differ by the metric's `between` times the drift that one run shows, since the noise of shared
  machines has most of its power at low frequencies; and never by less than the metric's floor.
- Corrected: by the ratio of the scatter seen within the sides to the scatter assumed, as in Hartung and Knapp's interval for
  random effects (A refined method for the meta-analysis of controlled clinical trials with binary
  outcome, 2001). The ratio is shrunk towards 1 with the weight of `PRIOR_FREEDOM` degrees of freedom
  (Smyth, Linear models and empirical Bayes methods for assessing differential expression in
  microarray experiments, 2004). The interval is Student's with the sum of both degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.statistics.t_mixture import t_cdf, t_quantile
from soak.compared import Measurement
from soak.comparison.metrics.metric import ComparedMetric
from soak.model import Floats

#: Degrees of freedom of the assumed scatter. With fewer, one run per side shows nothing; with more,
#: the scatter that several runs show is not believed. Calibrated on pairs of runs of one build
#: (docs/compare.md).
PRIOR_FREEDOM = 4.0
#: Upper limit of `between`, in drifts, for runs made right after one another: the machine had no
#: time to change.
NEIGHBOURS = 2.0
#: Power for which the detectable change is stated: a change of that size is called worse in 95 of
#: 100 comparisons.
POWER = 0.95
#: Least variance of a figure: avoids a division by zero if figures never vary.
_LEAST_VARIANCE = 1e-24


@dataclass(frozen=True, slots=True)
class Effect:
    """`change` is candidate minus base on the metric's scale, `error` its standard error with `freedom` degrees of freedom.

    `single` is the standard deviation of one run's figure. `base` and `candidate` are the sides'
    figures in the metric's unit, weighted like the change: the change leads from `base` to
    `candidate`.
    """

    base: float
    candidate: float
    change: float
    error: float
    freedom: float
    single: float

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the true difference."""
        reach = t_quantile((1 + confidence) / 2, self.freedom) * self.error
        return self.change - reach, self.change + reach

    def p_above(self, bound: float) -> float:
        """Return the p-value of the hypothesis that the true change is at most `bound`."""
        return float(t_cdf((bound - self.change) / self.error, self.freedom))

    def p_below(self, bound: float) -> float:
        """Return the p-value of the hypothesis that the true change is at least `bound`."""
        return float(t_cdf((self.change - bound) / self.error, self.freedom))


def on_scale(metric: ComparedMetric, value: float) -> float:
    """Return a value on its metric's scale: its logarithm if differences are shares."""
    return math.log(value) if metric.relative else value


def off_scale(metric: ComparedMetric, value: float) -> float:
    """Convert a figure on its metric's scale back to the metric's unit; the inverse of `on_scale`."""
    return math.exp(value) if metric.relative else value


def effect(
    metric: ComparedMetric,
    base: Sequence[Measurement],
    candidate: Sequence[Measurement],
    *,
    paired: bool,
) -> Effect:
    """Return the difference between the sides; `paired` if run i of one side was made alongside run i of the other."""
    sides = [
        np.array([on_scale(metric, measurement.value) for measurement in side])
        for side in (base, candidate)
    ]
    between = min(metric.between, NEIGHBOURS) if paired else metric.between
    variances = [_assumed(metric, side, between) for side in (base, candidate)]
    single = math.sqrt(float(np.mean(np.concatenate(variances))))
    if paired and len(base) == len(candidate) > 1:
        differences, together = sides[1] - sides[0], variances[0] + variances[1]
        change, variance, excess = _pooled(differences, together)
        level = _pooled(sides[0], together)[0]
        freedom = len(differences) - 1
    else:
        means, each, excesses = zip(
            *(_pooled(*side) for side in zip(sides, variances, strict=True)), strict=True
        )
        change, variance, excess = means[1] - means[0], sum(each), sum(excesses)
        level = means[0]
        freedom = len(base) + len(candidate) - 2
    scale = (PRIOR_FREEDOM + excess) / (PRIOR_FREEDOM + freedom)
    return Effect(
        off_scale(metric, level),
        off_scale(metric, level + change),
        change,
        math.sqrt(scale * variance),
        PRIOR_FREEDOM + freedom,
        math.sqrt(scale) * single,
    )


def _assumed(metric: ComparedMetric, side: Sequence[Measurement], between: float) -> Floats:
    """Return the variance of each run's figure: that within the run, and that assumed between runs of one build."""
    error, drift = (
        np.array([getattr(measurement, name) for measurement in side])
        for name in ("error", "drift")
    )
    variance: Floats = error**2 + (1 + between**2) * drift**2 + metric.floor**2
    return np.maximum(variance, _LEAST_VARIANCE)


def _pooled(values: Floats, variances: Floats) -> tuple[float, float, float]:
    """Return the weighted mean, its variance, and the weighted sum of squares around it."""
    weights = 1 / variances
    mean = float(weights @ values / weights.sum())
    return mean, float(1 / weights.sum()), float(weights @ (values - mean) ** 2)


def caught(single: float, runs: int, other_runs: int, tolerance: float, alpha: float) -> float:
    """Return the change, on the metric's scale, that this many runs per side call worse in `POWER` of comparisons.

    It lies beyond the tolerance by the critical value of a test at `alpha` plus the quantile of
    `POWER`. The noncentral t distribution is approximated by a shifted one, which is close from a
    few degrees of freedom on.
    """
    freedom = PRIOR_FREEDOM + runs + other_runs - 2
    error = single * math.sqrt(1 / runs + 1 / other_runs)
    return tolerance + error * (t_quantile(POWER, freedom) - t_quantile(alpha, freedom))
