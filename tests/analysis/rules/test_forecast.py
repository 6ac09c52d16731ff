"""When a growing level reaches a value."""

from __future__ import annotations

import math

import pytest

from soak.analysis.rules.forecast import TimeLeft, show_time_left, time_until
from soak.model import Trend


def trend(low: float, level: float = 100.0) -> Trend:
    return Trend(4.0, low, 8.0, 1.0, None, level)


@pytest.mark.parametrize(
    ("low", "value", "left"),
    [
        (2.0, 140.0, TimeLeft(10.0, 5.0, 20.0)),
        (0.0, 140.0, None),
        (-1.0, 140.0, None),
        (0.5, 140.0, TimeLeft(10.0, 5.0, 80.0)),
        (2.0, 100.0, TimeLeft(0.0, 0.0, 0.0)),
        (2.0, 99.0, TimeLeft(0.0, 0.0, 0.0)),
        (2.0, 99.5, TimeLeft(0.0, 0.0, 0.0)),
        (2.0, 100.5, TimeLeft(0.125, 0.0625, 0.25)),
        (2.0, math.inf, None),
        (math.nan, 140.0, None),
    ],
)
def test_the_time_left_is_what_is_missing_by_the_slope(
    low: float, value: float, left: TimeLeft | None
) -> None:
    assert time_until(trend(low), value) == left


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (TimeLeft(9.0, 7.0, 12.0), "9 h (7 to 12 h)"),
        (TimeLeft(64.8, 64.7, 64.9), "2.7 days"),
        (TimeLeft(1.6, 1.0, 3.0), "1.6 h (60 min to 3 h)"),
        (TimeLeft(0.0, 0.0, 0.0), "0 s"),
        (TimeLeft(240_000.0, 240_000.0, 240_000.0), "10,000 days"),
    ],
)
def test_the_time_left_is_shown_with_its_interval(left: TimeLeft, said: str) -> None:
    assert show_time_left(left) == said
