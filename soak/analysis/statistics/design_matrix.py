"""Arrange a series and all candidate columns, and whiten them together, ready to be weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from soak.analysis.statistics import marginal_likelihood as evidence
from soak.analysis.statistics.cycles import cycle_columns
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.marginal_likelihood import Whitened
from soak.analysis.statistics.model_averaging import Candidates
from soak.analysis.statistics.noise import noise_grid, whiten
from soak.analysis.statistics.two_level_regime import state_column
from soak.analysis.statistics.warmup_shapes import LASTING, late_growth, step_shapes, warmup_shapes
from soak.model import Floats

_CYCLE = float(np.log(0.3 / 300))
_LOAD = float(np.log(0.5))
_STATES = float(np.log(0.1))
#: Caches and sessions of so many endpoints are told apart in a level: a further one hardly shows.
_MOST_FOLLOWED = 3


def design_matrix(
    lives: Sequence[LevelPoints],
    span: float,
    grain: float,
    paces: Sequence[Floats],
    load: Floats | None,
    peak: Floats | None = None,
    copies: Floats | None = None,
    recent: Sequence[Floats] = (),
) -> tuple[list[tuple[Whitened, float]], Candidates, Floats]:
    """Return the settings to weigh, their candidates, and when each column has settled.

    Settling times are in seconds after birth, 0 for growth. `lives` hold values scaled to a range
    of about 1. `paces` are columns (n,) that a leak may follow, each rising by 1 per `span`
    (seconds): time, and requests if known. `load` (n,) is the request rate that a level may follow,
    None if unknown or constant. `peak` (n,) is the most connections so far, None if it does not
    rise. `grain` is the variance that the measurement's rounding leaves. `copies` (n, c), if given,
    are weighed instead of the values. `recent` are kinds of columns (n, q) that a level may follow:
    requests of late, entries of containers.
    """
    times, values = (
        np.concatenate([getattr(life, name) for life in lives]) for name in ("times", "values")
    )
    ages = np.concatenate([life.times - life.born for life in lives])
    starts = np.concatenate([np.arange(len(life.times)) == 0 for life in lives])
    counts = np.concatenate(
        [np.ones(len(life.times)) if life.counts is None else life.counts for life in lives]
    )
    levels = (np.cumsum(starts)[:, None] == np.arange(1, len(lives) + 1)).astype(np.float64)
    line = np.column_stack((levels, ages / span))
    seen = np.column_stack(
        (line, *(-np.expm1(-ages / (share * span)) for share in (0.03, 0.1, 0.3)))
    )
    cycles = cycle_columns(times, values, (levels, line, seen))
    widths = np.concatenate(
        [np.zeros(len(life.times)) if life.widths is None else life.widths for life in lives]
    )
    shapes = warmup_shapes(ages, widths, span, values, levels)
    for pace in paces[1:]:  # a cache fills with the requests
        shapes = shapes.and_also(
            warmup_shapes(np.maximum(pace, 0.0) * span, widths, span, values, levels)
        )
    steps = step_shapes(times, values, starts)
    states = state_column(values, line)
    nothing = np.empty((len(times), 0))
    waves = np.concatenate([nothing, *cycles], axis=1)
    blocks = [
        values[:, None],
        nothing if copies is None else copies,
        levels,
        waves,
        nothing if load is None else load[:, None],
    ]
    blocks.append(nothing if states is None else states[0][:, None])
    blocks.append(nothing if peak is None else peak[:, None])
    blocks.append(np.concatenate([nothing, *recent], axis=1))
    blocks += [
        np.stack(list(paces), axis=1),
        late_growth(times, span),
        shapes.columns,
        steps.columns,
    ]
    grid = noise_grid(span, float(np.median(np.diff(times))))
    spread = np.clip(np.median(counts) / counts, 0.2, 5.0)
    white, log_det = whiten(grid, times, ages, starts, spread, np.concatenate(blocks, axis=1))
    edge = np.cumsum([block.shape[1] for block in blocks])
    y = (
        white[:, 0]
        if copies is None
        else np.ascontiguousarray(white[:, edge[0] : edge[1]].transpose(1, 0, 2))
    )
    ready = evidence.whitened(y, white[:, edge[7] :], log_det, grid.prior, grain)
    level, wave, rate, state, highest, lately = (
        white[:, edge[i] : edge[i + 1]] for i in range(1, 7)
    )
    each_wave = (
        np.split(wave, np.cumsum([cycle.shape[1] for cycle in cycles])[:-1], axis=1)
        if cycles
        else []
    )
    options = [(level, 0.0)]
    if load is not None:
        options.append((np.concatenate((level, rate), axis=1), _LOAD))
    if recent:
        own = evidence.whitened(
            white[:, 0], white[:, edge[7] : edge[7] + 1], log_det, grid.prior, grain
        )
        w = evidence.project_out(own, level)
        kinds = np.split(lately, np.cumsum([kind.shape[1] for kind in recent])[:-1], axis=1)
        for kind in kinds:
            many_columns = float(np.log(kind.shape[1]))
            chosen = _followed(w, evidence.project_out(replace(own, x=kind), level).x)
            options += [
                (
                    np.concatenate((level, kind[:, chosen[:many]]), axis=1),
                    _LOAD - many * many_columns,
                )
                for many in range(1, len(chosen) + 1)
            ]
    if peak is not None:
        options += [
            (np.concatenate((columns, highest), axis=1), prior + _LOAD)
            for columns, prior in options
        ]
    plain = len(options)
    options += [
        (np.concatenate((columns, added), axis=1), prior + _CYCLE)
        for columns, prior in options
        for added in each_wave
    ]
    if states is not None:
        options.append((np.concatenate((level, state), axis=1), states[1] + _STATES))
    paces_at, late_at, shapes_at, steps_at = (
        slice(int(a - edge[7]), int(b - edge[7])) for a, b in pairwise(edge[7:])
    )
    candidates = Candidates(
        paces=paces_at,
        late=late_at,
        shapes=shapes_at,
        steps=steps_at,
        shape_prior=shapes.prior,
        step_prior=steps.prior,
        shape_late=shapes.settles > LASTING * span,
        endless=np.isinf(shapes.settles),
        rough=grid.rough,
        jumpy=grid.jumpy,
        pairs=shapes.pairs,
        plain=plain,
    )
    settles = np.concatenate((np.zeros(shapes_at.start), shapes.settles, steps.settles))
    return (
        [(evidence.project_out(ready, columns), prior) for columns, prior in options],
        candidates,
        settles,
    )


def _followed(w: Whitened, lately: Floats) -> list[int]:
    """Return up to `_MOST_FOLLOWED` of the columns (v, q, n) that the level follows, each the best after those before.

    `w.x` holds what a leak may follow: a level that grows may follow them too. It follows them
    upwards.
    """
    chosen: list[int] = []
    while len(chosen) < _MOST_FOLLOWED:
        alone, beside = evidence.fit_each(w, lately), evidence.fit_each_with(w, lately, w.x[:, 0])
        weights = np.maximum(
            np.where(alone.falls, -np.inf, alone.evidence),
            np.where(beside.falls, -np.inf, beside.evidence),
        ).max(axis=0)
        best = int(np.argmax(weights))
        if not np.isfinite(weights[best]):
            break
        chosen.append(best)
        column = lately[:, best : best + 1]
        lately = evidence.project_out(replace(w, x=lately), column).x
        w = evidence.project_out(w, column)
    return chosen
