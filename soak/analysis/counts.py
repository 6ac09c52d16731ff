"""Growth that a few steps carry: pages, arenas, descriptors, counted one by one rather than as a smooth line.

A level that moves in steps has seen as many events as steps, however many samples were taken; steps that become smaller or
rarer are settling. The rates of two stretches of a point process are compared after Cox and Lewis, The Statistical
Analysis of Series of Events (1966).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.analysis.subject import Points

_CARRIED = 0.6
_FEW, _SOME = 5.0, 12.0
_SLOWED = 0.35
CANNOT_TELL = 0.2
SETTLING = 0.5


def least_chance(lives: Sequence[Points]) -> float:
    """The least probability of no lasting growth that so few steps allow; 0 where growth is no matter of steps."""
    life = max(lives, key=lambda points: len(points.times))
    half = int(np.searchsorted(life.times, 0.5 * (life.times[0] + life.times[-1])))
    jumps = np.diff(life.values)
    late = jumps[half:]
    if len(late) < 4:
        return 0.0
    large = late[np.abs(late) > 6 * np.median(np.abs(late))]
    rise = float(late.sum())
    if not len(large) or rise <= 0 or float(large.sum()) < _CARRIED * rise:
        return 0.0
    events = float(np.abs(large).sum() ** 2 / (large @ large))
    slowed = rise < _SLOWED * (float(life.values[-1]) - float(life.values[0]))
    if events < _FEW:
        return SETTLING if slowed else CANNOT_TELL
    return CANNOT_TELL if slowed and events < _SOME else 0.0
