"""The shapes of a healthy level, which settles, fills up, steps or creeps ever slower, and of growth that begins late.

A warm-up is found by choosing among such shapes, never by a fixed cut: 43% of benchmarked virtual
machines do not settle where one expects (Barrett and others, Virtual machine warmup blows hot and
cold, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from soak.analysis.statistics.warmup_families import FAMILIES, WarmupFamily
from soak.model import Floats

_MOST_STEPS = 24
_WORTH = 6.0
LASTING = 0.4
"""A warm-up that takes more than this share of the run lasts."""


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Columns at the points' times, (n, k), each spanning 0 to 1; `prior` (k,) is log plausibility within its kind.

    `settles` (k,) is the seconds after a process's birth at which the shape has almost ended.
    `pairs` are the columns that fit best together, without growth and with it.
    """

    columns: Floats
    prior: Floats
    settles: Floats
    pairs: tuple[tuple[int, int], ...] = ()

    def and_also(self, other: Shapes) -> Shapes:
        """Return these shapes together with others on another clock; each clock is equally plausible."""
        columns = np.concatenate((self.columns, other.columns), axis=1)
        prior, settles = (
            np.concatenate((self.prior, other.prior)),
            np.concatenate((self.settles, other.settles)),
        )
        shift = len(self.prior)
        pairs = (*self.pairs, *((a + shift, b + shift) for a, b in other.pairs))
        return Shapes(columns, prior - np.log(2), settles, pairs)


def warmup_shapes(
    ages: Floats, widths: Floats, span: float, values: Floats, known: Floats
) -> Shapes:
    """Return the warm-up shapes: exponential approach, logarithmic creep, and fill-then-flat.

    The points have `ages` (n,) and average over `widths` (n,), in a run of `span`, all in seconds.

    If a warm-up is large, a coarse grid of its time scale would leave a residual that looks like
    wandering. So the time scales that fit `values` (n,) best together with the columns `known` (n,
    q), with and without growth, are added to the grid, alone and in pairs.
    """
    search = _ShapeSearch(
        ages, widths, span, values, (known, np.column_stack((known, ages / span)))
    )
    shares = [
        np.concatenate((family.shares, search.best_shares(i))) for i, family in enumerate(FAMILIES)
    ]
    which = np.concatenate([np.full(len(each), i) for i, each in enumerate(shares)])
    paired = [member for beside in search.bases for member in search.best_pair(beside)]
    first = len(which)
    which = np.concatenate((which, [family for family, _ in paired]))
    every = np.concatenate((*shares, [share for _, share in paired]))
    columns, prior, settles = (
        np.empty((len(ages), len(every))),
        np.empty(len(every)),
        np.empty(len(every)),
    )
    for i, family in enumerate(FAMILIES):
        mine = which == i
        columns[:, mine] = family.columns(ages, widths, span, every[mine])
        prior[mine], settles[mine] = family.prior(every[mine]), family.ends * every[mine] * span
    return Shapes(
        _unit(columns),
        prior,
        settles,
        tuple((first + i, first + i + 1) for i in range(0, len(paired), 2)),
    )


@dataclass(frozen=True, eq=False)
class _Cleared:
    """The families' columns at some points, orthogonal to `known` (n, q): the same for all series of a page."""

    ages: Floats
    widths: Floats
    span: float
    known: Floats

    @cached_property
    def basis(self) -> Floats:
        """The known columns made orthogonal, shape (n, q)."""
        return np.asarray(np.linalg.qr(self.known)[0])

    def clear(self, family: WarmupFamily, shares: Floats) -> tuple[Floats, Floats]:
        """Return the family's columns orthogonal to the known ones, (n, k), and their sums of squares, (k,)."""
        columns = family.columns(self.ages, self.widths, self.span, shares)
        columns = columns / np.maximum(np.abs(columns).max(axis=0), 1e-300)
        columns = columns - self.basis @ (self.basis.T @ columns)
        return columns, np.einsum("nk,nk->k", columns, columns)

    @cached_property
    def fine(self) -> list[tuple[Floats, Floats]]:
        """The fine grid of each family."""
        return [self.clear(family, family.fine) for family in FAMILIES]

    @cached_property
    def pairs(self) -> tuple[Floats, Floats]:
        """A thinner grid of all families, shape (n, k), and the products of its columns, shape (k, k)."""
        x = np.concatenate(
            [
                columns[:, _thin(family)]
                for family, (columns, _) in zip(FAMILIES, self.fine, strict=True)
            ],
            axis=1,
        )
        return x, x.T @ x


def _thin(family: WarmupFamily) -> slice:
    """Return a slice of about forty shares of the fine grid."""
    return slice(None, None, len(family.fine) // 40)


@lru_cache(maxsize=8)
def _cleared(ages: bytes, widths: bytes, span: float, known: bytes) -> _Cleared:
    """Return what a page's series share; arrays are passed as bytes, so that they can be cached.

    The cache holds two bases on each of two clocks, for two pages.
    """
    columns = np.frombuffer(known).reshape(len(ages) // 8, -1)
    return _Cleared(np.frombuffer(ages), np.frombuffer(widths), span, columns)


@dataclass(frozen=True, eq=False)
class _ShapeSearch:
    """A search for the warm-up shapes that fit a life's points best, after sets of columns are fitted."""

    ages: Floats
    widths: Floats
    span: float
    values: Floats
    known: tuple[Floats, ...]

    @cached_property
    def bases(self) -> list[tuple[_Cleared, Floats]]:
        """Each set of columns, and what it leaves of the values."""
        ages, widths = self.ages.tobytes(), self.widths.tobytes()
        cleared = [_cleared(ages, widths, self.span, columns.tobytes()) for columns in self.known]
        return [(each, self.values - each.basis @ (each.basis.T @ self.values)) for each in cleared]

    def best_shares(self, family: int) -> Floats:
        """Return the shares of the span with the least squares, together with each set of columns."""
        return np.array([self._refine(family, None, *beside) for beside in self.bases])

    def _refine(self, family: int, shares: Floats | None, beside: _Cleared, rest: Floats) -> float:
        """Return the best share near `shares`, or of the family's fine grid if None."""
        for width in (0.02, 0.002, 0.0):
            if shares is None:
                shares, (x, size) = FAMILIES[family].fine, beside.fine[family]
            else:
                x, size = beside.clear(FAMILIES[family], shares)
            explained = np.where(
                size > 1e-9 * len(rest), (rest @ x) ** 2 / np.maximum(size, 1e-300), 0.0
            )
            chosen = float(shares[int(np.argmax(np.round(explained / float(rest @ rest), 9)))])
            shares = chosen * np.exp(np.linspace(-width, width, 21))
        return chosen

    def best_pair(self, beside: tuple[_Cleared, Floats]) -> list[tuple[int, float]]:
        """Return the two families and shares that are most plausible together, in addition to one set of columns.

        Empty if two warm-ups explain too little to be considered, even with white noise.
        """
        cleared, rest = beside
        grids = [family.fine[_thin(family)] for family in FAMILIES]
        x, gram = cleared.pairs
        prior = np.concatenate([f.prior(grid) for f, grid in zip(FAMILIES, grids, strict=True)])
        lasts = np.concatenate(
            [f.ends * grid > LASTING for f, grid in zip(FAMILIES, grids, strict=True)]
        )
        along = rest @ x
        size = np.diagonal(gram)
        det = size[:, None] * size - gram**2
        # A time scale far below the first age leaves a constant column: rounding is all that is
        # left of it.
        moves = size > 1e-9 * len(rest)
        usable = (
            (det > 1e-3 * size[:, None] * size)
            & (moves[:, None] & moves)
            & ~(lasts[:, None] & lasts)
        )
        explained = (
            along[:, None] ** 2 * size
            - 2 * np.outer(along, along) * gram
            + along**2 * size[:, None]
        ) / np.where(usable, det, 1.0)
        left = np.maximum(float(rest @ rest) - np.where(usable, explained, 0.0), 1e-12)
        # Rounded, so that of equal scores the first one is always chosen.
        score = np.round(prior[:, None] + prior - 0.5 * len(rest) * np.log(left), 6)
        chosen = np.unravel_index(int(np.argmax(np.where(usable, score, -np.inf))), score.shape)
        if 0.5 * len(rest) * np.log(float(rest @ rest) / left[chosen]) < _WORTH:
            return []
        which = np.repeat(np.arange(len(grids)), [len(grid) for grid in grids])
        shares = np.concatenate(grids)
        pair = [(int(which[i]), float(shares[i])) for i in chosen]
        for _ in range(3):
            for mine in (0, 1):
                (family, share), (other, its) = pair[mine], pair[1 - mine]
                partner = cleared.clear(FAMILIES[other], np.array([its]))[0]
                wider = _Cleared(
                    self.ages, self.widths, self.span, np.column_stack((cleared.basis, partner))
                )
                near = share * np.exp(np.linspace(-0.1, 0.1, 21))
                left_over = self.values - wider.basis @ (wider.basis.T @ self.values)
                pair[mine] = family, self._refine(family, near, wider, left_over)
        return pair


def step_shapes(times: Floats, values: Floats, starts: Floats) -> Shapes:
    """Return steps where the values jump most, one column per place, at most a few dozen.

    Any place is equally likely beforehand.
    """
    n = len(values)
    total = np.concatenate(([0.0], np.cumsum(values)))
    place = np.arange(1, n)
    score = np.zeros(n - 1)
    for width in (1, 3, 8):
        left, right = np.maximum(place - width, 0), np.minimum(place + width, n)
        after, before = (
            (total[right] - total[place]) / (right - place),
            (total[place] - total[left]) / (place - left),
        )
        score = np.maximum(
            score, np.abs(after - before) * np.sqrt(np.minimum(place - left, right - place))
        )
    score[starts[1:].astype(bool)] = 0.0
    score[[0, -1]] = 0.0
    chosen = np.sort(place[np.argsort(-score, kind="stable")[:_MOST_STEPS]])
    columns = (np.arange(n)[:, None] >= chosen[None, :]).astype(np.float64)
    return Shapes(columns, np.full(len(chosen), -np.log(n - 1)), times[chosen] - times[0])


def late_growth(times: Floats, span: float) -> Floats:
    """Return growth that begins late, shape (n, 4): from its beginning on, the slope is 1 per `span`."""
    begins = times[0] + span * np.array([0.2, 0.35, 0.5, 0.65])
    return np.asarray(np.maximum(0.0, (times[:, None] - begins) / span))


def _unit(columns: Floats) -> Floats:
    """Return columns moved and scaled to span 0 to 1; a constant column becomes 0."""
    low, high = columns.min(axis=0), columns.max(axis=0)
    width = high - low
    moves = width > 1e-9 * np.abs(high)
    return np.asarray(np.where(moves, (columns - low) / np.where(width > 0, width, 1), 0.0))
