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

import numpy as np

from soak.analysis.noise import noise_grid, whiten
from soak.analysis.segments import clean
from soak.diagnosis.mix import Mix, mix_at
from soak.diagnosis.subsets import MOST, Subsets
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
_FEWEST = 8
_MOST_POINTS = 240
_TAKES, _SEED = 400, 2011
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
    fit = _Fit.of(*_thinned(times, levels, mix.counts, lives))
    return fit.attribution(key, unit, mix)


def _refusal(key: str, unit: str, reason: str) -> Attribution:
    return Attribution(key, unit, (), 0.0, 0.0, 0.0, reason)


def _thinned(times: Floats, levels: Floats, counts: Floats, lives: Ints) -> tuple[Floats, Floats, Floats, Ints]:
    """Means of blocks of successive points of one life; levels and counts alike, so that no amount changes."""
    size = -(-len(times) // _MOST_POINTS)
    if size == 1:
        return times, levels, counts, lives
    starts = np.concatenate([np.flatnonzero(lives == life)[::size] for life in np.unique(lives)])
    sizes = np.diff(np.append(starts, len(times)))
    means = [np.add.reduceat(column, starts, axis=0) for column in (times, levels, counts)]
    return means[0] / sizes, means[1] / sizes, means[2] / sizes[:, None], lives[starts]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Whitened columns (n, k): each endpoint's counts and, last, all requests; `level` (n,) is whitened likewise.

    What the lives' intercepts explain is taken off all of them. `rest` (n,) is what all columns together leave
    unexplained, blown up to the variance that it has where fewer explain it.
    """

    columns: Floats
    level: Floats
    rest: Floats
    variance: float

    @classmethod
    def of(cls, times: Floats, levels: Floats, counts: Floats, lives: Ints) -> _Fit:
        """Under the noise that the level is likeliest to have."""
        n, k, span = len(times), counts.shape[1], float(times[-1] - times[0])
        first = np.diff(lives, prepend=-1) > 0
        born = times[first][np.cumsum(first) - 1]
        intercepts = (lives[:, None] == np.unique(lives)).astype(np.float64)
        free = max(n - k - intercepts.shape[1], 1)
        every = np.column_stack([intercepts, counts, counts.sum(axis=1), levels])
        scale = np.maximum(np.abs(every).max(axis=0), 1e-300)
        noise = noise_grid(span, span / (n - 1))
        white, logs = whiten(noise, times, times - born, first, np.ones(n), every / scale)
        fits, likelihoods = [], []
        for v in range(len(noise.time)):
            own, rows = np.linalg.qr(white[v, : intercepts.shape[1]].T), white[v, intercepts.shape[1] :].T
            rows = rows - own[0] @ (own[0].T @ rows)
            basis, triangle = np.linalg.qr(rows[:, :k])
            rest = rows[:, -1] - basis @ (basis.T @ rows[:, -1])
            variance = max(float(rest @ rest) / free, 1e-20)
            size = sum(float(np.log(np.abs(np.diag(part)) + 1e-300).sum()) for part in (own[1], triangle))
            likelihoods.append(noise.prior[v] - 0.5 * (free * np.log(variance) + logs[v]) - size)
            rows = rows * scale[intercepts.shape[1] :]
            fits.append(cls(rows[:, :-1], rows[:, -1], rest * np.sqrt(n / free) * scale[-1], variance * scale[-1] ** 2))
        return fits[int(np.argmax(likelihoods))]

    def attribution(self, key: str, unit: str, mix: Mix) -> Attribution:
        """Amounts from the whitened columns, and their intervals from blocks of the rest, drawn anew."""
        columns = self.columns
        scale = np.sqrt((columns**2).sum(axis=0))
        columns = columns / scale
        n, k = columns.shape
        gram = columns.T @ columns
        subsets = Subsets.of(gram, _screened(gram, columns.T @ self.level))
        price = np.log(n) + 2 * np.log(k)
        found = subsets.best((columns.T @ self.level)[:, None], self.variance, price)
        drawn = columns @ found + self._redrawn(n)
        taken = subsets.best(columns.T @ drawn, self.variance, price)
        found, taken = found / scale[:, None], taken / scale[:, None]
        amounts, spread = found[:-1] + found[-1:], taken[:-1] + taken[-1:]
        low, high = np.percentile(spread, [_LOW, _HIGH], axis=1)
        gained = amounts[:, 0] * (mix.counts[-1] - mix.counts[0])
        shares = gained / max(float(gained.sum()), 1e-300)
        told = tuple(
            Amount(name, float(amounts[i, 0]), float(low[i]), float(high[i]), float(shares[i]))
            for i, name in enumerate(mix.names)
        )
        return Attribution(key, unit, told, 0.0, 0.0, 0.0)

    def _redrawn(self, n: int) -> Floats:
        """Moving blocks of what is left unexplained, put together at random as often as there are takes: (n, takes)."""
        chance = np.random.default_rng(_SEED)
        length = max(1, round(1.5 * n ** (1 / 3)))
        starts = chance.integers(0, n - length + 1, (-(-n // length), _TAKES))
        index = (starts[:, None, :] + np.arange(length)[None, :, None]).reshape(-1, _TAKES)[:n]
        return np.asarray((self.rest - self.rest.mean())[index])


def _screened(gram: Floats, products: Floats) -> list[int]:
    """The columns worth weighing: all, or those that explain most one after another; the last is always among them."""
    k = len(products)
    chosen = [k - 1]
    while len(chosen) < min(k, MOST):
        part = np.linalg.lstsq(gram[np.ix_(chosen, chosen)], products[chosen], rcond=None)[0]
        left = products - gram[:, chosen] @ part
        left[chosen] = -np.inf
        chosen.append(int(np.argmax(left)))
    return sorted(chosen)
