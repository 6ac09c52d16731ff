"""Every explanation of one series, weighed: those in which the steady level stays, and those in which it keeps growing.

Bayesian model averaging after Hoeting, Madigan, Raftery and Volinsky (1999): no explanation is chosen and then believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soak.analysis import evidence
from soak.analysis.evidence import Fits, Whitened
from soak.analysis.mixture import Mixture, t_below
from soak.model import Floats

_PLAIN, _SHAPED, _LATE = float(np.log(0.45)), float(np.log(0.35)), float(np.log(0.05))
_PAIRED = float(np.log(0.2))
_STEPPED = tuple(float(x) for x in np.log([0.12, 0.05, 0.03]))
_HOPELESS = 14.0


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Where in the whitened columns each candidate lies, and how plausible it is beforehand (logs)."""

    paces: slice
    late: slice
    shapes: slice
    steps: slice
    shape_prior: Floats
    step_prior: Floats
    shape_late: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """`chance` is the probability that the level does not keep growing; `growth` the slope (a span) where it may.

    `shape` is the likeliest warm-up, by its place among the candidates' shapes, None where none is likelier; `steps`
    says whether the likeliest explanation without growth needs steps.
    """

    chance: float
    growth: Mixture
    shape: int | None


@dataclass(slots=True, eq=False)
class _Tally:
    """Log weights (v, k) of explanations without growth, and of those with it their fits also."""

    stays: list[Floats] = field(default_factory=list)
    grows: list[tuple[Floats, Fits]] = field(default_factory=list)
    plain: float = -np.inf
    shaped: Floats = field(default_factory=lambda: np.array([-np.inf]))

    def stay(self, weights: Floats) -> Floats:
        self.stays.append(weights)
        return weights

    def grow(self, fits: Fits, prior: Floats | float) -> Floats:
        weights = fits.evidence + prior
        self.grows.append((weights, fits))
        return weights

    def by_noise(self) -> Floats:
        """The best log weight under each noise model, shape (v,)."""
        return np.max([log.max(axis=1) for log in (*self.stays, *(log for log, _ in self.grows))], axis=0)


def weigh(settings: Sequence[tuple[Whitened, float]], candidates: Candidates) -> Weighed:
    """Weigh all explanations. A setting is the series with some nuisance projected out, and its log plausibility."""
    tallies = [_simple(w, prior, candidates) for w, prior in settings]
    likely = [tally.by_noise() for tally in tallies]
    best = max(float(rows.max()) for rows in likely)
    for (w, prior), tally, rows in zip(settings, tallies, likely, strict=True):
        if rows.max() > best - _HOPELESS:
            _stepped(tally, w, prior, candidates)
    return _normalise(tallies)


def _simple(w: Whitened, prior: float, c: Candidates) -> _Tally:
    """Constant, warm-up, growth, late growth, warm-up and growth."""
    tally = _Tally()
    plain = [tally.stay(evidence.alone(w)[:, None] + _PLAIN + prior)]
    shapes, late = w.x[:, c.shapes], w.x[:, c.late]
    shaped = [tally.stay(evidence.each(w, shapes).evidence + _SHAPED + c.shape_prior + prior)]
    share = prior - float(np.log(c.paces.stop - c.paces.start))
    for pace in range(c.paces.start, c.paces.stop):
        plain.append(tally.grow(evidence.each(w, w.x[:, pace : pace + 1]), _PLAIN + share))
        fits = evidence.each_with(w, shapes, w.x[:, pace], c.shape_late)
        shaped.append(tally.grow(fits, _SHAPED + c.shape_prior + share))
    plain.append(tally.grow(evidence.each(w, late), _LATE + prior - float(np.log(late.shape[1]))))
    tally.plain = float(max(rows.max() for rows in plain))
    tally.shaped = np.max([rows.max(axis=0) for rows in shaped], axis=0)
    return tally


def _stepped(tally: _Tally, w: Whitened, prior: float, c: Candidates) -> None:
    """Steps; and beside the likeliest warm-ups of each side a second one, late growth, and steps."""
    alone = tally.stays[1].max(axis=0)
    growing = np.max([log.max(axis=0) for log, _ in tally.grows[1 : 2 * (c.paces.stop - c.paces.start) : 2]], axis=0)
    _climb(tally, w.only(c.paces, c.steps), prior, c)
    for shape in {int(np.argmax(alone)), int(np.argmax(growing))}:
        beside = prior + _SHAPED + float(c.shape_prior[shape])
        rest = evidence.given(w, w.x[:, c.shapes][:, shape : shape + 1])
        late = rest.x[:, c.late]
        if not c.shape_late[shape]:
            tally.grow(evidence.each(rest, late), _LATE + beside - float(np.log(late.shape[1])))
        second = rest.x[:, c.shapes]
        pair = beside + _PAIRED + c.shape_prior
        both = tally.stay(evidence.each(rest, second).evidence + pair).max(axis=0)
        share = float(np.log(c.paces.stop - c.paces.start))
        settled = not c.shape_late[shape]
        for pace in range(c.paces.start, c.paces.stop if settled else c.paces.start):
            log = tally.grow(evidence.each_with(rest, second, rest.x[:, pace], c.shape_late), pair - share)
            both = np.maximum(both, log.max(axis=0))
        narrow = rest.only(c.paces, c.steps)
        _climb(tally, narrow, beside, c)
        best = int(np.argmax(both))
        _climb(tally, evidence.given(narrow, second[:, best : best + 1]), float(pair[best]), c)


def _climb(tally: _Tally, base: Whitened, prior: float, c: Candidates, settled: bool = True) -> None:
    """Up to three steps, each the best beside those before it; with growth also where all before has `settled` early.

    `base.x` holds the paces, then the steps.
    """
    paces = c.paces.stop - c.paces.start
    for pace in (None, *range(paces if settled else 0)):
        w, charged = base, prior - (float(np.log(paces)) if pace is not None else 0.0)
        for stepped in _STEPPED:
            places = w.x[:, paces:]
            if pace is None:
                log = tally.stay(evidence.each(w, places).evidence + stepped + charged + c.step_prior)
            else:
                log = tally.grow(evidence.each_with(w, places, w.x[:, pace]), stepped + charged + c.step_prior)
            best = int(np.argmax(log.max(axis=0)))
            if not np.isfinite(log.max()):
                break
            charged += float(c.step_prior[best])
            if stepped != _STEPPED[-1]:
                w = evidence.given(w, places[:, best : best + 1])


def _normalise(tallies: Sequence[_Tally]) -> Weighed:
    """Probabilities of all that was weighed."""
    stay = np.concatenate([log.ravel() for tally in tallies for log in tally.stays])
    fits = [(log, fit) for tally in tallies for log, fit in tally.grows]
    grow, slope, error = (np.concatenate([part(row).ravel() for row in fits]) for part in _PARTS)
    freedom = np.concatenate([np.full(log.size, float(fit.freedom)) for log, fit in fits])
    top = max(float(stay.max()), float(grow.max()))
    weights = np.exp(grow - top)
    stays, grows = float(np.exp(stay - top).sum()), float(weights.sum())
    kept = np.argsort(-grow, kind="stable")[:300]
    slope, error, freedom = slope[kept], np.maximum(error[kept], 1e-300), freedom[kept]
    falls = float(weights[kept] @ t_below(-slope / error, freedom))
    share = np.exp(grow[kept] - grow[kept[0]])
    best = max(tallies, key=lambda tally: max(tally.plain, float(tally.shaped.max())))
    shape = int(np.argmax(best.shaped)) if best.shaped.max() > best.plain else None
    return Weighed((stays + falls) / (stays + grows), Mixture(share / share.sum(), slope, error, freedom), shape)


_PARTS = (lambda row: row[0], lambda row: row[1].slope, lambda row: row[1].error)
