"""Counts that rise exactly with the requests to one endpoint, in snapshots of a service whose mix of traffic is varied.

Memory moves with every request under way, buffer and cached answer. A count of what requests leave
has no such noise: where each leaves one object, there is one more at every snapshot. No other count
follows the requests to one endpoint by chance, within a hundredth and without ever falling.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `FEWEST` 8 | snapshots | points under load that a line through them must fit |
| `SETTLED` 0.2 | of the snapshots | left out at first: caches of a few entries fill, a young service sets up |
| `LEAST_RISE` 100 | things | requests under way and idle connections are fewer |
| `EXACT` 0.015 | of the rise | scatter about the requests: in 40 runs, leaks 0.001 to 0.007, rows and caches 0.012 on |
| `PARTLY` 0.008 | of the rise | the same where some requests leave more than others |
| `CHANCE` 0.5 | standard deviations | the same where some leave one and others none, as by a binomial count |
| `WHOLE` 0.03 | of the number | distance from a whole number that each request leaves |
| `FALLS` 0.01 | of the rise | of a count that is said never to fall |
| `TIMES` 3 | of the scatter | what these requests add to another level for it to count |
| `FULL` 0.33 | of the snapshots | left out at first, for those levels: caches fill |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from soak.model import Floats

FEWEST, SETTLED = 8, 0.2
LEAST_RISE, FALLS = 100.0, 0.01
EXACT, PARTLY, CHANCE, WHOLE = 0.015, 0.008, 0.5, 0.03
TIMES, FULL = 3.0, 0.33


def only_rise(counts: Floats) -> NDArray[np.bool_]:
    """Return which counts (columns of (n, k)) rise by enough, and hardly ever fall, (k,)."""
    rise = counts[-1] - counts[0]
    falls = -np.minimum(np.diff(counts, axis=0), 0.0).sum(axis=0)
    return np.asarray((rise >= LEAST_RISE) & (falls <= FALLS * rise))


def follow(
    clocks: Floats, counts: Floats, scatter: Floats, telling: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which counts (columns of (n, k)) follow the requests of which clock (columns of (n, c)) exactly, (c, k).

    `scatter` (c, k) is how far each lies off them. Requests may leave a part of a thing on average
    only where a count is `telling` (k,).
    """
    rise, made = np.ptp(counts, axis=0), np.ptp(clocks, axis=0)[:, None]
    each = rise / made
    whole = np.abs(each - np.round(each)) <= WHOLE * np.round(each)
    chance = np.sqrt(made * each * np.clip(1.0 - each, 0.0, None)) / np.maximum(rise, 1.0)
    partly = telling & (scatter <= np.maximum(PARTLY, CHANCE * chance))
    return np.asarray((whole & (scatter <= EXACT)) | partly)


def added(clocks: Floats, level: Floats, clock: int) -> float:
    """Return what the requests of one clock (a column of (n, c)) add to a level (n,) from first to last; 0 if that is unsure.

    The other endpoints may add to it as well. Only its later part tells, when most caches are full.
    """
    whole = float(np.ptp(clocks[:, clock]))
    columns, level = (part[int(FULL * len(part)) :] for part in (clocks, level))
    scale = np.maximum(np.ptp(columns, axis=0), 1e-300)
    shares, centred = (columns - columns.mean(axis=0)) / scale, level - level.mean()
    amounts, _ = nnls(shares, centred)
    off = float(np.sqrt(np.mean((centred - shares @ amounts) ** 2)))
    return (
        float(amounts[clock]) * whole / float(scale[clock])
        if amounts[clock] >= TIMES * off
        else 0.0
    )


def scatter_about(clocks: Floats, levels: Floats) -> Floats:
    """Return how far each level (columns of (n, k)) lies off the best line over each clock (columns of (n, c)): (c, k).

    In shares of the level's rise; infinite if it does not rise.
    """
    clocks = clocks - clocks.mean(axis=0)
    centred = levels - levels.mean(axis=0)
    products = clocks.T @ centred
    squares = (clocks**2).sum(axis=0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(squares > 0, products**2 / squares, 0.0)
        off = np.sqrt(np.maximum((centred**2).sum(axis=0) - explained, 0.0) / len(levels))
        rise = levels[-1] - levels[0]
        share = np.where(rise > 0, off / rise, np.inf)
    return np.where(products > 0, share, np.inf)
