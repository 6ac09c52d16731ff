"""Forecast when a growing level reaches a value: the time left, with an interval from that of the slope."""

from __future__ import annotations

import math
from dataclasses import dataclass

from soak.model import Trend
from soak.units import show_duration


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Hours until a value is reached, at the slope and at both ends of its interval (`low` is the soonest)."""

    hours: float
    low: float
    high: float


def time_until(trend: Trend, value: float) -> TimeLeft | None:
    """Return the time from the end of the recording to `value`; None unless the slope is certainly positive."""
    room = value - trend.level
    if not (trend.slope_low > 0 and math.isfinite(room)):
        return None
    if room <= 0:
        return TimeLeft(0.0, 0.0, 0.0)
    return TimeLeft(room / trend.slope_per_hour, room / trend.slope_high, room / trend.slope_low)


def show_time_left(left: TimeLeft) -> str:
    """Return `9 h (7 to 12 h)`, or `2.7 days` if both ends of the interval show as the same."""
    text, low, high = (show_duration(hours * 3600) for hours in (left.hours, left.low, left.high))
    if low == high:
        return text
    number, _, unit = low.partition(" ")
    return f"{text} ({number if high.endswith(f' {unit}') else low} to {high})"
