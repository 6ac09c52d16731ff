"""What a series is rounded to: whole percent, whole MiB, one decimal."""

from __future__ import annotations

import numpy as np

from soak.analysis.thresholds import (
    ROUNDED_BLOCK,
    ROUNDED_MULTIPLE,
    ROUNDED_REPEATED,
    ROUNDED_VALUES,
)
from soak.model import Floats


def grain_of(values: Floats) -> tuple[float, bool]:
    """The smallest step between successive values, and whether the values are rounded to it, hiding smaller changes.

    The values must not all be the same.
    """
    steps = np.abs(np.diff(values))
    grain = float(steps[steps > 0].min())
    parts = values / grain
    multiples = bool((np.abs(parts - np.round(parts)) < ROUNDED_MULTIPLE).all())
    few = len(np.unique(np.round(parts))) <= max(ROUNDED_VALUES * len(values), 2)
    return grain, multiples and few and _still(values) > ROUNDED_REPEATED


def _still(values: Floats) -> float:
    """The share of blocks of values in which nothing moves."""
    count = max(len(values) // ROUNDED_BLOCK, 1)
    begins = np.arange(count) * len(values) // count
    return float(
        np.mean(np.maximum.reduceat(values, begins) == np.minimum.reduceat(values, begins))
    )
