"""The load's own health as series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.generator_series import generator_series
from soak.model import Kind, Recording, RunInfo
from soak.windows import Arrivals, EndpointWindows, GeneratorWindows
from tests.analysis.recordings import windows

TIMES = np.array([2.0, 4.0, 6.0])
NONE = np.full(3, np.nan)


def test_what_was_measured_of_the_load_is_shown() -> None:
    one, asked = np.ones(3), np.array([8.0, np.nan, 2.0])
    shares = (one, 2 * one, 3 * one, 4 * one)
    health = GeneratorWindows(
        TIMES, 2 * one, *shares, asked, 6 * one, 7 * one, 8 * one, NONE, 9 * one, NONE, NONE
    )
    made = list(generator_series(Recording(RunInfo("x"), (), generator=health)))
    assert {each.name: each.values.tolist() for each in made} == {
        "soak_load_cpu_ratio": [1, 1, 1],
        "soak_load_lag_seconds": [3, 3, 3],
        "soak_load_resident_memory_bytes": [4, 4, 4],
        "soak_load_asked_per_second": pytest.approx([4, np.nan, 1], nan_ok=True),
        "soak_load_connections": [8, 8, 8],
    }
    assert all(each.times is TIMES and each.source == "load" for each in made)
    assert list(generator_series(Recording(RunInfo("x"), ()))) == []


def scheduled(late: list[int], dropped: list[int], sent: list[int]) -> EndpointWindows:
    """Windows of so many requests, all of them sent when due or late."""
    counts = np.array(sent)
    offsets = np.arange(4)
    cells = Arrivals(np.array(late), np.array(dropped), offsets, np.zeros(3, np.int64), counts)
    return replace(windows(seconds=3), times=TIMES, requests=counts, arrivals=cells)


def test_late_and_dropped_arrivals_are_added_up_over_endpoints() -> None:
    rows = (scheduled([1, 0, 3], [0, 2, 1], [4, 0, 5]), scheduled([0, 0, 1], [1, 0, 0], [4, 0, 3]))
    late, dropped = generator_series(Recording(RunInfo("x"), (), rows))
    assert (late.name, late.kind, late.source) == ("soak_load_late_ratio", Kind.GAUGE, "load")
    assert late.values.tolist() == pytest.approx([1 / 8, np.nan, 4 / 8], nan_ok=True)
    assert (dropped.name, dropped.kind, dropped.source, dropped.labels) == (
        "soak_load_dropped_total",
        Kind.COUNTER,
        "load",
        (),
    )
    assert dropped.values.tolist() == [1, 3, 4]
    assert late.times is dropped.times is TIMES


@pytest.mark.parametrize(
    ("dropped", "sent", "shown"),
    [
        ([0, 0, 0], [0, 0, 0], 0),
        ([0, 1, 0], [0, 0, 0], 2),
        ([0, 0, 0], [0, 1, 0], 2),
        ([0, 0, 1], [0, 1, 0], 2),
    ],
)
def test_a_schedule_in_which_nothing_was_due_is_not_shown(
    dropped: list[int], sent: list[int], shown: int
) -> None:
    rows = (windows(seconds=3), scheduled([0, 0, 0], dropped, sent))
    assert len(list(generator_series(Recording(RunInfo("x"), (), rows)))) == shown
    assert list(generator_series(Recording(RunInfo("x"), (), rows[:1]))) == []


def test_one_late_request_of_one_is_all() -> None:
    late, _ = generator_series(
        Recording(RunInfo("x"), (), (scheduled([1, 0, 1], [0] * 3, [1, 0, 2]),))
    )
    assert late.values.tolist() == pytest.approx([1, np.nan, 0.5], nan_ok=True)
