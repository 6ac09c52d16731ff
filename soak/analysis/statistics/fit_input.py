"""Scale the points of a level, and arrange all candidate explanations of them, ready to be weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from soak.analysis.statistics.design_matrix import design_matrix
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.load_covariates import (
    load_covariates,
    peak_connections,
    recent_requests,
)
from soak.analysis.statistics.marginal_likelihood import Whitened
from soak.analysis.statistics.model_averaging import Candidates
from soak.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class FitInput:
    """All that is weighed for some points: the settings and candidates, when each column has settled, and the units.

    A scaled slope of 1 is `scale` units in `span` seconds.
    """

    settings: list[tuple[Whitened, float]]
    candidates: Candidates
    settles: Floats
    span: float
    scale: float


def fit_input(
    subject: Subject,
    points: Sequence[LevelPoints],
    grain: float,
    rounded: bool,
    copies: Floats | None = None,
) -> FitInput:
    """Return the scaled points with all candidate explanations; `grain` is the smallest step that the values can make.

    `copies` (n, c) are other values at the same points, in the subject's unit, to be weighed
    instead of its own.
    """
    span = max(float(p.times[-1] - p.times[0]) for p in points)
    middle = float(np.median(np.concatenate([p.values for p in points])))
    scale = max(float(np.ptp(p.values)) for p in points)
    scaled = [replace(p, values=(p.values - middle) / scale) for p in points]
    paces, rate = load_covariates(points, span, subject.requests)
    # Averaging a block's samples averages their rounding too, if noise spreads them over several
    # grains.
    together = 1.0 if rounded or points[0].counts is None else float(np.median(points[0].counts))
    rounding = (grain / scale) ** 2 / 12 / together
    grained = (rounding if rounded else min(rounding, 1e-4)) + 1e-7
    peak = None if subject.integer else peak_connections(points, subject.connections)
    others = None if copies is None else (copies - middle) / scale
    recent = [] if subject.integer else recent_requests(points, subject.recent)
    settings, candidates, settles = design_matrix(
        scaled, span, grained, paces, rate, peak, others, recent
    )
    return FitInput(settings, candidates, settles, span, scale)
