"""What is known of a series within a stretch, and how far a counter rose outside of others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soak.analysis.prepare.stretches import between_stretches, grown, known_between
from soak.model import Phase, Series

SERIES = Series("x", np.arange(5.0), np.array([0, 1, 2, np.nan, 4]))


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        (2.0, math.inf, [2.0, 4.0]),
        (2.5, math.inf, [4.0]),
        (9.0, math.inf, []),
        (0.0, 4.0, [0.0, 1.0, 2.0, 4.0]),
        (0.0, 3.9, [0.0, 1.0, 2.0]),
    ],
)
def test_only_known_values_of_the_stretch_count(
    since: float, until: float, kept: list[float]
) -> None:
    times, values = known_between(SERIES, since, until)
    assert times.tolist() == values.tolist() == kept


def test_a_gap_counts_if_no_stretch_overlaps_it() -> None:
    times = np.arange(6.0)
    aside = [Phase("snapshot", 1.2, 2.5), Phase("snapshot", 4.2, 4.5)]
    assert between_stretches(times, aside).tolist() == [True, False, False, True, False]


def test_without_any_gap_outside_all_count() -> None:
    assert between_stretches(np.arange(3.0), [Phase("snapshot", 0.0, 2.0)]).all()


def test_a_fall_of_a_counter_is_a_restart_and_adds_nothing() -> None:
    counter = Series("x", np.arange(5.0), np.array([1.0, 3.0, 0.0, 4.0, 9.0]))
    assert grown(counter, 0.0, 4.0) == 11.0
    assert grown(counter, 0.0, 4.0, [Phase("snapshot", 3.2, 3.8)]) == 6.0
