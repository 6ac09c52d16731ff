"""Garbage-collected series: one point a collection, the floor that it falls to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soak.analysis.subject import Points
from soak.model import Floats

_FEWEST_CYCLES = 10
_CLIMBS_BACK = 0.5
_LARGE = 1 / 3


def cycle_floors(life: Points) -> Points | None:
    """The least value after each sharp drop; None where the series is no sawtooth of at least a few cycles."""
    jumps = np.diff(life.values)
    drops, largest = _sharp_drops(jumps)
    if not len(drops):
        return None
    # A saw climbs back between its drops; noise with heavy lower tails jumps back at once.
    starts, ends = drops + 1, np.append(drops[1:], len(jumps))
    least, peak = np.minimum.reduceat(life.values, starts), np.maximum.reduceat(life.values, starts)
    if np.median(peak - least) < _CLIMBS_BACK * largest:
        return None
    spacing = float(np.median(np.diff(life.times)))
    offset = _offset(life.times[starts])
    if np.abs(offset).max() < spacing:
        # Regular drops meet the samples at a phase that drifts, and with it the first value seen: take that climb off.
        climb = float(np.median(jumps[jumps > -largest * _LARGE])) / spacing
        return Points(life.times[starts], life.values[starts] - climb * offset, life.born)
    index = np.array([int(s + np.argmin(life.values[s : max(e, s) + 1])) for s, e in zip(starts, ends, strict=True)])
    return Points(life.times[index], life.values[index], life.born)


def _sharp_drops(jumps: Floats) -> tuple[NDArray[np.int64], float]:
    """Where the values fall in one step what they gained in several, and how far; nowhere unless often enough.

    A sawtooth's large falls have no large rises to match.
    """
    n, nowhere = len(jumps), np.empty(0, dtype=np.int64)
    few = max(5, n // 200)
    largest = -float(np.median(np.partition(jumps, few)[:few])) if n >= 4 * _FEWEST_CYCLES else 0.0
    if largest <= 0:
        return nowhere, 0.0
    drops = np.flatnonzero(jumps < -largest * _LARGE)
    drops = drops[np.append(True, np.diff(drops) > 1)]
    rises = int((jumps > largest * _LARGE).sum())
    often = len(drops) >= _FEWEST_CYCLES and 4 * len(drops) <= n and np.median(np.diff(drops)) * _FEWEST_CYCLES <= n
    return (drops if often and rises <= len(drops) / 5 else nowhere), largest


def _offset(times: Floats) -> Floats:
    """How late each of these times is against an even beat, in seconds, shape (n,)."""
    beat = np.arange(len(times), dtype=np.float64)
    beat -= beat.mean()
    return np.asarray(times - times.mean() - beat * float(beat @ times) / float(beat @ beat))
