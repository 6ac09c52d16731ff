"""Reduce garbage-collected series to one point per collection: the floor that it falls to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soak.analysis.statistics.growth_input import LevelPoints
from soak.model import Floats

_FEWEST_CYCLES = 5
_CLIMBS_BACK = 0.25
_COARSE, _LONG = 12, 50
_FEW, _HANDFUL = 2, 7
_LARGE = 1 / 3
_MANY_WRAPS, _BEAT_ERROR = 4, 2.0
#: A climb is straight if no value is further from a line than the first share of the fall; slopes
#: are alike within the second.
_STRAIGHT, _ALIKE = 1e-3, 0.01


def cycle_floors(life: LevelPoints) -> LevelPoints | None:
    """Return the lowest value after each sharp drop; None if the series is not a sawtooth of at least a few cycles.

    A fall over several samples, such as memory that is given back bit by bit, becomes a single step
    in block means.
    """
    floors = _cycle_floors(life)
    if floors is not None or len(life.times) < _COARSE * _LONG:
        return floors
    count = len(life.times) // _COARSE
    times, values = (
        part[: count * _COARSE].reshape(count, _COARSE).mean(axis=1)
        for part in (life.times, life.values)
    )
    return _cycle_floors(LevelPoints(times, values, life.born))


def handful_of_floors(life: LevelPoints) -> Floats | None:
    """Return the floors of a few collections, too few to fit, in units of the largest fall; None if there are none."""
    if cycle_floors(life) is not None:
        return None
    jumps = np.diff(life.values)
    largest = -float(jumps.min(initial=0.0))
    drops = np.flatnonzero(jumps < -largest * _LARGE)
    if not _FEW <= len(drops) <= _HANDFUL or (jumps > largest * _LARGE).any():
        return None
    ends = np.append(drops[1:], len(jumps))
    cycles = [life.values[start + 1 : end + 1] for start, end in zip(drops, ends, strict=True)]
    least = np.array([float(cycle.min()) for cycle in cycles])
    climbed = np.array([float(cycle.max()) for cycle in cycles[:-1]]) - least[:-1]
    return least / largest if climbed.min() >= _CLIMBS_BACK * largest else None


def climbs_exactly(lives: Sequence[LevelPoints]) -> bool:
    """Return True if a series falls sometimes, and climbs between falls along straight lines of one slope.

    Timed buffers do so; a leak always has some noise. If a buffer that a timer empties is sampled
    at nearly its own period, it seems to climb for hours, and its falls look like restarts.
    """
    height = max(float(np.ptp(life.values)) for life in lives)
    slopes = []
    for life in lives:
        falls = np.flatnonzero(np.diff(life.values) < -height * _LARGE) + 1
        for start, end in pairwise((0, *falls, len(life.times))):
            times, values = life.times[start:end], life.values[start:end]
            if len(times) < _FEWEST_CYCLES:
                continue
            slope, level = np.polyfit(times - times[0], values, 1)
            if np.abs(values - level - slope * (times - times[0])).max() > _STRAIGHT * height:
                return False
            slopes.append(float(slope))
    return len(slopes) > 1 and max(slopes) - min(slopes) <= _ALIKE * min(slopes)


def _cycle_floors(life: LevelPoints) -> LevelPoints | None:
    jumps = np.diff(life.values)
    drops, largest = _sharp_drops(jumps)
    if not len(drops):
        return None
    # A sawtooth climbs back between its drops; noise with heavy lower tails jumps back at once.
    starts, ends = drops + 1, np.append(drops[1:], len(jumps))
    least, peak = np.minimum.reduceat(life.values, starts), np.maximum.reduceat(life.values, starts)
    if np.median(peak - least) < _CLIMBS_BACK * largest:
        return None
    spacing = float(np.median(np.diff(life.times)))
    climb = float(np.median(jumps[jumps > -largest * _LARGE])) / spacing
    offset = _offset(life.times[starts])
    if np.abs(offset).max() < spacing:
        # Regular drops meet the samples at a drifting phase, and so does the first value seen after
        # them: subtract that climb. If the phase wraps around only a few times, it looks like a
        # slower beat, and the climb stays in. If it wraps often, only the error of the beat
        # remains, about that of one end divided by the number of beats.
        wraps = int((np.abs(np.diff(offset)) > 0.5 * spacing).sum())
        hidden = _BEAT_ERROR / len(starts) if wraps >= _MANY_WRAPS else 1.0
        slack = hidden * max(climb, 0.0) * spacing
        return LevelPoints(
            life.times[starts], life.values[starts] - climb * offset, life.born, slack=slack
        )
    index = np.array(
        [int(s + np.argmin(life.values[s : e + 1])) for s, e in zip(starts, ends, strict=True)]
    )
    return LevelPoints(
        life.times[index], life.values[index], life.born, slack=max(climb, 0.0) * spacing
    )


def _offset(times: Floats) -> Floats:
    """Return how late each time is against an even beat, in seconds, shape (n,); single beats may be missing."""
    beats = np.diff(times)
    beat = np.concatenate(([0.0], np.cumsum(np.maximum(1, np.round(beats / np.median(beats))))))
    beat -= beat.mean()
    late = times - times.mean()
    return np.asarray(late - beat * float(beat @ late) / float(beat @ beat))


def _sharp_drops(jumps: Floats) -> tuple[NDArray[np.int64], float]:
    """Return where the values lose in one step what they gained in several, and the largest drop.

    There are none unless they are frequent, and not matched by large rises.
    """
    n, nowhere = len(jumps), np.empty(0, dtype=np.int64)
    few = max(5, n // 200)
    largest = -float(np.median(np.partition(jumps, few)[:few])) if n >= 4 * _FEWEST_CYCLES else 0.0
    if largest <= 0:
        return nowhere, 0.0
    drops = np.flatnonzero(jumps < -largest * _LARGE)
    drops = drops[np.append(True, np.diff(drops) > 1)]
    rises = int((jumps > largest * _LARGE).sum())
    often = (
        len(drops) >= _FEWEST_CYCLES
        and 4 * len(drops) <= n
        and np.median(np.diff(drops)) * _FEWEST_CYCLES <= n
    )
    return (drops if often and rises <= len(drops) / 5 else nowhere), largest
