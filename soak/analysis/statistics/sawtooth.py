"""Garbage-collected series: one point a collection, the floor that it falls to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soak.analysis.statistics.growth_input import LevelPoints
from soak.model import Floats

_FEWEST_CYCLES = 5
_CLIMBS_BACK = 0.25
_COARSE, _LONG = 12, 50
_FEW, _HANDFUL = 2, 7
_LARGE = 1 / 3
_MANY_WRAPS, _PARTLY = 4, 0.6


def cycle_floors(life: LevelPoints) -> LevelPoints | None:
    """The least value after each sharp drop; None where the series is no sawtooth of at least a few cycles.

    What falls over several samples, as memory that is given back bit by bit, falls at once in
    blocks of samples.
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
    """The floors of a handful of collections, too few to fit, in units of the largest fall; None where it is no such saw."""
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


def _cycle_floors(life: LevelPoints) -> LevelPoints | None:
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
    climb = float(np.median(jumps[jumps > -largest * _LARGE])) / spacing
    offset = _offset(life.times[starts])
    if np.abs(offset).max() < spacing:
        # Regular drops meet the samples at a phase that drifts, and with it the first value seen:
        # take that climb off. Where that drift wraps round but a few times, part of it looks like a
        # slower beat, and stays.
        wraps = int((np.abs(np.diff(offset)) > 0.5 * spacing).sum())
        slack = 0.0 if wraps >= _MANY_WRAPS else _PARTLY * max(climb, 0.0) * spacing
        return LevelPoints(
            life.times[starts], life.values[starts] - climb * offset, life.born, slack=slack
        )
    index = np.array(
        [
            int(s + np.argmin(life.values[s : max(e, s) + 1]))
            for s, e in zip(starts, ends, strict=True)
        ]
    )
    return LevelPoints(
        life.times[index], life.values[index], life.born, slack=max(climb, 0.0) * spacing
    )


def _offset(times: Floats) -> Floats:
    """How late each of these times is against an even beat, in seconds, shape (n,); the beat may be missed here and there."""
    beats = np.diff(times)
    beat = np.concatenate(([0.0], np.cumsum(np.maximum(1, np.round(beats / np.median(beats))))))
    beat -= beat.mean()
    late = times - times.mean()
    return np.asarray(late - beat * float(beat @ late) / float(beat @ beat))


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
    often = (
        len(drops) >= _FEWEST_CYCLES
        and 4 * len(drops) <= n
        and np.median(np.diff(drops)) * _FEWEST_CYCLES <= n
    )
    return (drops if often and rises <= len(drops) / 5 else nowhere), largest
