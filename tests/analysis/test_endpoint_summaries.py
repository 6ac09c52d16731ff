"""What is summed up of each endpoint: counts, rates, latencies, and how its p99 moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.endpoint_summaries import _differ, _p99_drift, endpoint_summaries
from soak.latency import bucket_of, bucket_seconds
from soak.windows import Arrivals, EndpointWindows
from tests.analysis.recordings import windows


def spread(**more: Any) -> EndpointWindows:
    """A window of 4 s with 1,000 successes, one of each of 1 to 1,000 ms, and as many failures as are given."""
    buckets, counts = np.unique(
        [bucket_of(number / 1000) for number in range(1, 1001)], return_counts=True
    )
    made = replace(
        windows(seconds=1),
        seconds=np.array([4.0]),
        requests=np.array([1000]),
        offsets=np.array([0, len(buckets)]),
        buckets=buckets,
        counts=counts,
    )
    return replace(made, **more)


def test_a_summary_has_the_counts_the_rate_and_the_quantiles() -> None:
    kinds = {"timeout": 2, "status 500": 5, "reset": 3}
    [made] = endpoint_summaries([spread(failures=np.array([10]), failure_kinds=kinds)])
    assert (made.name, made.requests, made.failures, made.rate) == ("GET /", 1000, 10, 250.0)
    latencies = [made.p50, made.p90, made.p95, made.p99, made.p999, made.max]
    expected = [0.5, 0.9, 0.95, 0.99, 0.999, 1.0]
    assert latencies == [bucket_seconds(bucket_of(seconds)) for seconds in expected]
    assert made.failure_kinds == (("status 500", 5), ("reset", 3), ("timeout", 2))
    assert (made.service_p99, made.delayed, made.whole_requests) == (None, False, None)


def test_without_windows_there_is_no_rate() -> None:
    [made] = endpoint_summaries([windows(seconds=0)])
    assert (made.requests, made.rate, made.p99, made.max, made.drift) == (0, 0.0, None, None, None)
    [short] = endpoint_summaries([spread(seconds=np.array([0.5]))])
    assert short.rate == 2000.0


def test_requests_of_the_whole_run_are_told_by_endpoint() -> None:
    load = [windows("GET /a", requests=2, seconds=3), windows("GET /b", requests=3, seconds=3)]
    whole = [windows("GET /b", requests=3, seconds=9)]
    made = endpoint_summaries(load, whole)
    assert [(each.name, each.requests, each.whole_requests) for each in made] == [
        ("GET /a", 6, None),
        ("GET /b", 9, 27),
    ]


def test_the_service_time_is_told_beside_the_latency_where_a_schedule_was_kept() -> None:
    def scheduled(seconds: float) -> EndpointWindows:
        none = np.zeros(1, np.int64)
        cells = np.array([bucket_of(0.1), bucket_of(seconds)]), np.array([10, 990])
        return spread(arrivals=Arrivals(none, none, np.array([0, 2]), *cells))

    [same, apart] = endpoint_summaries([scheduled(0.99), scheduled(0.5)])
    assert same.service_p99 == same.p99
    assert (same.delayed, apart.delayed) == (False, True)
    assert apart.service_p99 == bucket_seconds(bucket_of(0.5))


@pytest.mark.parametrize(
    ("latency", "service", "differ"),
    [
        (None, 1.0, False),
        (1.0, None, False),
        (1.11, 1.0, True),
        (1.1005, 1.0, False),
        (1.1 * 1.0 + 1e-3, 1.0, False),
        (0.0015, 0.0005, False),
        (0.0016, 0.0005, True),
        (0.0, 0.0, False),
        (0.5, 1.0, False),
    ],
)
def test_a_latency_differs_from_its_service_time_by_a_tenth_and_a_millisecond(
    latency: float | None, service: float | None, differ: bool
) -> None:
    assert _differ(latency, service) is differ


def level(*latencies: float, requests: int = 100) -> EndpointWindows:
    """Windows of one second each, with 100 requests of one latency each."""
    return windows(latency=np.array(latencies), requests=requests, seconds=len(latencies))


@pytest.mark.parametrize(
    ("made", "drift"),
    [
        (level(*[0.1] * 3, *[0.9] * 3, *[0.2] * 3), 1.0),
        (level(*[0.2] * 3, *[0.9] * 3, *[0.1] * 3), -0.5),
        (level(*[0.1] * 9), 0.0),
        (level(*[0.1] * 2, 0.9, *[0.1] * 6), -8 / 9),
        (level(*[0.1] * 6, 0.9, *[0.1] * 2), 8.0),
        (level(*[0.1] * 3, 0.9, 0.1, 0.9, *[0.1] * 3), 0.0),
        (level(*[0.1] * 9, requests=99), None),
        (level(*[0.1] * 6), None),
        (level(), None),
        (replace(level(*[0.1] * 9), times=np.arange(51.0, 60.0)), 0.0),
        (
            replace(
                level(*[0.1] * 3, *[0.9] * 3, *[0.2] * 3),
                times=50 + 3 * np.arange(1.0, 10.0),
                seconds=np.full(9, 3.0),
            ),
            1.0,
        ),
    ],
)
def test_drift_is_that_of_p99_from_the_first_third_to_the_last(
    made: EndpointWindows, drift: float | None
) -> None:
    assert _p99_drift(made) == (None if drift is None else pytest.approx(drift, abs=0.04, rel=0.04))


def test_three_hundred_successes_a_third_are_enough_and_one_less_is_not() -> None:
    made = level(*[0.1] * 9)
    for third in (0, 8):
        fewer = made.counts.copy()
        fewer[third] -= 1
        assert _p99_drift(replace(made, counts=fewer)) is None
    between = made.counts.copy()
    between[4] = 0
    assert _p99_drift(replace(made, counts=between)) == 0.0


def test_the_first_third_begins_with_the_first_window() -> None:
    """The first of nine windows took 4 s, and is the first third of 12 s alone."""
    load = level(0.1, *[0.4] * 2, *[0.9] * 2, *[0.2] * 4, requests=300)
    made = replace(load, times=np.arange(4.0, 13.0), seconds=np.array([4.0, *[1.0] * 8]))
    assert _p99_drift(made) == pytest.approx(1.0, rel=0.04)
