"""Find where a level came to a standstill, after its last rise or after an initial fall."""

from __future__ import annotations

import numpy as np

from soak.analysis.thresholds import (
    FALL_HEIGHT,
    FALL_SHARE,
    FEWEST_SAMPLES,
    PLATEAU_BLOCKS,
    PLATEAU_DROP,
    PLATEAU_HEIGHT,
    PLATEAU_RISE,
    PLATEAU_RISES,
    PLATEAU_SHARE,
    PLATEAU_STARTS,
)
from soak.model import Floats


def plateau_begin(times: Floats, values: Floats, *, counted: bool = False) -> float | None:
    """Return when the last rise ended if the level has stood still since for at least as long as it took, or None.

    Of a count half as many samples are enough: it has no scatter that blocks would have to average.
    """
    blocks = min(PLATEAU_BLOCKS, len(values) // 2) if counted else PLATEAU_BLOCKS
    if len(values) < 2 * blocks or blocks < PLATEAU_BLOCKS // 2:
        return None
    level = np.array([float(np.mean(part)) for part in np.array_split(values, blocks)])
    when = np.array([float(part.mean()) for part in np.array_split(times, blocks)])
    height = float(np.ptp(level))
    for first in range(4, blocks - int(PLATEAU_SHARE * blocks) + 1):
        still, before = level[first:], level[:first]
        end = float(np.median(still))
        scatter = max(float(still.std()), 1e-12 * height)
        bottom = _last_bottom(before, PLATEAU_DROP * height)
        rise = end - float(before[bottom])
        if counted and rise > 0:  # it may have stood still for long before it rose
            bottom = int(np.flatnonzero(before <= before[bottom] + PLATEAU_STARTS * rise)[-1])
        lasted, took = when[-1] - when[first], when[first] - when[bottom]
        if (
            rise > max(PLATEAU_RISE * scatter, PLATEAU_HEIGHT * height)
            and lasted >= took
            and not _moves(when[first:], still, scatter)
        ):
            return float(when[first])
    return None


def first_fall_end(times: Floats, values: Floats) -> float | None:
    """Return when an initial fall ended that is large compared with all later movement; None without such a fall."""
    first = int(FALL_SHARE * len(values))
    if len(values) < 4 * FEWEST_SAMPLES:
        return None
    later = values[first:]
    top = float(later.max())
    if float(values[:first].max()) - top <= FALL_HEIGHT * float(np.ptp(later)):
        return None
    return float(times[int(np.flatnonzero(values > top)[-1]) + 1])


def _last_bottom(level: Floats, drop: float) -> int:
    """Return where the last rise began: the lowest level since the last fall by more than `drop`."""
    peak = np.maximum.accumulate(level)
    fallen = np.flatnonzero(peak - level > drop)
    if not len(fallen):
        return int(np.argmin(level))
    since = int(np.flatnonzero(level[: fallen[-1]] >= peak[fallen[-1]])[-1])
    return since + int(np.argmin(level[since:]))


def _moves(when: Floats, level: Floats, scatter: float) -> bool:
    """Return True if a plateau still rises or falls, by its slope or between its halves."""
    x = when - when.mean()
    slope = float(x @ level) / float(x @ x)
    rest = level - level.mean() - slope * x
    n = len(level)
    together = float(rest[1:] @ rest[:-1]) / max(float(rest @ rest), 1e-300)
    wider = np.sqrt((1 + max(together, 0.0)) / max(1 - max(together, 0.0), 0.1))
    error = float(np.sqrt(rest @ rest / max(n - 2, 1) / float(x @ x))) * float(wider)
    halves = float(np.median(level[n // 2 :]) - np.median(level[: n // 2]))
    return abs(slope) > PLATEAU_RISES * error or abs(halves) > 2 * scatter
