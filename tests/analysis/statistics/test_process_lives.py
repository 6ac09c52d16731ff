"""Series cut at restarts and cleaned of what is not a number."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.statistics.process_lives import clean, split
from soak.model import Floats
from tests.analysis.series import noise, subject

SECONDS = np.arange(900.0)


def test_clean_sorts_and_leaves_out_what_is_not_finite() -> None:
    times, values = clean(
        np.array([3.0, 1, 2, 2, np.nan, 5]), np.array([3.0, 1, np.inf, 2, 9, np.nan])
    )
    assert times.tolist() == [1, 2, 3]
    assert values.tolist() == [1, 2, 3]


def test_known_restarts_cut_where_they_are() -> None:
    lives = split(subject(noise(900), borders=(300.0, 600.0, -5.0, 1e9, np.nan)))
    assert [len(life.times) for life in lives] == [300, 300, 300]
    assert [life.born for life in lives] == [0, 300, 600]


def test_what_is_not_judged_is_left_out_but_birth_is_remembered() -> None:
    (life,) = split(subject(noise(900), judged_from=100.0))
    assert life.times[0] == 100
    assert life.born == 0


def test_a_sharp_drop_to_the_first_level_is_a_restart() -> None:
    lives = split(subject(100 + 0.1 * (SECONDS % 500) + 0.2 * noise(900)))
    assert [life.born for life in lives] == pytest.approx([0, 500], abs=5)


def test_where_identity_is_known_a_drop_is_no_restart() -> None:
    assert len(split(subject(100 + 0.1 * (SECONDS % 500) + 0.2 * noise(900), borders=()))) == 1


def test_a_quick_start_after_a_drop_is_a_restart_too() -> None:
    age = SECONDS % 300
    lives = split(subject(100 + 20 * (1 - np.exp(-age / 6)) + 0.2 * noise(900)))
    assert [life.born for life in lives] == pytest.approx([0, 300, 600], abs=3)


@pytest.mark.parametrize(
    "values",
    [
        100 + 10 * (SECONDS / 60 % 1),
        100 + 10 * np.sin(SECONDS / 50),
        100 + 20 * ((SECONDS > 400) & (SECONDS < 420)),
        100 - 0.1 * SECONDS,
        100 + np.cumsum(noise(900)),
        100 + 10 * (SECONDS // 90 % 2),
        100 + 12 * (SECONDS % 97 / 97) * (1 + SECONDS // 97 % 3),
    ],
    ids=["collections", "cycle", "burst", "decline", "wander", "switch", "uneven collections"],
)
def test_what_is_no_restart_is_not_taken_for_one(values: Floats) -> None:
    assert len(split(subject(values + 0.1 * noise(900)))) == 1


def test_a_heap_that_is_collected_falls_without_a_restart() -> None:
    assert len(split(subject(100 + 0.1 * (SECONDS % 500) + 0.2 * noise(900), collected=True))) == 1
