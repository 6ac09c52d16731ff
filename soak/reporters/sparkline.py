"""A curve as a small line next to its figures: the path of an SVG, or characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.model import Curve

WIDTH, HEIGHT = 120, 24
#: Number of intervals of the run, each drawn by its lowest and highest value: as many as the width
#: can show.
STRETCHES = 48
#: Length of a line in text, and the characters it is made of.
CHARACTERS = 12
BARS = "▁▂▃▄▅▆▇█"


def path(curve: Curve) -> str:
    """Return the `d` of an SVG path within WIDTH by HEIGHT, with peaks kept and gaps bridged; empty with under two values."""
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    times, low, high = curve.times[known], curve.low[known], curve.high[known]
    if len(times) < 2 or times[-1] <= times[0]:
        return ""
    bottom, top = float(low.min()), float(high.max())
    bins = np.minimum(
        ((times - times[0]) / (times[-1] - times[0]) * STRETCHES).astype(int), STRETCHES - 1
    )
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    lows, highs = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    scale = (HEIGHT - 2) / (top - bottom) if top > bottom else 0.0
    points = []
    for place, values in zip(bins[starts], zip(lows, highs, strict=True), strict=True):
        x = (place + 0.5) * WIDTH / STRETCHES
        ys = [HEIGHT - 1 - (value - bottom) * scale if scale else HEIGHT / 2 for value in values]
        points += [f"{x:.4g} {y:.3g}" for y in dict.fromkeys(ys)]
    return "M" + "L".join(points)


def bars(values: Sequence[float]) -> str:
    """Draw values as bars between the lowest and the highest; a change below 1% of the level does not show."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, 0.01 * max(abs(low), abs(high)))
    if span <= 0:
        return BARS[3] * len(values)
    base = low if high - low >= span else (low + high - span) / 2
    return "".join(
        BARS[min(int((value - base) / span * len(BARS)), len(BARS) - 1)] for value in values
    )


def text(curve: Curve) -> str:
    """Return the curve in characters, each the median of an equal part of its samples; empty without a value."""
    known = curve.values[np.isfinite(curve.values)]
    if not len(known):
        return ""
    parts = np.array_split(known, min(CHARACTERS, len(known)))
    return bars([float(np.median(part)) for part in parts])
