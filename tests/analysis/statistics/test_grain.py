"""What a series, or a single value, is rounded to: each condition on either side of its boundary."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.statistics.grain import _still, grain_of, written_grain
from soak.model import Floats


def levels(*each: float, count: int = 10) -> Floats:
    return np.repeat(np.array(each, dtype=np.float64), count)


@pytest.mark.parametrize(
    ("values", "grain", "rounded"),
    [
        (levels(4, 6, 2), 2.0, True),
        (levels(6, 4, 2), 2.0, True),  # a fall counts as a step does
        (levels(0.5, 2.0, 1.0), 1.0, False),  # the steps are of one, the values are not whole
        (levels(4, 9, 7), 2.0, False),
        (levels(4, 6, 8, count=1), 2.0, False),  # three values in three samples
        (levels(4, 6, count=2), 2.0, False),  # it never stands still
        (levels(4, 6, count=5), 2.0, False),
        (levels(4, 6, 4, 6, count=10), 2.0, True),
        (np.array([3.0, 3.0, 3.0, 4.0]), 1.0, False),
        (levels(0.001, 2, 3, 3, 3), 1.0, False),  # off by a thousandth of the grain
        (levels(0.0009, 2, 3, 3, 3), 1.0, True),
        # A fifth as many values as samples, which stand still in two of three blocks.
        (np.concatenate((levels(1, 2), [3, 4, 5, 6, 6, 6, 6, 6, 6, 6])), 1.0, True),
        (np.concatenate((levels(1, 2), [3, 4, 5, 6, 7, 6, 6, 6, 6, 6])), 1.0, False),
        # In one of two blocks.
        (np.concatenate((levels(1), [2, 1, 2, 1, 2, 1, 2, 1, 2, 1])), 1.0, False),
    ],
)
def test_the_smallest_step_and_whether_the_values_keep_to_it(
    values: Floats, grain: float, rounded: bool
) -> None:
    assert grain_of(values) == (grain, rounded)


@pytest.mark.parametrize(
    ("values", "share"),
    [
        (np.full(4, 2.0), 1.0),
        (np.array([1.0, 2.0]), 0.0),
        (np.arange(9.0), 0.0),
        (levels(1, 2), 1.0),
        (np.concatenate((levels(1), np.arange(10.0))), 0.5),
        (np.concatenate((np.arange(10.0), levels(1))), 0.5),
        (np.concatenate((levels(1, 2, 3), np.arange(10.0))), 0.75),
        # Of 25 samples there are two blocks: of twelve and of thirteen.
        (np.concatenate((np.full(12, 1.0), np.full(13, 2.0))), 1.0),
        (np.concatenate((np.full(13, 1.0), np.full(12, 2.0))), 0.5),
        (np.concatenate((np.full(11, 1.0), np.full(14, 2.0))), 0.5),
        (np.concatenate((np.full(19, 1.0), [2.0])), 0.5),
        (np.concatenate((np.full(18, 1.0), [2.0])), 0.0),  # one block only
    ],
)
def test_the_share_of_blocks_that_stand_still(values: Floats, share: float) -> None:
    assert _still(values) == share


@pytest.mark.parametrize(
    ("value", "unit", "grain"),
    [
        (0.0, "bytes", 0.0),
        (1.0, "bytes", 0.0),  # less than any size
        (999.0, "bytes", 0.0),
        (1000.0, "bytes", 1000.0),
        (-1000.0, "bytes", 1000.0),
        (1024.0, "bytes", 1024.0),
        (1100.0, "bytes", 100.0),
        (1536.0, "bytes", 102.4),
        (2048.0, "bytes", 1024.0),
        (2055.0, "bytes", 0.0),
        (3e6, "bytes", 1e6),
        (3.5e6, "bytes", 1e5),
        (3.25e6, "bytes", 1e4),
        (3.0 * 2**20, "bytes", 2.0**20),
        (3.0 * 2**20 + 0.9, "bytes", 2.0**20),  # within a byte
        (3.0 * 2**20 + 1.0, "bytes", 0.0),  # a whole byte off
        (2.0**30, "bytes", 2.0**30),
        (2.5 * 2**30, "bytes", 2.0**30 / 10),
        (7.0, "connections", 1.0),
        (-7.0, "connections", 1.0),
        (7.5, "connections", 0.1),
        (7.25, "connections", 0.01),
        (7.125, "connections", 0.0),
        (0.5, "connections", 0.1),
        (0.05, "connections", 0.01),
        (0.005, "connections", 0.0),
        (7.0 + 6.9e-9, "connections", 1.0),  # within a billionth
        (7.0 + 7.1e-9, "connections", 0.0),
        (2000.0, "connections", 1.0),
    ],
)
def test_what_a_single_value_may_be_rounded_to(value: float, unit: str, grain: float) -> None:
    assert written_grain(value, unit) == pytest.approx(grain)
