"""Split a series into the lives of its processes, and remove values that are not finite.

No fit crosses a restart. Known restarts are passed in. An unknown restart is a sharp drop from a
level that had lasted, back to where the process began (the level shift of Chen and Liu, Joint
estimation of model parameters and outlier effects, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.sawtooth import cycle_floors
from soak.analysis.thresholds import FEWEST_SAMPLES
from soak.model import Floats

_AROUND = 5
_MOST_RESTARTS = 20
_LIKE = 6
_PLATEAU = 0.75
# A start rises to more than this share of a life's height within a quarter of it; garbage, to a quarter.
_BENT = 0.5
_AT_START = 3
_TEETH = 7


def clean(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the finite samples with rising times: sorted if necessary; of equal times the last sample is kept."""
    n = min(len(times), len(values))
    times, values = (
        np.asarray(times[:n], dtype=np.float64),
        np.asarray(values[:n], dtype=np.float64),
    )
    # Squares of larger values overflow; no clock or resource reaches them.
    good = (np.abs(times) < 1e15) & (np.abs(values) < 1e150)
    if not good.all():
        times, values = times[good], values[good]
    steps = np.diff(times)
    if len(steps) and steps.min() <= 0:
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        last = np.append(np.diff(times) > 0, True)
        times, values = times[last], values[last]
    return times, values


def split(subject: Subject) -> list[LevelPoints]:
    """Return the judged samples, one `LevelPoints` per process's life.

    `born` is when that life (or the recording) began.
    """
    times, values = clean(subject.series.times, subject.series.values)
    if not len(times):
        return []
    borders = np.unique(
        [b for b in (*(subject.borders or ()), *subject.gaps) if times[0] < b <= times[-1]]
    )
    cuts = [0, *(int(i) for i in np.searchsorted(times, borders)), len(times)]
    lives = []
    for first, last in pairwise(cuts):
        life = LevelPoints(times[first:last], values[first:last], 0.0)
        known = subject.borders is not None or subject.collected or cycle_floors(life) is not None
        unknown = [] if known else _restarts(life.values, 5.0 if subject.integer else 0.0)
        inner = [first, *(first + cut for cut in unknown), last]
        for start, end in pairwise(inner):
            judged = max(start, int(np.searchsorted(times, subject.judged_from)))
            if end > judged:
                lives.append(
                    LevelPoints(times[judged:end], values[judged:end], float(times[start]))
                )
    return lives


def _restarts(values: Floats, least: float) -> list[int]:
    """Return the indexes of the first sample after each unknown restart; empty if the falls may be garbage collections.

    `least` is the smallest height that counts. A restart falls at once, back to where the process
    began, from a level that had lasted, and what follows resembles the first start. Falls at a
    regular pace, from one height or often, after a constant climb are garbage collections. A level
    that leaps up as it falls down switches between two states.
    """
    size = max(1, len(values) // 600)
    count = len(values) // size
    if count < 8 * _AROUND:
        return []
    level = np.median(values[: count * size].reshape(count, size), axis=1)
    before = np.median(np.lib.stride_tricks.sliding_window_view(level, _AROUND), axis=1)[:-_LIKE]
    place = np.arange(_AROUND, _AROUND + len(before))
    start = float(np.min(level[:2]))
    quiet = float(np.median(np.abs(np.diff(level)))) * 1.4826
    height = before - start
    low = np.minimum(level[place], level[place + 1])
    restarted = (
        (height > np.maximum(10 * quiet, least))
        & (low - start < 0.3 * height)
        & (height > 0.3 * np.ptp(level))
    )
    restarted &= level[place - 1] - low > 0.6 * height
    again = np.lib.stride_tricks.sliding_window_view(level, _LIKE)[place] - level[:_LIKE]
    restarted &= np.abs(again).mean(axis=1) < 0.3 * height + 3 * quiet
    drops = place[restarted]
    drops = drops[np.diff(drops, prepend=-_AROUND) >= _AROUND]
    if not len(drops) or len(drops) > _MOST_RESTARTS:
        return []
    # The last sample before a fall passes for a restart, too: the fall may take two samples.
    drops += 2 * level[drops] > level[drops - 1] + level[drops + 1]
    lives = np.diff(np.concatenate(([0], drops)))
    heights = level[drops - 1] - start
    above = [
        (level[drop - life : drop] - start) / h
        for drop, life, h in zip(drops, lives, heights, strict=True)
    ]
    lasted = all(float((part > 0.3).sum()) > 0.04 * count for part in above)
    leaps = np.flatnonzero(np.diff(level) > 0.6 * float(heights.min()))
    switches = bool(
        (
            leaps - np.concatenate(([0], drops))[np.searchsorted(drops, leaps, side="right")]
            > _AT_START
        ).any()
    )
    early = [part[len(part) // 5 : 1 + 3 * len(part) // 10] for part in above]
    climbs = _usual_height(above) < _PLATEAU and _usual_height(early) < _BENT
    regular = (
        len(drops) > 2
        and min(np.std(lives[1:]) / np.mean(lives[1:]), np.std(heights) / np.mean(heights)) < 0.15
    )
    falls = np.flatnonzero(
        level[:-2] - np.minimum(level[1:-1], level[2:]) > 0.25 * float(heights.min())
    )
    more = int((np.diff(falls, prepend=-_AROUND) > 2).sum()) > len(drops) + 1
    collected = climbs and (regular or more or len(drops) > _TEETH)
    return [] if not lasted or switches or collected else [int(drop) * size for drop in drops]


def _usual_height(parts: Sequence[Floats]) -> float:
    return float(np.median([np.median(part) for part in parts]))


def too_few(lives: Sequence[LevelPoints], longest: int) -> str:
    """Say what is missing if there are too few samples for a fit."""
    count = sum(len(life.times) for life in lives)
    if len(lives) > 1 and count >= 2 * FEWEST_SAMPLES:
        return f"no process lived long enough, the longest gave {longest} samples"
    more = FEWEST_SAMPLES + len(lives) - 1 - count
    return f"{count} {'sample is' if count == 1 else 'samples are'} too few, at least {max(more, 1)} more are needed"
