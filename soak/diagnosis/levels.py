"""Of a series, what lasts: the points that growth is told apart by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.analysis.sawtooth import cycle_floors
from soak.analysis.segments import clean
from soak.analysis.subject import Points
from soak.model import Floats, Series

#: Of such series each value stands until the next collection, so only its first sample says when it was true.
_STAIRS = ("go_gc_heap_live_bytes", "jvm_gc_live_data_size_bytes", "jvm_memory_pool_collection_used_bytes")


def lasting(series: Series, start: float, end: float, borders: Sequence[float] = ()) -> tuple[Floats, Floats]:
    """Times and levels from `start` to `end` (seconds): a saw's floors, a stair's edges, any other series as it is.

    `borders` are when the process was replaced: no tooth goes over one.
    """
    times, values = clean(series.times, series.values)
    inside = (times >= start) & (times <= end)
    times, values = times[inside], values[inside]
    cuts = np.searchsorted(times, sorted(borders))
    lives = [
        _edges(life) if series.name in _STAIRS else cycle_floors(life) or life
        for part, level in zip(np.split(times, cuts), np.split(values, cuts), strict=True)
        if len(part)
        for life in [Points(part, level, float(part[0]))]
    ]
    return (
        np.concatenate([life.times for life in lives] or [times]),
        np.concatenate([life.values for life in lives] or [values]),
    )


def _edges(life: Points) -> Points:
    """Where the value changes, dated in the middle between the last sample without it and the first one with it."""
    new = np.flatnonzero(np.diff(life.values) != 0) + 1
    return Points((life.times[new] + life.times[new - 1]) / 2, life.values[new], life.born)
