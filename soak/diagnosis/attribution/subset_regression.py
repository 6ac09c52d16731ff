"""Explain a level by a few columns with amounts that are not negative: every subset is weighed under every noise model.

Amounts cannot be negative (Lawson and Hanson, Solving Least Squares Problems, 1974). Under each of
a grid of noise models the level and the columns are whitened, and each subset of columns is fitted
by generalised least squares. Its weight follows from how well it fits and how many columns it needs
(extended BIC: Chen and Chen 2008). The uncertainty of the amounts is that of draws from all subsets
by their weights (Bayesian model averaging: Hoeting, Madigan, Raftery and Volinsky 1999), each with
moving blocks of its own whitened residuals (Künsch, The jackknife and the bootstrap for general
stationary observations, 1989).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soak.analysis.statistics.noise import Noise, whiten
from soak.model import Floats
from soak.windows import Ints

#: Most columns of which subsets are formed (2**10 subsets); of more, those that explain most are
#: selected one by one.
MOST = 10
_TAKES, _SEED = 1000, 2011
#: Correlation times as shares of the span, and white scatter as multiples of the variance of an
#: innovation.
_TIMES, _WHITE = (10.0, 1.0, 1 / 3, 1 / 10, 1 / 30, 1 / 80), (0.0, 0.3, 3.0, 30.0, 300.0)
_AGEING, _YOUTH = (10.0, 0.5), 0.02
_DEPENDENT, _ROUNDING = 1e-9, 1 / 12
_UNLIKELY = 20.0
#: Exponent of the likelihoods: no noise model is quite true, so they count for less (Grünwald, The
#: safe Bayesian, 2012).
_TRUST = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class SubsetFit:
    """Amounts (k,) of the likeliest explanation, and amounts `drawn` (k, takes) from all explanations."""

    amounts: Floats
    drawn: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Explanations:
    """All subsets under one noise model: whitened `columns` (n, k), `level` (n,), `amounts` (s, k), `inverses` (s, k, k)
    that turn products with the columns into amounts, degrees of freedom `free` (s,), and log
    weights `likelihoods` (s,)."""

    columns: Floats
    level: Floats
    amounts: Floats
    inverses: Floats
    free: Floats
    likelihoods: Floats


def fit_subsets(
    times: Floats, levels: Floats, columns: Floats, lives: Ints, *, integer: bool = False
) -> SubsetFit:
    """Explain levels (n,) at times (n,) in seconds by columns (n, k) and a constant for each of the `lives` (n,).

    A further column describes a process that settles ever more slowly; it may explain a part too.
    If levels are whole numbers (`integer`), their variance is at least that of rounding.
    """
    first = np.diff(lives, prepend=lives[0] - 1) != 0
    ages = times - times[first][np.cumsum(first) - 1]
    settling = np.log1p(ages / (_YOUTH * float(np.ptp(times))))
    columns = np.column_stack([columns, settling])
    scale, size = np.maximum(np.ptp(columns, axis=0), 1e-300), float(np.ptp(levels)) or 1.0
    data = _Data(
        times, (levels - levels[0]) / size, (columns - columns[0]) / scale, lives, first, ages
    )
    every = list(_explanations(data, _ROUNDING / size**2 if integer else 1e-24))
    likelihoods = np.array([explanation.likelihoods for explanation in every])
    weights = np.exp(_TRUST * (likelihoods - likelihoods.max()))
    weights[likelihoods < likelihoods.max() - _UNLIKELY] = 0.0
    chance = np.random.default_rng(_SEED)
    takes = chance.multinomial(_TAKES, (weights / weights.sum()).ravel()).reshape(weights.shape)
    drawn = [_drawn(every[v], s, int(takes[v, s]), chance) for v, s in np.argwhere(takes)]
    v, s = np.unravel_index(int(np.argmax(likelihoods)), likelihoods.shape)
    back = size / scale
    return SubsetFit(
        (every[v].amounts[s] * back)[:-1], (np.concatenate(drawn, axis=1) * back[:, None])[:-1]
    )


class _Data(NamedTuple):
    times: Floats
    levels: Floats
    columns: Floats
    lives: Ints
    first: NDArray[np.bool_]
    ages: Floats


def _explanations(data: _Data, least: float) -> Iterator[_Explanations]:
    """Yield the explanations under each noise model; `least` is the least variance assumed."""
    n, k = data.columns.shape
    constants = (data.lives[:, None] == np.unique(data.lives)).astype(np.float64)
    m = constants.shape[1]
    noise = _noises(float(np.ptp(data.times)), n)
    every = np.column_stack([constants, data.columns, data.levels])
    white, logs = whiten(
        noise, data.times, data.ages, data.first.astype(np.float64), np.ones(n), every
    )
    masks, price = _masks(data.columns, data.levels), float(np.log(n) + np.log(k))
    for v in range(len(noise.time)):
        own, triangle = np.linalg.qr(white[v, :m].T)
        rows = white[v, m:].T
        rows = rows - own @ (own.T @ rows)
        own_size = float(np.log(np.abs(np.diag(triangle))).sum())
        likelihood = float(noise.prior[v] - 0.5 * logs[v] - own_size)
        yield _fitted(rows[:, :k], rows[:, k], masks, n - m, price, likelihood, least)


def _fitted(
    columns: Floats,
    level: Floats,
    masks: Floats,
    free: int,
    price: float,
    likelihood: float,
    least: float,
) -> _Explanations:
    """Fit all subsets; those with a negative amount, dependent columns or too few degrees of freedom get no weight."""
    k = columns.shape[1]
    norm = np.maximum(np.sqrt((columns**2).sum(axis=0)), 1e-300)
    gram, products = (columns / norm).T @ (columns / norm), (columns / norm).T @ level
    pairs = masks[:, :, None] * masks[:, None, :]
    grams = gram * pairs + np.eye(k) * (1 - masks)[:, None, :]
    possible = np.linalg.det(grams) > _DEPENDENT
    inverses = np.zeros_like(grams)
    inverses[possible] = np.linalg.inv(grams[possible])
    inverses *= pairs
    amounts = inverses @ products
    sizes = masks.sum(axis=1)
    frees = np.maximum(free - sizes, 1.0)
    left = np.maximum(level @ level - amounts @ products, 1e-12 * (level @ level) + least * frees)
    likelihoods = likelihood - 0.5 * (frees * np.log(left) + price * sizes)
    likelihoods[~possible | (amounts < 0).any(axis=1) | (free - sizes < max(2, free / 3))] = -np.inf
    return _Explanations(
        columns, level, amounts / norm, inverses / norm[:, None] / norm[None, :], frees, likelihoods
    )


def _drawn(explanations: _Explanations, s: int, takes: int, chance: np.random.Generator) -> Floats:
    """Draw amounts (k, takes) of one explanation by resampling moving blocks of its residuals.

    The draws spread wider (scaled by a chi-squared variable) the fewer degrees of freedom it has.
    """
    n, free = len(explanations.level), explanations.free[s]
    rest = explanations.level - explanations.columns @ explanations.amounts[s]
    rest = (rest - rest.mean()) * np.sqrt(n / free)
    length = round(n ** (1 / 3))
    starts = chance.integers(0, n - length + 1, (-(-n // length), takes))
    index = (starts[:, None, :] + np.arange(length)[None, :, None]).reshape(-1, takes)[:n]
    wild = np.sqrt(free / chance.chisquare(free, takes))
    return np.asarray(
        np.maximum(
            explanations.amounts[s][:, None]
            + explanations.inverses[s] @ (explanations.columns.T @ rest[index]) * wild,
            0.0,
        )
    )


def _masks(columns: Floats, levels: Floats) -> Floats:
    """Return all subsets of the selected columns, (s, k), 1 for a column in the subset; the last two are always selected."""
    k = columns.shape[1]
    centred, target = columns - columns.mean(axis=0), levels - levels.mean()
    chosen = [k - 2, k - 1]
    for _ in range(min(k, MOST) - len(chosen)):
        part = centred[:, chosen]
        rest = target - part @ np.linalg.lstsq(part, target, rcond=None)[0]
        gains = np.abs(centred.T @ rest) / np.maximum(np.sqrt((centred**2).sum(axis=0)), 1e-300)
        gains[chosen] = -np.inf
        chosen.append(int(np.argmax(gains)))
    subsets = (np.arange(2 ** len(chosen))[:, None] >> np.arange(len(chosen))) & 1
    masks = np.zeros((len(subsets), k))
    masks[:, chosen] = subsets
    return masks


def _noises(span: float, n: int) -> Noise:
    """Return the noise models: white; correlated plus white of several sizes; correlated and slowing with the process's age."""
    spacing = span / (n - 1)
    rows = [(spacing, 0.0, 1.0, 0.0, 0.0, False)]
    for share in _TIMES:
        time = max(share * span, 0.5 * spacing)
        innovation = -float(np.expm1(-2 * spacing / time))
        rows += [(time, 1.0, innovation * white, -1.0, 0.0, False) for white in _WHITE]
    rows += [
        (share * span, 1.0, white * spacing / span, -1.0, 1.0, False)
        for share in _AGEING
        for white in (0.0, 0.3)
    ]
    return Noise(*(np.array(column) for column in zip(*rows, strict=True)))
