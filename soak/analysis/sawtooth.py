"""Garbage-collected series: one point a collection, the floor that it falls to."""

from __future__ import annotations

import numpy as np

from soak.analysis.subject import Points
from soak.model import Floats

_FEWEST_CYCLES = 8
_CLIMBS_BACK = 0.6


def cycle_floors(life: Points) -> Points | None:
    """The least value after each sharp drop; None where the series is no sawtooth of at least a few cycles.

    A sawtooth falls in one step what it gained in several: its large falls have no large rises to match.
    """
    jumps = np.diff(life.values)
    n = len(jumps)
    if n < 4 * _FEWEST_CYCLES:
        return None
    few = max(5, n // 200)
    largest = -float(np.median(np.partition(jumps, few)[:few]))
    if largest <= 0:
        return None
    drops = np.flatnonzero(jumps < -largest / 2)
    drops = drops[np.append(True, np.diff(drops) > 1)]
    rises = int((jumps > largest / 2).sum())
    if len(drops) < _FEWEST_CYCLES or rises > len(drops) / 5 or n < 4 * len(drops):
        return None
    if np.median(np.diff(drops)) * 8 > n:
        return None
    # A saw climbs back between its drops; noise with heavy lower tails jumps back at once.
    starts, ends = drops + 1, np.append(drops[1:], n)
    least = np.minimum.reduceat(life.values, starts)
    peak = np.maximum.reduceat(life.values, starts)
    if np.median(peak - least) < _CLIMBS_BACK * largest:
        return None
    spacing = float(np.median(np.diff(life.times)))
    offset = _offset(life.times[starts])
    if np.abs(offset).max() < spacing:
        # Regular drops meet the samples at a phase that drifts, and with it the first value seen: take that climb off.
        climb = float(np.median(jumps[jumps > -largest / 2])) / spacing
        return Points(life.times[starts], life.values[starts] - climb * offset, life.born)
    index = np.array([int(s + np.argmin(life.values[s : max(e, s) + 1])) for s, e in zip(starts, ends, strict=True)])
    return Points(life.times[index], life.values[index], life.born)


def _offset(times: Floats) -> Floats:
    """How late each of these times is against an even beat, in seconds, shape (n,)."""
    beat = np.arange(len(times), dtype=np.float64)
    beat -= beat.mean()
    return np.asarray(times - times.mean() - beat * float(beat @ times) / float(beat @ beat))
