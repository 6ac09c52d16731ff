"""Find a level that stepped a few times and stayed: least-squares change points between flat levels.

Binary segmentation (Scott and Knott, A cluster analysis method for grouping means in the analysis
of variance, 1974): each cut minimises the sum of squares left on both sides, until every side is
flat. Assumed: a few shifts. A level that steps up again and again is a staircase, of which flat
levels at the end prove nothing while the next step is not due.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from soak.analysis.thresholds import (
    SHIFT_BLOCKS,
    SHIFT_FEWEST,
    SHIFT_FLAT,
    SHIFT_HEIGHT,
    SHIFT_SCATTER,
    SHIFT_SHARE,
    SHIFTS_AT_MOST,
    STEP_DUE,
    STEPS_AT_LEAST,
)
from soak.model import Floats


@dataclass(frozen=True, slots=True)
class LevelShift:
    """The first and last level (medians), the number of steps, and the time (seconds) of the last step's first value."""

    before: float
    after: float
    steps: int
    time: float


class _FlatLevels(NamedTuple):
    """The medians of flat levels, and the blocks at which all but the first begin."""

    medians: list[float]
    cuts: list[int]


def level_shift(times: Floats, values: Floats) -> LevelShift | None:
    """Return the shift between flat levels, or None if the series shows anything else.

    Times must rise and values must be finite.
    """
    levels = _flat_levels(values, SHIFT_SHARE)
    if levels is None or len(levels.cuts) > SHIFTS_AT_MOST:
        return None
    first, *_, last = levels.medians
    return LevelShift(first, last, len(levels.cuts), _last_step(times, values, levels))


def goes_on_in_steps(times: Floats, values: Floats) -> bool:
    """Return True for a staircase that only rises, and rose so lately that its next step may just not be due.

    Steps are taken as a Poisson process at their rate up to the last one. They have ended if the
    time since then would have brought another with a probability of `STEP_DUE`.
    """
    levels = _flat_levels(values, 0.0)
    if levels is None or len(levels.cuts) < STEPS_AT_LEAST or min(np.diff(levels.medians)) <= 0:
        return False
    last = _last_step(times, values, levels)
    rising, since = last - float(times[0]), float(times[-1]) - last
    return len(levels.cuts) * since < -math.log(1 - STEP_DUE) * rising


def _flat_levels(values: Floats, share: float) -> _FlatLevels | None:
    """Return the flat levels of a series; None if it shows anything else, or a step of at most this share of the first."""
    if len(values) < 2 * SHIFT_BLOCKS:
        return None
    level = _block_medians(values)
    # Medians of counts hardly scatter. A step under a fiftieth of the range does not count.
    scatter = max(
        1.4826 * float(np.median(np.abs(np.diff(level)))), SHIFT_SCATTER * float(np.ptp(level))
    )
    cuts = _cuts(level, scatter, 0, SHIFT_BLOCKS)
    if not cuts:
        return None
    edges = [0, *cuts, SHIFT_BLOCKS]
    medians = [_median(level, first, last) for first, last in pairwise(edges)]
    heights = np.abs(np.diff(medians))
    if (heights <= max(SHIFT_HEIGHT * scatter, share * abs(medians[0]))).any():
        return None
    bends = [_bend(level, first, last) for first, last in pairwise(edges)]
    return None if max(bends) * SHIFT_FLAT > heights.min() else _FlatLevels(medians, cuts)


def _last_step(times: Floats, values: Floats, levels: _FlatLevels) -> float:
    """Return the time of the first value of the last level."""
    parts = np.array_split(np.arange(len(values)), SHIFT_BLOCKS)
    low, high, cut = levels.medians[-2], levels.medians[-1], levels.cuts[-1]
    around = np.arange(parts[cut - 1][0], parts[cut + 1][-1] + 1)
    beyond = np.abs(values[around] - high) < np.abs(values[around] - low)
    return float(times[around[int(np.argmax(beyond))] if beyond.any() else parts[cut][0]])


def _block_medians(values: Floats) -> Floats:
    """Return the median of each block; blocks of equal length are handled at once, because there are many series."""
    parts = np.array_split(values, SHIFT_BLOCKS)
    longer = sum(len(part) > len(parts[-1]) for part in parts)  # those come first
    groups = [np.stack(group) for group in (parts[:longer], parts[longer:]) if group]
    return np.concatenate([np.median(group, axis=1) for group in groups])


def _cuts(level: Floats, scatter: float, first: int, last: int) -> list[int]:
    """Return the blocks at which new levels begin, within a stretch of blocks."""
    if last - first < 2 * SHIFT_FEWEST or _bend(level, first, last) <= SHIFT_HEIGHT * scatter / 2:
        return []
    cut = min(
        range(first + SHIFT_FEWEST, last - SHIFT_FEWEST + 1),
        key=lambda at: _squares(level[first:last], at - first),
    )
    return [*_cuts(level, scatter, first, cut), cut, *_cuts(level, scatter, cut, last)]


def _inner(level: Floats, first: int, last: int) -> Floats:
    """Return a stretch without its outer blocks, which may contain the steps themselves."""
    return level[first + (first > 0) : last - (last < len(level))]


def _median(level: Floats, first: int, last: int) -> float:
    return float(np.median(_inner(level, first, last)))


def _bend(level: Floats, first: int, last: int) -> float:
    """Return the range of the medians of a stretch's eighths.

    Eighths are short enough for the shortest level to fill most of one.
    """
    eighths = [
        float(np.median(part))
        for part in np.array_split(_inner(level, first, last), 8)
        if len(part)
    ]
    return max(eighths) - min(eighths)


def _squares(level: Floats, cut: int) -> float:
    """Return the sum of squares around the means of both sides of the cut."""
    return sum(float(((side - side.mean()) ** 2).sum()) for side in (level[:cut], level[cut:]))
