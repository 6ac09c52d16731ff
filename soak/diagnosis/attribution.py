"""How much one request to each endpoint keeps: a level fitted on the requests that each endpoint had had by then.

Under a mix of traffic that varies on purpose, the endpoints' counts tell themselves apart (MODE: Yang et al., Mining
performance regressions under designed mixes, 2011; Matias and Trivedi, An experimental study on software aging, 2006).
The level is fitted on the cumulative counts, an amount that every request costs alike, and an intercept a process's life,
by generalised least squares with amounts >= 0 (Lawson and Hanson, Solving Least Squares Problems, 1974), over all subsets
of endpoints; the extended BIC chooses (Chen and Chen 2008). Intervals are a moving-block bootstrap's of the whitened
residuals (Künsch, The jackknife and the bootstrap for general stationary observations, 1989), choice and all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soak.analysis.segments import clean
from soak.diagnosis.mix import Mix, mix_at
from soak.diagnosis.weighing import Weighed, weigh
from soak.model import Floats
from soak.windows import EndpointWindows, Ints


@dataclass(frozen=True, slots=True)
class Amount:
    """What one request to an endpoint (or one flow) keeps for good, in the attribution's unit, with a 95% interval.

    `share` is how much of all the growth seen that explains.
    """

    endpoint: str
    per_request: float
    low: float
    high: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """One level's growth, told apart by endpoint; `per_hour` is what grew without traffic, with a 95% interval.

    `amounts` has every endpoint that had requests, and what `every` request costs alike is part of them all. `refused` says
    why nothing can be told, and what would; then there are no amounts. `doubt` is what a reader should know all the same.
    """

    key: str
    unit: str
    amounts: tuple[Amount, ...]
    per_hour: float
    per_hour_low: float
    per_hour_high: float
    refused: str | None = None
    every: Amount | None = None
    doubt: str | None = None

    @property
    def guilty(self) -> tuple[Amount, ...]:
        """The endpoints that surely keep something, and no trifle; the largest share first."""
        sure = [amount for amount in self.amounts if amount.low > 0 and amount.share >= _TRIFLE]
        return tuple(sorted(sure, key=lambda amount: -amount.share))


_TRIFLE = 0.05
EVERY = "*"
_FEWEST = 8
_MOST_POINTS = 240
_HIGH, _LOW = 97.5, 2.5


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
    """Tell a level's growth apart by endpoint.

    `levels` at `times` (seconds on the run's clock, both (n,)) are what lasts: floors of what a collector lets fall, whole
    counts where `integer`. `borders` are when the process was replaced; each of its lives has a level of its own to begin
    with. Deterministic.
    """
    times, levels = clean(times, levels)
    if len(times) < _FEWEST:
        return _refusal(key, unit, f"{len(times)} points are too few to tell endpoints apart: {_FEWEST} are needed")
    mix = mix_at(times, windows)
    if len(mix.names) < 1:
        return _refusal(key, unit, "no requests are known that it could be due to")
    lives = np.searchsorted(np.asarray(sorted(borders), dtype=np.float64), times, side="right")
    thin = _thinned(times, levels, mix.counts, lives)
    found = weigh(thin.times, thin.levels, np.column_stack([thin.counts, thin.counts.sum(axis=1)]), thin.lives)
    return _told(key, unit, mix, found)


def _refusal(key: str, unit: str, reason: str) -> Attribution:
    return Attribution(key, unit, (), 0.0, 0.0, 0.0, reason)


class _Thin(NamedTuple):
    times: Floats
    levels: Floats
    counts: Floats
    lives: Ints


def _thinned(times: Floats, levels: Floats, counts: Floats, lives: Ints) -> _Thin:
    """Means of blocks of successive points of one life; levels and counts alike, so that no amount changes."""
    size = -(-len(times) // _MOST_POINTS)
    if size == 1:
        return _Thin(times, levels, counts, lives)
    starts = np.concatenate([np.flatnonzero(lives == life)[::size] for life in np.unique(lives)])
    sizes = np.diff(np.append(starts, len(times)))
    means = [np.add.reduceat(column, starts, axis=0) for column in (times, levels, counts)]
    return _Thin(means[0] / sizes, means[1] / sizes, means[2] / sizes[:, None], lives[starts])


def _told(key: str, unit: str, mix: Mix, found: Weighed) -> Attribution:
    """Each endpoint's amount: what is its own, and what every request costs alike."""
    own, drawn = found.amounts[:-1] + found.amounts[-1], found.drawn[:-1] + found.drawn[-1:]
    lows, highs = np.percentile(drawn, [_LOW, _HIGH], axis=1)
    gained = own * (mix.counts[-1] - mix.counts[0])
    shares = gained / max(float(gained.sum()), 1e-300)
    amounts = tuple(map(Amount, mix.names, *(column.tolist() for column in (own, lows, highs, shares))))
    low, high = np.percentile(found.drawn[-1], [_LOW, _HIGH]).tolist()
    alike = float(found.amounts[-1])
    share = alike * float(mix.total[-1] - mix.total[0]) / max(float(gained.sum()), 1e-300)
    every = Amount(EVERY, alike, low, high, share) if low > 0 else None
    return Attribution(key, unit, amounts, 0.0, 0.0, 0.0, None, every)
