"""How growth is put into words: one unit, told once, or each its own."""

from __future__ import annotations

import pytest

from soak.model import Trend
from soak.reporters import wording

MIB = 2.0**20


@pytest.mark.parametrize(
    ("slope", "low", "high", "told"),
    [
        (3.1, 2.9, 3.3, "+3.1 MiB/h (+2.9 to +3.3)"),
        (3.1, -0.5, 13.8, "+3.1 MiB/h (-512 KiB/h to +13.8 MiB/h)"),
        (1480.0, 780.0, 3450.0, "+1.45 GiB/h (+780 MiB/h to +3.37 GiB/h)"),
        (1480.0, 1100.0, 3450.0, "+1.45 GiB/h (+1.07 to +3.37)"),
        (3.1, 0.0, 0.0, "+3.1 MiB/h"),
    ],
)
def test_a_unit_is_left_out_only_where_it_is_the_unit_of_all(
    slope: float, low: float, high: float, told: str
) -> None:
    trend = Trend(slope * MIB, low * MIB, high * MIB, 0.0, 0.0, 0.0)
    assert wording.growth_and_interval(trend, "bytes") == told
