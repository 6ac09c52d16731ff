"""Weigh every explanation of one series: those in which the steady level stays, and those in which it keeps growing.

Bayesian model averaging after Hoeting, Madigan, Raftery and Volinsky (1999): no single explanation
is selected and then taken as true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soak.analysis.statistics import marginal_likelihood as evidence
from soak.analysis.statistics.inner_products import InnerProducts
from soak.analysis.statistics.marginal_likelihood import Fits, Whitened
from soak.analysis.statistics.t_mixture import TMixture, t_cdf
from soak.analysis.thresholds import BENDS, BETTER_THAN_SATURATION, SLOW_SATURATION
from soak.model import Floats

_PLAIN, _SHAPED, _LATE = float(np.log(0.45)), float(np.log(0.35)), float(np.log(0.05))
_PAIRED = float(np.log(0.2))
STEPPED = tuple(float(x) for x in np.log([0.12, 0.05, 0.03]))
# Log prior of a pair of warm-ups if one never ends: that one could be a leak as well.
_ENDLESS = -2.5
_HOPELESS = 14.0
_KEPT = 100
# Log prior if steps or a warm-up offset opposite growth; a plain fall is as likely as a rise.
_LIFTED = -4.0
# Growth of more than this many times the range of all values, undone by something else, is ruled
# out.
_MOST_GROWTH, _UNDONE = 2.0, -1e3


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The positions of the candidates in the whitened columns, and their log priors.

    `shape_late` marks the shapes that last, and `endless` those that never end. `rough` marks the
    noise models that are rougher than white, and `jumpy` those that move the level in jumps.
    `plain` is how many settings, the first ones, have neither cycles nor states.
    """

    paces: slice
    late: slice
    shapes: slice
    steps: slice
    shape_prior: Floats
    step_prior: Floats
    shape_late: NDArray[np.bool_]
    endless: NDArray[np.bool_]
    rough: NDArray[np.bool_]
    jumpy: NDArray[np.bool_]
    pairs: tuple[tuple[int, int], ...]
    plain: int


@dataclass(frozen=True, slots=True, eq=False)
class ModelAverage:
    """`p_no_growth` is the probability that the level does not keep growing; `growth` is the slope per span if it does.

    `columns` are those of the likeliest explanation, and `residual` (n,) is what it leaves, in
    standard deviations; `jumpy` says that its noise moves the level for good. `plain` is the
    slope's standard error if growth were the only effect. `saturates` says that the series bends,
    and that one slow saturation explains it about as well as any growth does.
    """

    p_no_growth: float
    growth: TMixture
    columns: tuple[int, ...]
    residual: Floats
    jumpy: bool
    plain: float
    saturates: bool


@dataclass(slots=True, eq=False)
class Tally:
    """Log weights (v, k) of explanations without growth, and of those with growth together with their fits.

    `stays_made` and `grows_made` say for each entry which columns all of its k explanations share,
    and the index of the first of their k own columns (None if they have none).
    """

    stays: list[Floats] = field(default_factory=list)
    grows: list[tuple[Floats, Fits]] = field(default_factory=list)
    stays_made: list[tuple[tuple[int, ...], int | None]] = field(default_factory=list)
    grows_made: list[tuple[tuple[int, ...], int | None]] = field(default_factory=list)

    def stay(self, weights: Floats, has: tuple[int, ...] = (), own: int | None = None) -> Floats:
        """Add explanations without growth; return their log weights."""
        self.stays.append(weights)
        self.stays_made.append((has, own))
        return weights

    def grow(
        self, fits: Fits, prior: Floats | float, has: tuple[int, ...] = (), own: int | None = None
    ) -> Floats:
        """Add explanations with growth; return their log weights."""
        weights = (
            fits.evidence
            + prior
            + _any_size(fits)
            + np.where(np.abs(fits.slope) > _MOST_GROWTH, _UNDONE, 0.0)
        )
        if has and own is not None:
            weights = weights + np.where(fits.slope < 0, _LIFTED, 0.0)
        self.grows.append((weights, fits))
        self.grows_made.append((has, own))
        return weights

    def by_noise(self) -> Floats:
        """Return the best log weight under each noise model, shape (v,)."""
        return np.asarray(
            np.max(
                [log.max(axis=1) for log in (*self.stays, *(log for log, _ in self.grows))], axis=0
            )
        )

    def keep(self, noises: NDArray[np.bool_]) -> None:
        """Keep only these noise models."""
        self.stays = [log[noises] for log in self.stays]
        self.grows = [(log[noises], fits.under(noises)) for log, fits in self.grows]

    def best(self) -> tuple[float, int, tuple[int, ...]]:
        """Return the log weight, noise model and columns of the likeliest explanation."""
        rows = [*zip(self.stays, self.stays_made, strict=True)]
        rows += [(log, made) for (log, _), made in zip(self.grows, self.grows_made, strict=True)]
        log, (has, own) = max(rows, key=lambda row: float(row[0].max()))
        noise, place = np.unravel_index(int(np.argmax(log)), log.shape)
        return float(log.max()), int(noise), has if own is None else (*has, own + int(place))


def _any_size(fits: Fits) -> Floats:
    """Return the log prior gain (v, k) of growth that is small compared with the range of the values.

    How fast a leak is compared with the warm-up on top of it is unknown: each order of magnitude
    has the same prior weight, or more.
    """
    error = np.clip(fits.error, 1e-12, 1.0)
    density = 0.5 / (np.maximum(np.abs(fits.slope), error) * (1 - np.log(error)))
    return np.asarray(np.log(np.maximum(density, 1.0)))


def average_models(
    settings: Sequence[tuple[Whitened, float]], candidates: Candidates
) -> ModelAverage:
    """Weigh all explanations. A setting is the series with some nuisance projected out, and its log plausibility."""
    tallies = [simple_explanations(w, prior, candidates) for w, prior in settings]
    best = [tally.best()[0] for tally in tallies]
    # Steps only help whiter noise: a rougher model that is hopeless without them stays so.
    by_noise = np.max([tally.by_noise() for tally in tallies], axis=0)
    noises = ~candidates.rough | (by_noise > max(best) - _HOPELESS)
    ready = [(w.under(noises), prior) for w, prior in settings]
    for (w, prior), tally, top in zip(ready, tallies, best, strict=True):
        tally.keep(noises)
        if top > max(best) - _HOPELESS:
            _stepped(tally, w, prior, candidates)
    likeliest = max(range(len(tallies)), key=lambda i: tallies[i].best()[0])
    saturates = _saturates(tallies, candidates)
    jumpy = candidates.jumpy[noises] & (likeliest < candidates.plain)
    return _normalise(
        tallies, ready[likeliest][0], tallies[likeliest], jumpy, ready[0][0], saturates
    )


def simple_explanations(w: Whitened, prior: float, c: Candidates) -> Tally:
    """Weigh constant, warm-up, growth, late growth, and warm-up with growth."""
    tally = Tally()
    tally.stay(evidence.evidence_of_none(w)[..., None] + _PLAIN + prior)
    shapes, late = w.x[:, c.shapes], w.x[:, c.late]
    tally.stay(
        evidence.fit_each(w, shapes).evidence + _SHAPED + c.shape_prior + prior, (), c.shapes.start
    )
    share = prior - float(np.log(c.paces.stop - c.paces.start))
    for pace in range(c.paces.start, c.paces.stop):
        tally.grow(evidence.fit_each(w, w.x[:, pace : pace + 1]), _PLAIN + share, (pace,))
        fits = evidence.fit_each_with(w, shapes, w.x[:, pace], c.shape_late)
        tally.grow(fits, _SHAPED + c.shape_prior + share, (pace,), c.shapes.start)
    tally.grow(
        evidence.fit_each(w, late), _LATE + prior - float(np.log(late.shape[1])), (), c.late.start
    )
    return tally


def _stepped(tally: Tally, w: Whitened, prior: float, c: Candidates) -> None:
    """Weigh steps, and with the likeliest warm-ups of each side a second warm-up, late growth, and steps."""
    paces = c.paces.stop - c.paces.start
    share = float(np.log(paces))
    alone = tally.stays[1].max(axis=0)
    growing = np.max([log.max(axis=0) for log, _ in tally.grows[1 : 2 * paces : 2]], axis=0)
    _climb(tally, w.only(c.paces, c.steps), prior, c)
    _paired(tally, w, prior, c)
    for shape in {int(np.argmax(alone)), int(np.argmax(growing))}:
        column = c.shapes.start + shape
        beside = prior + _SHAPED + float(c.shape_prior[shape])
        settled = not c.shape_late[shape]
        rest = evidence.project_out(w, w.x[:, column : column + 1])
        second = rest.x[:, c.shapes]
        pair = (
            beside + _PAIRED + c.shape_prior + np.where(c.endless | c.endless[shape], _ENDLESS, 0.0)
        )
        both = tally.stay(
            evidence.fit_each(rest, second).evidence + pair, (column,), c.shapes.start
        ).max(axis=0)
        if settled:
            late = rest.x[:, c.late]
            tally.grow(
                evidence.fit_each(rest, late),
                _LATE + beside - float(np.log(late.shape[1])),
                (column,),
                c.late.start,
            )
            for pace in range(c.paces.start, c.paces.stop):
                fits = evidence.fit_each_with(rest, second, rest.x[:, pace], c.shape_late)
                both = np.maximum(
                    both, tally.grow(fits, pair - share, (column, pace), c.shapes.start).max(axis=0)
                )
        narrow = rest.only(c.paces, c.steps)
        _climb(tally, narrow, beside, c, (column,), settled)
        best = int(np.argmax(both))
        paired = evidence.project_out(narrow, second[:, best : best + 1])
        _climb(
            tally,
            paired,
            float(pair[best]),
            c,
            (column, c.shapes.start + best),
            settled and not c.shape_late[best],
        )


def _saturates(tallies: Sequence[Tally], c: Candidates) -> bool:
    """Return True if the series bends, and a slow saturation, though implausible, fits about as well as growth."""
    paces = c.paces.stop - c.paces.start
    slow = np.where(c.shape_late & ~c.endless, -c.shape_prior + SLOW_SATURATION, -np.inf)
    saturating = max(float((tally.stays[1] + slow).max()) for tally in tallies)
    curves = [
        float(log.max())
        for tally in tallies
        for log, (has, own) in zip(tally.stays, tally.stays_made, strict=True)
        if own != c.steps.start and (has or own is not None)
    ]
    straight = max(
        float(log.max()) for tally in tallies for log, _ in tally.grows[0 : 2 * paces : 2]
    )
    growing = max(float(log.max()) for tally in tallies for log, _ in tally.grows)
    bent = max(saturating, *curves)
    return bent > straight + BENDS and bent > growing - BETTER_THAN_SATURATION


def _paired(tally: Tally, w: Whitened, prior: float, c: Candidates) -> None:
    """Weigh the pairs of warm-ups that fit best together: alone, with growth, and with steps."""
    for pair in c.pairs:
        has = tuple(c.shapes.start + shape for shape in pair)
        beside = prior + _SHAPED + _PAIRED + float(c.shape_prior[list(pair)].sum())
        beside += _ENDLESS * bool(c.endless[list(pair)].any())
        rest = evidence.project_out(w.only(c.paces, c.steps), w.x[:, list(has)])
        tally.stay(evidence.evidence_of_none(rest)[:, None] + beside, has)
        settled = not c.shape_late[list(pair)].any()
        paces = c.paces.stop - c.paces.start
        for pace in range(paces):
            growth = rest.x[:, pace : pace + 1]
            tally.grow(
                evidence.fit_each(rest, growth),
                beside - float(np.log(paces)),
                (*has, c.paces.start + pace),
            )
        _climb(tally, rest, beside, c, has, settled)


def _climb(
    tally: Tally,
    base: Whitened,
    prior: float,
    c: Candidates,
    has: tuple[int, ...] = (),
    settled: bool = True,
) -> None:
    """Weigh up to three steps, each the best after those before; with growth too if all before has `settled` early.

    `base.x` holds the paces, then the steps; `has` are the columns that it contains already.
    """
    paces = c.paces.stop - c.paces.start
    places, begun = slice(paces, base.x.shape[1]), InnerProducts.of(base)
    for pace in (None, *range(paces if settled else 0)):
        w, charged, columns = begun, prior, has
        if pace is not None:
            charged -= float(np.log(paces))
            columns = (*has, c.paces.start + pace)
        for stepped in STEPPED:
            if pace is None:
                weights = w.fit_each(places).evidence + stepped + charged + c.step_prior
                log = tally.stay(weights, columns, c.steps.start)
            else:
                fits = w.fit_each_with(places, pace)
                contrived = np.where(fits.falls & (fits.slope > 0), _LIFTED, 0.0)
                log = tally.grow(
                    fits, stepped + charged + c.step_prior + contrived, columns, c.steps.start
                )
            if not np.isfinite(log.max()) or stepped == STEPPED[-1]:
                break
            noise, best = (int(i) for i in np.unravel_index(int(np.argmax(log)), log.shape))
            charged += float(c.step_prior[best])
            if pace is not None:
                charged += float(contrived[noise, best])
            columns = (*columns, c.steps.start + best)
            w = w.project_out(paces + best)


def _normalise(
    tallies: Sequence[Tally],
    w: Whitened,
    likeliest: Tally,
    jumpy: NDArray[np.bool_],
    level: Whitened,
    saturates: bool,
) -> ModelAverage:
    """Turn all weights into probabilities."""
    stay = np.concatenate([log.ravel() for tally in tallies for log in tally.stays])
    fits = [row for tally in tallies for row in tally.grows]
    grow = np.concatenate([log.ravel() for log, _ in fits])
    slope, error = (
        np.concatenate([getattr(fit, part).ravel() for _, fit in fits])
        for part in ("slope", "error")
    )
    freedom = np.concatenate([np.full(log.size, float(fit.freedom)) for log, fit in fits])
    top = max(float(stay.max()), float(grow.max()))
    weights = np.exp(grow - top)
    stays, grows = float(np.exp(stay - top).sum()), float(weights.sum())
    kept = np.argsort(-grow, kind="stable")[:1000]
    slope, error, freedom = slope[kept], np.maximum(error[kept], 1e-300), freedom[kept]
    falls = float(weights[kept] @ t_cdf(-slope / error, freedom))
    share = np.exp(grow[kept] - grow[kept[0]])[:_KEPT]
    _, noise, columns = likeliest.best()
    design = w.x[noise, list(columns)]
    rest = (
        w.y[noise] - np.linalg.lstsq(design.T, w.y[noise], rcond=None)[0] @ design
        if columns
        else w.y[noise]
    )
    usual = float(np.sqrt(rest @ rest / max(w.freedom - len(columns), 1)))
    mixture = TMixture(share / share.sum(), slope[:_KEPT], error[:_KEPT], freedom[:_KEPT])
    chance = (stays + falls) / (stays + grows)
    pace = level.x[noise, 0]
    plain = usual / float(np.sqrt(pace @ pace))
    return ModelAverage(
        chance, mixture, columns, rest / max(usual, 1e-300), bool(jumpy[noise]), plain, saturates
    )
