"""Estimate how much one request to each endpoint keeps, by a regression of a level on the requests to each endpoint.

If the mix of traffic is varied on purpose, the endpoints' counts differ enough to be separated: MODE
(2011) showed that designed mixes make such regressions accurate, and Matias and Trivedi (2006) that
requests' type and size explain a server's growth. The level is fitted on the cumulative counts of
each endpoint and of all requests, on time if that can be separated from requests, and on a constant
for each life of the process; soak/diagnosis/attribution/subset_regression.py describes the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from soak.analysis.statistics.process_lives import clean
from soak.diagnosis.attribution.request_counts import Mix, mix_at
from soak.diagnosis.attribution.subset_regression import SubsetFit, fit_subsets
from soak.diagnosis.thresholds import (
    HIGH_PERCENTILE,
    LEAST_CONTRIBUTION,
    LOW_PERCENTILE,
    MOST_INFLATION,
    MOST_POINTS,
    SPARE_POINTS,
)
from soak.growth_views import NO_RATE, HourlyRate
from soak.model import Floats
from soak.windows import EndpointWindows, Ints


@dataclass(frozen=True, slots=True)
class Amount:
    """What one request to an endpoint (or one flow) keeps permanently, in the attribution's unit, with a 95% interval.

    `share` is the fraction of the observed growth that this accounts for.
    """

    endpoint: str
    per_request: float
    low: float
    high: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """One level's growth split by endpoint; `per_hour` is the growth without traffic, with a 95% interval.

    `amounts` has every endpoint that had requests. `every` is what each request costs regardless of
    its endpoint, and is included in all amounts. `refused` says why nothing can be attributed, and
    what would help; then there are no amounts. `doubt` is a reservation about a valid result.
    """

    key: str
    unit: str
    amounts: tuple[Amount, ...]
    per_hour: HourlyRate = NO_RATE
    refused: str | None = None
    every: Amount | None = None
    doubt: str | None = None

    @property
    def contributors(self) -> tuple[Amount, ...]:
        """The endpoints that surely keep something, and enough of the growth to matter; largest share first."""
        sure = [
            amount
            for amount in self.amounts
            if amount.low > 0 and amount.share >= LEAST_CONTRIBUTION
        ]
        return tuple(sorted(sure, key=lambda amount: -amount.share))


#: Name of all endpoints together, as in `Attribution.every`.
EVERY = "*"
_SAME_MIX = "the mix of traffic was always the same, so endpoints cannot be told apart: `diagnose: {attribute: true}` varies it"
_OR_TIME = (
    "growth that is the same for every request may as well be growth with time: at a constant rate, only what still grows "
    "after the load has ended tells the two apart"
)
_TOO_LITTLE = "it grows, but by too little to tell through which endpoint"


def attribute(
    times: Floats,
    levels: Floats,
    windows: Sequence[EndpointWindows],
    *,
    key: str,
    unit: str,
    integer: bool = False,
    borders: Sequence[float] = (),
) -> Attribution:
    """Split a level's growth by endpoint.

    `levels` at `times` (seconds on the run's clock, both (n,)) are what is retained: floors if a
    collector lets the level fall, whole counts if `integer`. `borders` are the times at which the
    process was replaced; each of its lives starts at a level of its own. Deterministic.
    """
    times, levels = clean(times, levels)
    mix = mix_at(times, windows) if len(times) else Mix((), np.empty((0, 0)))
    needed = SPARE_POINTS + len(mix.names)
    if len(times) < needed:
        return _refusal(
            key,
            unit,
            f"{len(times)} points are too few to tell endpoints apart: {needed} are needed",
        )
    if not mix.names:
        return _refusal(key, unit, "no requests are known that it could be due to")
    if mix.sameness(times) > MOST_INFLATION:
        return _refusal(key, unit, _SAME_MIX)
    lives = np.searchsorted(np.asarray(sorted(borders), dtype=np.float64), times, side="right")
    apart = [times - times[0]] if mix.total_apart(times) else []
    columns = np.column_stack([mix.counts, mix.total, *apart])
    fit = fit_subsets(*_thinned(times, levels, columns, lives), integer=integer)
    return _told(key, unit, mix, times, fit, with_time=bool(apart))


def _refusal(key: str, unit: str, reason: str) -> Attribution:
    return Attribution(key, unit, (), refused=reason)


def _thinned(
    times: Floats, levels: Floats, columns: Floats, lives: Ints
) -> tuple[Floats, Floats, Floats, Ints]:
    """Average blocks of successive points of one life, levels and counts alike, so that no amount changes."""
    size = -(-len(times) // MOST_POINTS)
    starts = np.concatenate([np.flatnonzero(lives == life)[::size] for life in np.unique(lives)])
    sizes = np.diff(np.append(starts, len(times)))
    means = [np.add.reduceat(column, starts, axis=0) for column in (times, levels, columns)]
    return means[0] / sizes, means[1] / sizes, means[2] / sizes[:, None], lives[starts]


def _told(
    key: str, unit: str, mix: Mix, times: Floats, fit: SubsetFit, *, with_time: bool
) -> Attribution:
    """Return each endpoint's amount (its own cost plus that of every request), and the growth with time alone."""
    k = len(mix.names)
    own, drawn = fit.amounts[:k] + fit.amounts[k], fit.drawn[:k] + fit.drawn[k]
    hours = float(times[-1] - times[0]) / 3600
    requests, total = mix.counts[-1] - mix.counts[0], float(mix.total[-1] - mix.total[0])
    hourly = 3600 * (fit.drawn[k + 1] if with_time else np.zeros(drawn.shape[1]))
    first = 3600 * float(fit.amounts[k + 1]) if with_time else 0.0
    gained = max(float(own @ requests) + first * hours, 1e-300)
    amounts = tuple(
        map(Amount, mix.names, own.tolist(), *_interval(drawn), (own * requests / gained).tolist())
    )
    [low], [high] = _interval(fit.drawn[k : k + 1])
    alike = float(fit.amounts[k])
    every = Amount(EVERY, alike, low, high, alike * total / gained) if low > 0 else None
    [least], [most] = _interval(hourly[None])
    told = Attribution(key, unit, amounts, HourlyRate(first, least, most), every=every)
    if every is not None and not with_time:
        return replace(told, per_hour=HourlyRate(high=high * total / hours), doubt=_OR_TIME)
    grown = np.percentile(requests @ drawn + hourly * hours, LOW_PERCENTILE) > 0
    if grown and not told.contributors and every is None and least <= 0:
        return _refusal(key, unit, _TOO_LITTLE)
    return told


def _interval(drawn: Floats) -> tuple[list[float], list[float]]:
    """Return the lower and upper bounds of each row's 95% interval."""
    low, high = np.percentile(drawn, [LOW_PERCENTILE, HIGH_PERCENTILE], axis=1)
    return low.tolist(), high.tolist()
