"""Garbage-collected series: one point a collection, the floor that it falls to."""

from __future__ import annotations

import numpy as np

from soak.analysis.subject import Points
from soak.model import Floats

_FEWEST_CYCLES = 8


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
    starts = drops + 1
    ends = np.append(drops[1:], n)
    least = np.minimum.reduceat(life.values, starts)
    peak = np.maximum.reduceat(life.values, starts)
    if np.median(peak - least) < 0.6 * largest:
        return None
    first = [int(s + np.argmin(life.values[s : max(e, s) + 1])) for s, e in zip(starts, ends, strict=True)]
    index = np.array(first)
    return Points(life.times[index], life.values[index], life.born)
