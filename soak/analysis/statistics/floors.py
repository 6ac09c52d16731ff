"""Reduce samples to the floor that they keep returning to: at most a few hundred points, however long the run.

A garbage-collected heap, a burst, or a spike hides the lasting level; a block's low quantile,
median or mean shows it. Which of these varies least from block to block is decided by the series
itself, after Hogg, Adaptive robust procedures (1974).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.sawtooth import cycle_floors
from soak.model import Floats

MOST_POINTS = 150
_DEAR = (1.0, 1.08, 1.15, 1.15)


def floors(lives: Sequence[LevelPoints]) -> list[LevelPoints]:
    """Reduce the lives to about `MOST_POINTS` points in all; lives that are short already are returned unchanged."""
    floored = [cycle_floors(life) for life in lives]
    most = sum(
        len(life.times) for life, floor in zip(lives, floored, strict=True) if floor is not None
    )
    if most > sum(len(life.times) for life in lives) / 2:
        lives = [floor for floor in floored if floor is not None]
    total = sum(len(life.times) for life in lives)
    size = -(-total // MOST_POINTS)
    if size <= 1:
        return list(lives)
    blocks = [_blocks(life, size) for life in lives]
    levels = [_levels(values) for _, values in blocks]
    best = int(
        np.argmin(
            [_roughness([level[i] for level in levels]) * dear for i, dear in enumerate(_DEAR)]
        )
    )
    reduced = []
    for life, (times, _), level in zip(lives, blocks, levels, strict=True):
        counts, widths = np.full(len(times), float(times.shape[1])), times[:, -1] - times[:, 0]
        reduced.append(
            LevelPoints(times.mean(axis=1), level[best], life.born, counts, widths, life.slack)
        )
    return reduced


def _blocks(life: LevelPoints, size: int) -> tuple[Floats, Floats]:
    """Return times and values in equal blocks of at least `size` successive samples, each of shape (blocks, samples)."""
    n = len(life.times)
    count = max(1, n // size)
    first = np.arange(count) * n // count
    index = first[:, None] + np.arange(n // count)
    return life.times[index], life.values[index]


def _levels(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return each block's mean, midmean, mean of its lowest quarter, and mean of its lowest tenth.

    Unlike quantiles, means take values between whole numbers.
    """
    m = values.shape[1]
    ordered = np.sort(values, axis=1)
    quarter = m // 4
    middle = ordered[:, quarter : m - quarter].mean(axis=1)
    low, lowest = (
        ordered[:, : max(1, quarter)].mean(axis=1),
        ordered[:, : max(1, m // 10)].mean(axis=1),
    )
    return values.mean(axis=1), middle, low, lowest


def _roughness(lives: Sequence[Floats]) -> float:
    """Return the mean absolute deviation of the jumps between blocks from their median, which is the drift.

    True steps count alike for every kind of level.
    """
    jumps = np.concatenate([np.diff(values) for values in lives])
    return float(np.mean(np.abs(jumps - np.median(jumps)))) if len(jumps) else 0.0
