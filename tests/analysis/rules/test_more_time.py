"""Advice of how much longer a run must be."""

import pytest

from soak.analysis.rules.more_time import more_seconds, more_would_tell
from soak.model import Trend

HOUR = 3600.0


def trend(slope: float, half: float) -> Trend:
    return Trend(slope, slope - half, slope + half, 0.0, None, 100.0)


@pytest.mark.parametrize(
    ("slope", "half", "edges", "hours"),
    [
        (1.0, 8.0, [0.0], 3.0),  # eight times narrower takes four times as long
        (1.0, 8.0, [0.0, 2.0], 3.0),
        (4.0, 8.0, [5.0], 3.0),
        (1.0, 0.5, [0.0], 1.0),
        (0.0, 1.0, [0.0], 9.0),
        (1.0, float("inf"), [0.0], 9.0),
        (1.0, 31.0, [0.0], 31 ** (2 / 3) - 1),
        (1.0, 32.0, [0.0], 9.0),
        (1.0, 8.0, [5.0, 0.5, 9.0], 16 ** (2 / 3) - 1),
        (-1.0, 8.0, [0.0], 3.0),
        (2.0, 8.0, [], 9.0),
        (2.0, 0.0, [2.0], 9.0),
        (0.5, 1.0, [0.0], 1.0),
        (1.0, 2.8, [0.0], 1.0),
        (1.0, 2.9, [0.0], 2.9 ** (2 / 3) - 1),
    ],
)
def test_an_interval_narrows_with_the_power_of_one_and_a_half(
    slope: float, half: float, edges: list[float], hours: float
) -> None:
    assert more_seconds(trend(slope, half), edges, HOUR) == pytest.approx(hours * HOUR)


def test_twice_the_seconds_judged_are_twice_as_much_more() -> None:
    assert more_seconds(trend(1.0, 8.0), [0.0], 2 * HOUR) == pytest.approx(6 * HOUR)
    assert more_would_tell(90.0) == "1.5 min more would tell"
    assert more_would_tell(90.0, surely=False) == "1.5 min more may tell"
