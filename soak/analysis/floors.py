"""Samples reduced to the floor that they keep returning to: at most a few hundred points, whatever the run's length.

A garbage-collected heap, a burst, or a spike hides the level that lasts; a block's low quantile, median or mean shows it.
Which of these is quietest from block to block is chosen by the series itself, after Hogg, Adaptive robust procedures (1974).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.analysis.subject import Points
from soak.model import Floats

MOST_POINTS = 150


def floors(lives: Sequence[Points]) -> list[Points]:
    """The lives' points, `MOST_POINTS` in all or a few more; lives that short already are returned as they are."""
    total = sum(len(life.times) for life in lives)
    size = -(-total // MOST_POINTS)
    if size <= 1:
        return list(lives)
    blocks = [_blocks(life, size) for life in lives]
    levels = [_levels(values) for _, values in blocks]
    rough = [_roughness([level[i] for level in levels]) for i in range(4)]
    best = int(np.argmin(rough))
    return [
        Points(times.mean(axis=1), level[best], life.born, np.full(len(times), float(times.shape[1])))
        for life, (times, _), level in zip(lives, blocks, levels, strict=True)
    ]


def _blocks(life: Points, size: int) -> tuple[Floats, Floats]:
    """Times and values in equal blocks of about `size` successive samples, each of shape (blocks, size)."""
    n = len(life.times)
    count = max(1, round(n / size))
    first = np.arange(count) * n // count
    index = first[:, None] + np.arange(n // count)
    return life.times[index], life.values[index]


def _levels(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Each block's median, mean, lower quartile and near-minimum."""
    m = values.shape[1]
    ordered = np.sort(values, axis=1)
    middle = 0.5 * (ordered[:, (m - 1) // 2] + ordered[:, m // 2])
    return middle, values.mean(axis=1), ordered[:, m // 4], ordered[:, m // 20]


def _roughness(lives: Sequence[Floats]) -> float:
    """How much a level jumps from one block to the next, its median drift aside; a bent or stepping level counts little."""
    jumps = np.concatenate([np.diff(values) for values in lives])
    return float(np.mean(np.sort(np.abs(jumps - np.median(jumps)))[: max(1, len(jumps) * 4 // 5)])) if len(jumps) else 0.0
