"""When a growing level reaches a value: the time left, with the interval that the slope's own interval gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

from soak.model import Trend
from soak.units import show_duration


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Hours until a value is reached, at the slope and at the ends of its interval; `high` is inf where it may never be."""

    hours: float
    low: float
    high: float


def time_until(trend: Trend, value: float) -> TimeLeft | None:
    """The time from the end of the recording to `value`; None while the slope's interval spans zero."""
    room = value - trend.level
    if not (trend.slope_low > 0 and math.isfinite(room)):
        return None
    if room <= 0:
        return TimeLeft(0.0, 0.0, 0.0)
    return TimeLeft(room / trend.slope_per_hour, room / trend.slope_high, room / trend.slope_low)


def show_time_left(left: TimeLeft) -> str:
    """`9 h (7 to 12 h)`, or `2.7 days` where the interval shows as the same."""
    text, low, high = (show_duration(hours * 3600) for hours in (left.hours, left.low, left.high))
    if low == high:
        return text
    number, _, unit = low.partition(" ")
    return f"{text} ({number if high.endswith(f' {unit}') else low} to {high})"
