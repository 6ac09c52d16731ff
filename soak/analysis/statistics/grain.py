"""The grain of a series, that is what it is rounded to: whole percent, whole MiB, one decimal."""

from __future__ import annotations

import numpy as np

from soak.analysis.thresholds import (
    ROUNDED_BLOCK,
    ROUNDED_MULTIPLE,
    ROUNDED_REPEATED,
    ROUNDED_VALUES,
    WRITTEN_DIGITS,
    WRITTEN_SIZES,
)
from soak.model import Floats


def grain_of(values: Floats) -> tuple[float, bool]:
    """Return the smallest step between successive values, and whether the values are rounded to it.

    Rounding hides smaller changes. The values must not all be the same.
    """
    steps = np.abs(np.diff(values))
    grain = float(steps[steps > 0].min())
    parts = values / grain
    multiples = bool((np.abs(parts - np.round(parts)) < ROUNDED_MULTIPLE).all())
    few = len(np.unique(np.round(parts))) <= ROUNDED_VALUES * len(values)
    return grain, multiples and few and _still(values) > ROUNDED_REPEATED


def written_grain(value: float, unit: str) -> float:
    """Return what a single value may be rounded to: the coarsest decimal of a size up to it; 0 if it looks exact."""
    size = abs(value)
    sizes = [whole for whole in WRITTEN_SIZES if whole <= size] if unit == "bytes" else [1.0]
    grains = sorted(
        (whole / 10**digits for whole in sizes for digits in WRITTEN_DIGITS), reverse=True
    )
    inexact = 1.0 if unit == "bytes" else 1e-9 * size  # bytes are whole, whatever was printed
    misses = [(abs(size - round(size / grain) * grain), grain) for grain in grains if grain <= size]
    return next((grain for miss, grain in misses if miss < inexact), 0.0)


def _still(values: Floats) -> float:
    """Return the share of blocks in which all values are equal."""
    count = max(len(values) // ROUNDED_BLOCK, 1)
    begins = np.arange(count) * len(values) // count
    return float(
        np.mean(np.maximum.reduceat(values, begins) == np.minimum.reduceat(values, begins))
    )
