"""What a subject and a life are where nothing else is said, and the chosen points of a life."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.statistics.floors import floors
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.process_lives import split
from soak.analysis.statistics.room import room
from soak.model import Floats, Series

TIMES: Floats = np.arange(6, dtype=np.float64)


def test_a_subject_is_an_unlimited_gauge_of_one_process_that_is_judged_from_the_start() -> None:
    subject = Subject(Series("x", TIMES, TIMES), "memory", "bytes")
    assert (subject.integer, subject.collected, subject.falls) == (False, False, False)
    assert (subject.judged_from, subject.process_memory) == (0.0, 0.0)
    assert (subject.borders, subject.gaps, subject.capacity_noun) == (None, (), "")
    optional = (subject.requests, subject.floor, subject.limit, subject.capacity)
    assert (*optional, subject.connections, subject.clock) == (None,) * 6
    (life,) = split(subject)
    assert (life.times.tolist(), life.born) == (TIMES.tolist(), 0.0)
    assert room(subject, 4.0) == 2.0**20


def test_a_life_is_of_single_samples_without_slack() -> None:
    life = LevelPoints(TIMES, TIMES, 0.0)
    assert (life.counts, life.widths, life.slack) == (None, None, 0.0)
    assert floors([life]) == [life]
    assert life.only(TIMES > 3).slack == 0.0


@pytest.mark.parametrize("known", ["neither", "counts", "widths", "both"])
def test_chosen_points_keep_all_that_is_known_of_them(known: str) -> None:
    counts = 10 + TIMES if known in ("counts", "both") else None
    widths = 20 + TIMES if known in ("widths", "both") else None
    life = LevelPoints(TIMES, 2 * TIMES, -3.0, counts, widths, 0.5)
    some = life.only(np.array([True, False, False, True, False, True]))
    assert some.times.tolist() == [0.0, 3.0, 5.0]
    assert some.values.tolist() == [0.0, 6.0, 10.0]
    assert (some.born, some.slack) == (-3.0, 0.5)
    assert (some.counts is None) == (counts is None)
    assert (some.widths is None) == (widths is None)
    if some.counts is not None:
        assert some.counts.tolist() == [10.0, 13.0, 15.0]
    if some.widths is not None:
        assert some.widths.tolist() == [20.0, 23.0, 25.0]
