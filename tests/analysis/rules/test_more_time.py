"""Advice of how much longer a run must be."""

import pytest

from soak.analysis.rules.more_time import LEAST, MOST, more_time, more_would_tell
from soak.model import Trend

HOUR = 3600.0


def trend(slope: float, half: float) -> Trend:
    return Trend(slope, slope - half, slope + half, 0.0, None, 100.0)


@pytest.mark.parametrize(
    ("slope", "half", "edges", "said"),
    [
        (1.0, 8.0, [0.0], "3 h more would tell"),  # eight times narrower takes four times as long
        (1.0, 8.0, [0.0, 2.0], "3 h more would tell"),
        (4.0, 8.0, [5.0], "3 h more would tell"),
        (1.0, 0.5, [0.0], "15 min more would tell"),
        (0.0, 1.0, [0.0], "9 h more would tell"),
        (1.0, float("inf"), [0.0], "9 h more would tell"),
        (1.0, 31.0, [0.0], "8.9 h more would tell"),
        (1.0, 32.0, [0.0], "9 h more would tell"),
        (1.0, 8.0, [5.0, 0.5, 9.0], "5.3 h more would tell"),
        (-1.0, 8.0, [0.0], "3 h more would tell"),
        (2.0, 8.0, [], "9 h more would tell"),
        (2.0, 0.0, [2.0], "9 h more would tell"),
        (0.5, 1.0, [0.0], "35 min more would tell"),
    ],
)
def test_an_interval_narrows_with_the_power_of_one_and_a_half(
    slope: float, half: float, edges: list[float], said: str
) -> None:
    assert more_time(trend(slope, half), edges, HOUR) == said
    assert (LEAST, MOST) == (0.25, 9.0)


def test_twice_the_seconds_judged_are_twice_as_much_more() -> None:
    assert more_time(trend(1.0, 8.0), [0.0], 2 * HOUR) == "6 h more would tell"
    assert more_would_tell(90.0) == "1.5 min more would tell"
