"""Growth in a few steps (pages, arenas, descriptors), counted one by one instead of fitted as a smooth line.

A level that moves in steps has as many events as steps, however many samples were taken; steps that
become smaller or rarer show that it is settling. The rates of two stretches of a point process are
compared after Cox and Lewis, The Statistical Analysis of Series of Events (1966).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.level_shift import goes_on_in_steps
from soak.analysis.thresholds import (
    CANNOT_TELL,
    FLICKER,
    FLICKER_BACK,
    LEVEL_PARTS,
    LEVEL_SAMPLES,
    LEVEL_SHARE,
    SETTLING,
    SPIKE_HEIGHT,
    SPIKE_WINDOW,
    SPIKES_AT_MOST,
)
from soak.model import Floats

_CARRIED = 0.6
_FEW, _SOME = 5.0, 12.0
_SLOWED, _MUCH_SLOWED = 0.35, 0.22
_RISES = 3
_STILL = 0.1
_REST, _AT_REST, _BIG = 0.02, 0.8, 0.2
_MANY = 50
_OFTEN, _BACK = 20, 0.8
_NEARLY_EVEN, _EVEN = 2.0, 2.6


def least_p_no_growth(
    lives: Sequence[LevelPoints], points: Sequence[LevelPoints], jumpy: bool
) -> float:
    """Return the least probability of no lasting growth that so few steps allow; 0 if steps do not explain the growth.

    `points` are the floors of `lives`; `jumpy` says that their noise was found to move the level
    for good.
    """
    life = max(lives, key=lambda life: len(life.times))
    moves = np.diff(_without_spikes(life.values))
    largest = np.abs(moves).max()
    # A series that falls far more often than it rises is garbage-collected, and is judged by its
    # floors.
    collected = int((moves < -_BIG * largest).sum()) > 3 * int((moves > _BIG * largest).sum())
    moved = int((np.abs(moves) > _REST * largest).sum())
    still = not collected and moved <= min(_MANY, (1 - _AT_REST) * len(moves))
    if not (still or jumpy):
        return 0.0
    if still:
        settled = moves[len(moves) // 10 :]
        if _goes_back(settled):
            return 0.0
        settled = settled / (np.abs(settled).max() or 1.0)
        surplus = float(settled.sum()) / float(np.sqrt(settled @ settled) or 1.0)
        if surplus < _EVEN:
            return SETTLING if surplus < _NEARLY_EVEN else CANNOT_TELL
    return _few_late_steps(max(points, key=lambda point: len(point.times)))


def _without_spikes(values: Floats) -> Floats:
    """Return the values with short spikes above their noise replaced by the running median: a spike is not a step."""
    if len(values) < 4 * SPIKE_WINDOW:
        return values
    padded = np.pad(values, SPIKE_WINDOW // 2, mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, SPIKE_WINDOW), axis=1)
    off = np.abs(values - median)
    usual = 1.4826 * float(np.median(off))
    spikes = off > SPIKE_HEIGHT * usual
    rare = usual > 0 and spikes.mean() < SPIKES_AT_MOST
    return np.where(spikes, median, values) if rare else values


def _goes_back(moves: Floats) -> bool:
    """Return True if nearly every step is followed by one back: noise around a level, not events that add up."""
    signs = np.sign(moves[moves != 0])
    return len(signs) > _OFTEN and float((signs[1:] != signs[:-1]).mean()) > _BACK


def _few_late_steps(points: LevelPoints) -> float:
    """Return the least probability of no lasting growth, judged by the steps that carry the rise of the later half.

    Few such steps, and a small share of the whole rise in the later half, make it higher.
    """
    half = int(np.searchsorted(points.times, 0.5 * (points.times[0] + points.times[-1])))
    late, gaps = np.diff(points.values)[half:], np.diff(points.times)[half:]
    # On a clock of requests points lie far apart where there were many: a rise in between is no step.
    even = late / np.maximum(gaps / (np.median(gaps) if len(gaps) else 1.0), 1.0)
    large = late[np.abs(even) > 6 * np.median(np.abs(even))] if len(late) >= 4 else late[:0]
    if not len(large):
        return 0.0
    rise = float(late.sum())
    if rise <= 0:
        return SETTLING
    if float(large.sum()) < _CARRIED * rise:
        return 0.0
    sizes = np.abs(large) / np.abs(large).max()
    events = float(sizes.sum() ** 2 / (sizes @ sizes))
    share = rise / max(float(points.values[-1]) - float(points.values[0]), rise)
    if events >= (_SOME if share < _SLOWED else _FEW):
        return 0.0
    return SETTLING if share < (_SLOWED if events < _FEW else _MUCH_SLOWED) else CANNOT_TELL


def most_p_no_growth(lives: Sequence[LevelPoints]) -> float:
    """Return the highest probability of no lasting growth for a whole number that only rises and still does; else 1.

    Without a leak, falls are as frequent as rises, so each rise without a fall halves the
    probability; the first may be warm-up.
    """
    life = max(lives, key=lambda points: len(points.times))
    jumps = np.diff(life.values)
    rises = np.flatnonzero(jumps > 0)
    if len(rises) < _RISES or (jumps < 0).any() or len(rises) > _STILL * len(jumps):
        return 1.0
    start, end = float(life.times[0]), float(life.times[-1])
    when = life.times[rises + 1]
    late = float((when > 0.5 * (start + end)).mean())
    stopped = end - float(when[-1]) > 2.5 * (end - start) / len(rises)
    if stopped or late < _SLOWED:
        # A slower rise than at first is settling, unless it continues evenly to the very end.
        last = when[when > end - (end - start) / 3]
        goes_on = len(last) >= _RISES and end - float(last[-1]) < 2.5 * (end - start) / 3 / len(
            last
        )
        return CANNOT_TELL if goes_on else 1.0
    return max(0.3 * 0.5 ** (len(rises) - _RISES), 0.01)


def is_unfinished_staircase(lives: Sequence[LevelPoints]) -> bool:
    """Return True if the longest life rises in a few flat steps, so lately that the next may just not be due."""
    life = max(lives, key=lambda points: len(points.times))
    return goes_on_in_steps(life.times, life.values)


def flickers(lives: Sequence[LevelPoints]) -> bool:
    """Return True if a count gained nothing: it moves around one level, or by at most `FLICKER` and was lowest late too."""
    life = max(lives, key=lambda points: len(points.times))
    low = float(life.values.min())
    last = np.array_split(life.values, 3)[-1]
    little = float(life.values.max()) - low <= FLICKER
    return (little and int((last <= low).sum()) >= FLICKER_BACK) or _keeps_its_level(life.values)


def _keeps_its_level(counts: Floats) -> bool:
    """Return True if each part of a stretch is mostly at the same count, and the last is not higher than all before.

    A gain of one would have raised the usual count of the parts after it.
    """
    parts = np.array_split(counts, LEVEL_PARTS)
    if len(parts[-1]) < LEVEL_SAMPLES:
        return False
    usual = float(np.median(counts))
    mostly = all(float((part == usual).mean()) > LEVEL_SHARE for part in parts)
    return mostly and float(parts[-1].max()) <= max(float(part.max()) for part in parts[:-1])


def late_to_early_rise(lives: Sequence[LevelPoints]) -> float:
    """Return the longest life's rise from its second third to its last, divided by that from its first to its second.

    1 is steady growth; 0 if it no longer rises, inf if it had not risen before.
    """
    life = max(lives, key=lambda points: len(points.times))
    levels = [float(np.median(third)) for third in np.array_split(life.values, 3)]
    first, last = (after - before for before, after in pairwise(levels))
    if last <= 0:
        return 0.0
    return last / first if first > 0 else math.inf
