"""How many requests each endpoint had received by each time, and how much alike the endpoints are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from soak.diagnosis.attribution.request_counts import Mix, mix_at
from soak.model import Floats
from soak.windows import EndpointWindows

TIMES = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 8.0])


def mix(*columns: Any) -> Mix:
    return Mix(tuple("abc"[: len(columns)]), np.array(columns, dtype=np.float64).T)


def asked(
    name: str, *requests: int, ends: Sequence[float] = (2.0, 4.0, 8.0), first: float = 2.0
) -> EndpointWindows:
    """Windows that end at these times, the first of them so many seconds long."""
    n = len(requests)
    none = np.zeros(n, dtype=np.int64)
    return EndpointWindows(
        name,
        np.array(ends[:n]),
        np.array([first, 2.0, 4.0][:n]),
        np.array(requests, dtype=np.int64),
        none,
        none,
        np.zeros(n + 1, dtype=np.int64),
        none[:0],
        none[:0],
    )


def test_the_total_is_that_of_all_units() -> None:
    assert mix([0, 1, 3], [5, 5, 9], [2, 4, 4]).total.tolist() == [7, 10, 16]


def inflation(times: Floats, counts: Floats) -> float:
    """1 / (1 - R**2) of the line over time."""
    return float(1 / (1 - np.corrcoef(times, counts)[0, 1] ** 2))


@pytest.mark.parametrize("origin", [0.0, 500.0])
def test_endpoints_are_as_alike_as_the_one_that_is_least_like_time(origin: float) -> None:
    even, uneven = np.array([0.0, 2, 3, 8, 15, 16]), np.array([3.0, 9, 9, 10, 11, 30])
    expected = inflation(TIMES, uneven)
    assert expected < inflation(TIMES, even)
    times = TIMES + origin
    assert mix(even, uneven).sameness(times) == pytest.approx(expected)
    assert mix(uneven, 1000 * even).sameness(times) == pytest.approx(expected)
    assert mix(1000 * uneven + 77, even).sameness(times) == pytest.approx(expected)


def test_a_single_endpoint_is_like_no_other() -> None:
    assert mix(TIMES).sameness(TIMES) == 1.0


def test_endpoints_that_rise_with_time_alone_are_as_alike_as_can_be() -> None:
    times = np.arange(5.0)
    assert mix(times, 3 * times).sameness(times) == pytest.approx(0.125e12)


@pytest.mark.parametrize("origin", [0.0, 500.0])
def test_a_total_that_rises_with_time_alone_is_not_told_apart_from_it(origin: float) -> None:
    times = TIMES + origin
    assert not mix(3 * TIMES + 50, TIMES).total_apart(times)
    assert mix(3 * TIMES + 50, TIMES**2).total_apart(times)
    # Each is uneven, and their sum is not.
    uneven = np.array([0.0, 4, 0, 4, 0, 4])
    assert not mix(10 * TIMES + uneven, 10 * TIMES - uneven).total_apart(times)


def test_requests_are_spread_evenly_within_their_window_and_there_are_none_outside() -> None:
    told = mix_at(np.array([-1.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 99.0]), [asked("a", 4, 6, 8)])
    assert told.names == ("a",)
    assert told.counts.tolist() == [[0], [1], [2], [4], [7], [10], [14], [18], [18]]
    late = mix_at(np.array([0.5, 1.0, 1.25, 2.0]), [asked("a", 4, 6, 8, first=1.0)])
    assert late.counts.tolist() == [[0], [0], [1], [4]]


def test_endpoints_without_windows_or_without_requests_are_left_out() -> None:
    told = mix_at(
        np.array([0.0, 2.0, 4.0, 8.0]),
        [asked("none"), asked("idle", 0, 0, 0), asked("first", 1, 0, 0), asked("last", 0, 0, 5)],
    )
    assert told.names == ("first", "last")
    assert told.counts.tolist() == [[0, 0], [1, 0], [1, 0], [1, 5]]


def test_without_any_windows_there_are_no_units() -> None:
    told = mix_at(np.array([1.0, 2.0]), [])
    assert (told.names, told.counts.shape) == ((), (2, 0))


def test_a_flow_counts_once_by_its_commonest_step() -> None:
    told = mix_at(
        np.array([0.0, 2.0, 4.0, 8.0]),
        [
            asked("buy / GET /a", 5, 0, 0),
            asked("buy / POST /b", 1, 1, 4),
            asked("GET /c", 2, 0, 0),
            asked("buy / PUT /d", 0, 5, 0),
        ],
    )
    assert told.names == ("buy", "GET /c")
    assert told.counts.tolist() == [[0, 0], [1, 2], [2, 2], [6, 2]]
