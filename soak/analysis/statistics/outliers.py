"""Remove points that do not represent the level around them: bursts, temporary jobs, blocks across a step or a knee.

Both tests are local and robust: the running median with its scatter, after Hampel (1974) and
Pearson, Outliers in process modeling and identification (2002), and the bend at a point against the
usual bend.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soak.analysis.statistics.growth_input import LevelPoints
from soak.model import Floats

_HALF = 8
_FAR = 4.5
_BENT = 6.0
_MOST = 0.25
_ROUNDS = 3
_MOSTLY = 0.7
_LEAVES, _LONGEST, _BACK, _AT_ONCE = 8.0, 0.2, 0.4, 0.75


def without_outliers(points: LevelPoints) -> LevelPoints:
    """Return the points without those far from their surroundings, unless these are too many to be exceptions.

    The search is repeated, because the large outliers of a burst hide its small ones.
    """
    away = _away(points.values)
    if 0 < away.sum() <= _MOST * len(away):
        points = points.only(~away)
    bent = _bent(points.values)
    kept = points.only(~bent) if bent.mean() < _MOST / 2 else points
    for _ in range(_ROUNDS):
        far = _far(kept.values)
        if not far.any():
            break
        kept = kept.only(~far)
    return kept if len(kept.times) >= (1 - _MOST) * len(points.times) else points


def _away(values: Floats) -> NDArray[np.bool_]:
    """Return the points that leave the level for a while, as during a job: out in one step, and back in one."""
    away = np.zeros(len(values), dtype=bool)
    steps = np.diff(values)
    usual = 1.4826 * float(np.median(np.abs(steps))) if len(steps) >= 6 * _HALF else 0.0
    if usual <= 0:
        return away
    for left in np.flatnonzero(np.abs(steps) > _LEAVES * usual):
        if away[left]:
            continue
        base, sign = float(np.median(values[max(0, left - 3) : left + 1])), np.sign(steps[left])
        off = sign * (values[left + 1 : left + 2 + int(_LONGEST * len(values))] - base)
        height = float(np.median(off[:3]))
        back = np.flatnonzero(off < _BACK * height)
        # A block may lie across the step and split it in two.
        if len(back) and off[max(back[0] - 2, 0)] - off[back[0]] > _AT_ONCE * height:
            away[left + 1 : left + 1 + back[0]] = True
    return away


def _far(values: Floats) -> NDArray[np.bool_]:
    """Return the points that are far from the running median for a short while."""
    if len(values) < 6 * _HALF:
        return np.zeros(len(values), dtype=bool)
    windows = np.lib.stride_tricks.sliding_window_view(values, 2 * _HALF + 1)
    centre = np.clip(np.arange(len(values)) - _HALF, 0, len(windows) - 1)
    middle = np.median(windows, axis=1)
    wide = np.median(np.abs(windows - middle[:, None]), axis=1)
    off = np.abs(values - middle[centre])
    far = off > _FAR * 1.4826 * np.maximum(wide[centre], np.median(off))
    # Where a warm-up begins, or growth ends, the window lies to one side, and points lie farther
    # away the nearer they are to the edge.
    if (np.diff(off[:_HALF]) <= 0).mean() > _MOSTLY:
        far[:_HALF] = False
    if (np.diff(off[-_HALF:]) >= 0).mean() > _MOSTLY:
        far[-_HALF:] = False
    return np.asarray(far)


def _bent(values: Floats) -> NDArray[np.bool_]:
    """Return the points that are out of line with both neighbours."""
    result = np.zeros(len(values), dtype=bool)
    if len(values) < 6 * _HALF:
        return result
    bend = np.abs(values[1:-1] - 0.5 * (values[:-2] + values[2:]))
    usual = float(np.median(bend))
    result[1:-1] = bend > _BENT * 1.4826 * usual
    return result if usual > 0 else np.zeros(len(values), dtype=bool)
