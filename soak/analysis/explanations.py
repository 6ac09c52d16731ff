"""Every explanation of one series, weighed: those in which the steady level stays, and those in which it keeps growing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis import evidence, noise
from soak.analysis.evidence import Fits, Whitened
from soak.analysis.mixture import Mixture, t_below
from soak.analysis.subject import Points
from soak.analysis.warmup import Shapes, late_growth, settling, stepping
from soak.model import Floats

_PLAIN, _SHAPED, _LATE = np.log(0.45), np.log(0.35), np.log(0.05)
_STEPPED = np.log([0.12, 0.05, 0.03])


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """`chance` is the probability that the level does not keep growing; `growth` the slope (a span) where it may.

    `settles` is the seconds after birth at which the likeliest warm-up has ended (0 without one, inf where it has not);
    `rises` is how much of the points' range that warm-up spans.
    """

    chance: float
    growth: Mixture
    settles: float
    rises: float


def weigh(lives: Sequence[Points], span: float, paces: Sequence[Floats], nuisance: Sequence[Floats], grain: float) -> Weighed:
    """Weigh all explanations of the lives' points (values scaled to a range of about 1).

    `paces` are columns (n,) that a leak may follow, each rising by 1 a span: time, and where known, requests. `nuisance`
    are further columns (n,) to leave out of account, such as a cycle's. `grain` is the measurement's variance.
    """
    times = np.concatenate([life.times for life in lives])
    values = np.concatenate([life.values for life in lives])
    ages = np.concatenate([life.times - life.born for life in lives])
    starts = np.concatenate([np.arange(len(life.times)) == 0 for life in lives])
    counts = np.concatenate([np.ones(len(life.times)) if life.counts is None else life.counts for life in lives])
    levels = (np.cumsum(starts)[:, None] == np.arange(1, len(lives) + 1)).astype(np.float64)
    shapes, steps, late = settling(ages, span), stepping(times, values, starts), late_growth(times, span)
    blocks = [values[:, None], levels, *(column[:, None] for column in nuisance), np.stack(list(paces), axis=1)]
    blocks += [late, shapes.columns, steps.columns]
    edges = np.cumsum([block.shape[1] for block in blocks])
    grid = noise.noise_grid(span, float(np.median(np.diff(times))))
    spread = np.clip(np.median(counts) / counts, 0.2, 5.0)
    white, log_det = noise.whiten(grid, times, starts, spread, np.concatenate(blocks, axis=1))
    first = int(edges[0] + levels.shape[1] + len(nuisance))
    ready = evidence.given(evidence.whitened(white[:, 0], white[:, first:], log_det, grid.prior, grain), white[:, 1:first])
    return _Scale(ready, shapes, steps, len(paces), late.shape[1]).weighed()


class _Scale:
    """The weighing itself: components gathered on both sides, then normalised."""

    def __init__(self, w: Whitened, shapes: Shapes, steps: Shapes, paces: int, late: int) -> None:
        self.w, self.shapes, self.steps = w, shapes, steps
        self.paces, self.late = paces, late
        self.stays: list[tuple[Floats, float]] = []
        self.grows: list[tuple[Floats, Floats, Floats, int]] = []

    def weighed(self) -> Weighed:
        first_shape = self.paces + self.late
        first_step = first_shape + len(self.shapes.prior)
        w = self.w
        shapes, steps = slice(first_shape, first_step), slice(first_step, w.x.shape[1])
        self._stay(evidence.alone(w) + _PLAIN)
        settled = evidence.each(w, w.x[:, shapes])
        self._stay(settled.evidence + _SHAPED + self.shapes.prior)
        paces = range(self.paces)
        shaped = []
        for pace in paces:
            share = -np.log(self.paces)
            self._grow(evidence.each(w, w.x[:, pace : pace + 1]), _PLAIN + share)
            fits = evidence.each_with(w, w.x[:, shapes], w.x[:, pace])
            shaped.append(fits.evidence)
            self._grow(fits, _SHAPED + self.shapes.prior + share)
        self._grow(evidence.each(w, w.x[:, self.paces : first_shape]), _LATE - np.log(self.late))
        best = int(np.argmax(_total(settled.evidence + self.shapes.prior)))
        best_leak = int(np.argmax(_total(np.logaddexp.reduce(shaped) + self.shapes.prior)))
        for shape in {None, best, best_leak}:
            base, prior = w, 0.0
            if shape is not None:
                column = w.x[:, first_shape + shape][:, None]
                base, prior = evidence.given(w, column), float(_SHAPED + self.shapes.prior[shape])
            self._steps(base, steps, prior)
        return self._settle(settled, np.logaddexp.reduce(shaped))

    def _steps(self, base: Whitened, steps: slice, prior: float) -> None:
        """Up to three steps, each the best beside those before it, on both sides."""
        for grows in (False, True):
            w, charged = base, prior
            for count in range(len(_STEPPED)):
                if grows:
                    fits = evidence.each_with(w, w.x[:, steps], w.x[:, 0])
                    self._grow(fits, _STEPPED[count] + charged + self.steps.prior)
                else:
                    fits = evidence.each(w, w.x[:, steps])
                    self._stay(fits.evidence + _STEPPED[count] + charged + self.steps.prior)
                scores = _total(fits.evidence)
                best = int(np.argmax(scores))
                if not np.isfinite(scores[best]):
                    return
                w = evidence.given(w, w.x[:, steps][:, best][:, None])
                charged += float(self.steps.prior[best])

    def _stay(self, evidence_of: Floats) -> None:
        self.stays.append((evidence_of.ravel(), 0.0))

    def _grow(self, fits: Fits, prior: Floats | float) -> None:
        self.grows.append(((fits.evidence + prior).ravel(), fits.slope.ravel(), fits.error.ravel(), fits.freedom))

    def _settle(self, settled: Fits, shaped: Floats) -> Weighed:
        stay = np.concatenate([e for e, _ in self.stays])
        grow = np.concatenate([g[0] for g in self.grows])
        slope, error = np.concatenate([g[1] for g in self.grows]), np.concatenate([g[2] for g in self.grows])
        freedom = np.concatenate([np.full(len(g[0]), float(g[3])) for g in self.grows])
        top = max(float(stay.max()), float(grow.max()))
        stays, weights = float(np.exp(stay - top).sum()), np.exp(grow - top)
        kept = np.argsort(-weights, kind="stable")[:400]
        weight, slope, error, freedom = weights[kept], slope[kept], np.maximum(error[kept], 1e-300), freedom[kept]
        falls = float(weight @ t_below(-slope / error, freedom))
        chance = (stays + falls) / (stays + float(weights.sum()))
        share = np.exp(grow[kept] - grow.max())
        return Weighed(chance, Mixture(share / share.sum(), slope, error, freedom), 0.0, 0.0)


def _total(log_terms: Floats) -> Floats:
    """Log of the sum over the first axis."""
    top = log_terms.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(top + np.log(np.exp(log_terms - top).sum(axis=0)))
