"""Series within a stretch of time: the samples that are known, and how far a counter rose outside of other stretches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats, Phase, Series


def known_between(series: Series, start: float, end: float = math.inf) -> tuple[Floats, Floats]:
    """Return times and values (n,) of a series between `start` and `end`, as far as they are known."""
    kept = (series.times >= start) & (series.times <= end) & np.isfinite(series.values)
    return series.times[kept], series.values[kept]


def grown(counter: Series, start: float, end: float, aside: Sequence[Phase] = ()) -> float:
    """Return how much a counter rose between `start` and `end`, not `aside`; a fall is a restart and does not count."""
    times, values = known_between(counter, start, end)
    rises = np.diff(values)[between_stretches(times, aside)]
    return float(rises[rises > 0].sum())


def between_stretches(times: Floats, stretches: Sequence[Phase]) -> NDArray[np.bool_]:
    """Return which gaps between these times (n - 1,) lie outside of all stretches; all of them if none does."""
    starts = np.sort([stretch.start for stretch in stretches])
    ends = np.sort([stretch.end for stretch in stretches])
    begun = np.searchsorted(starts, times[1:], side="right")
    over = np.searchsorted(ends, times[:-1], side="left")
    outside: NDArray[np.bool_] = begun <= over
    return outside if outside.any() else np.ones_like(outside)
