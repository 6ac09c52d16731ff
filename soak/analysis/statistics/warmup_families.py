"""Families of warm-ups: settling, creeping ever slower, filling up, and filling up with recurring keys.

Each is a curve over the process's age with a time scale, averaged over the width of a point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from soak.model import Floats

_HEAPS = 0.6
_MOST_UNLIKELY = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class WarmupFamily:
    """One shape of warm-up for any time scale, given as a share of the span.

    `columns` computes its columns. `shares` is the grid that is weighed, `fine` the one that is
    searched first. `plausible` is the prior weight of the family. From the share `least` on, longer
    warm-ups are less and less plausible: the log prior falls by `fall` per span. The warm-up has
    ended after `ends` time scales.
    """

    columns: Callable[[Floats, Floats, float, Floats], Floats]
    shares: Floats
    fine: Floats
    plausible: float
    least: float
    fall: float
    ends: float

    def prior(self, shares: Floats) -> Floats:
        """Return the log plausibility of each share."""
        each = float(np.log(self.plausible / 18))
        return np.asarray(
            each - np.minimum(self.fall * np.maximum(0.0, shares - self.least), _MOST_UNLIKELY)
        )


def _approach(ages: Floats, widths: Floats, span: float, shares: Floats) -> Floats:
    """Return 1 - exp(-age/time), averaged over each point's width."""
    half = np.minimum(0.5 * widths[:, None] / (shares * span), 30.0)
    return 1 - np.exp(-ages[:, None] / (shares * span)) * np.where(
        half > 1e-6, np.sinh(half) / np.maximum(half, 1e-6), 1.0
    )


def _creep(ages: Floats, widths: Floats, span: float, shares: Floats) -> Floats:
    """Return log(1 + age/time), averaged over each point's width by Simpson's rule."""
    start, middle, end = (
        np.maximum(ages + part * widths, 0.0)[:, None] / (shares * span)
        for part in (-0.5, 0.0, 0.5)
    )
    return np.asarray((np.log1p(start) + 4 * np.log1p(middle) + np.log1p(end)) / 6)


def _fill(ages: Floats, widths: Floats, span: float, shares: Floats) -> Floats:
    """Return the lesser of age and time scale, averaged over each point's width."""
    full = shares * span
    reach = np.clip(ages[:, None] + 0.5 * widths[:, None] - full, 0.0, None)
    inside = reach < widths[:, None]
    return np.where(
        inside,
        ages[:, None] - 0.5 * reach**2 / np.maximum(widths[:, None], 1e-12),
        np.minimum(ages[:, None], full),
    )


def _fill_ever_slower(ages: Floats, widths: Floats, span: float, shares: Floats) -> Floats:
    """Return `_fill` for a cache with recurring keys: distinct keys grow as a power of all (Heaps' law, 1978)."""
    full = shares * span
    start, end = (
        np.clip(ages[:, None] + part * widths[:, None], 0.0, None) for part in (-0.5, 0.5)
    )
    below = [np.minimum(age, full) ** (_HEAPS + 1) / (_HEAPS + 1) for age in (start, end)]
    beyond = [np.maximum(age - full, 0.0) * full**_HEAPS for age in (start, end)]
    area = below[1] + beyond[1] - below[0] - beyond[0]
    wide = end - start > 1e-9 * span
    return np.where(
        wide, area / np.where(wide, end - start, 1.0), np.minimum(start, full) ** _HEAPS
    )


FAMILIES = (
    WarmupFamily(
        _approach,
        np.concatenate((np.geomspace(1 / 240, 1 / 2, 18), (0.7, 1.0, 1.5, 2.2, 3.2))),
        np.geomspace(1 / 400, 4.0, 240),
        0.45,
        0.25,
        20.0,
        3.0,
    ),
    WarmupFamily(
        _creep,
        np.geomspace(1 / 300, 1 / 6, 8),
        np.geomspace(1 / 400, 0.95, 200),
        0.08,
        1 / 30,
        30.0,
        np.inf,
    ),
    WarmupFamily(
        _fill, np.linspace(0.05, 0.9, 18), np.geomspace(1 / 400, 0.95, 200), 0.25, 0.5, 15.0, 1.0
    ),
    WarmupFamily(
        _fill_ever_slower,
        np.linspace(0.1, 0.9, 9),
        np.geomspace(1 / 400, 0.95, 200),
        0.1,
        0.5,
        15.0,
        1.0,
    ),
)
