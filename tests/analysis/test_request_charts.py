"""What is drawn of requests: percentiles, the slowest endpoints, a heat map, failures by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.request_charts import MOST_CURVES, heat_map, request_charts
from soak.latency import GROWTH, LOWEST, bucket_of, bucket_seconds
from soak.model import Chart, Verdict
from soak.windows import EndpointWindows

from .recordings import SECONDS, recording, windows


def test_latency_has_a_line_for_each_percentile_and_a_heat_map() -> None:
    charts = list(request_charts(prepare(recording(requests=[windows(spread=0.5)]), 0.0), None))
    lines, heat = charts
    assert [curve.label for curve in lines.curves] == ["p50", "p90", "p95", "p99", "p99.9"]
    assert [curve.series for curve in lines.curves][:2] == [
        "http_request_p50_seconds",
        "http_request_p90_seconds",
    ]
    assert heat.heat is not None
    assert not heat.curves


def test_the_slowest_endpoints_have_a_line_each() -> None:
    many = [
        windows(f"GET /{number}", latency=0.01 * (1 + number)) for number in range(MOST_CURVES + 2)
    ]
    by_endpoint = list(request_charts(prepare(recording(requests=many), 0.0), None))[2]
    assert by_endpoint.title == "p99 latency by endpoint, the slowest 8 of 10"
    assert [curve.label for curve in by_endpoint.curves[:2]] == ["GET /9", "GET /8"]
    assert by_endpoint.curves[0].series == 'http_request_p99_seconds{endpoint="GET /9"}'


def test_the_heat_map_counts_every_request_in_its_time_and_latency() -> None:
    slow_later = windows(latency=np.where(np.arange(SECONDS) < 150, 0.01, 1.0))
    heat = heat_map(slow_later)
    assert heat.counts.sum() == slow_later.counts.sum()
    assert heat.counts[0, :90].sum() == heat.counts[-1, 90:].sum() == 150 * 50
    edges = np.geomspace(heat.low, heat.high, len(heat.counts) + 1)
    for row, seconds in ((0, 0.01), (-1, 1.0)):
        middle = bucket_seconds(bucket_of(seconds))
        assert edges[row if row == 0 else -2] < middle < edges[1 if row == 0 else -1]


def test_failures_are_drawn_by_kind_the_most_frequent_first() -> None:
    failed = {"timeout": np.array([[3, 2]]), "status 500": np.array([[3, 10], [4, 20]])}
    chart = list(
        request_charts(prepare(recording(requests=[replace(windows(), failed=failed)]), 0.0), None)
    )[-1]
    assert [curve.label for curve in chart.curves] == ["status 500", "timeout"]
    assert chart.curves[0].values[:6].tolist() == [0, 0, 0, 10, 20, 0]


def test_kinds_beyond_the_most_frequent_are_one_curve() -> None:
    failed = {f"kind {number}": np.array([[0, 100 - number]]) for number in range(MOST_CURVES + 3)}
    chart = list(
        request_charts(prepare(recording(requests=[replace(windows(), failed=failed)]), 0.0), None)
    )[-1]
    assert chart.curves[-1].label == "3 more kinds"
    assert chart.curves[-1].values[0] == pytest.approx(92 + 91 + 90)


def test_without_requests_there_is_none() -> None:
    assert list(request_charts(prepare(recording(requests=[]), 0.0), None)) == []
    assert list(request_charts(prepare(recording(requests=[windows(requests=0)]), 0.0), None)) == []


def drawn(*requests: EndpointWindows, verdict: Verdict | None = None) -> list[Chart]:
    made = recording(requests=requests, seconds=len(requests[0].times))
    return list(request_charts(prepare(made, 0.0), verdict))


def test_only_the_chart_of_latency_is_judged() -> None:
    lines, heat = drawn(windows(seconds=9), verdict=Verdict.FAIL)
    assert (lines.title, lines.unit, lines.verdict, lines.group) == (
        "Latency",
        "seconds",
        Verdict.FAIL,
        "Latency",
    )
    assert (heat.verdict, heat.group, heat.unit) == (None, "Latency", "seconds")
    assert len(lines.curves[0].times) == 9


def test_without_a_success_only_failures_are_drawn() -> None:
    failed = {"timeout": np.array([[0, 5]])}
    lost = replace(windows(requests=5, failures=5, seconds=9), failed=failed)
    assert [chart.title for chart in drawn(lost)] == ["Failures by kind"]
    assert [chart.title for chart in drawn(lost, replace(lost, endpoint="GET /b"))] == [
        "Failures by kind"
    ]


@pytest.mark.parametrize(
    ("endpoints", "title"),
    [
        (1, None),
        (2, "p99 latency by endpoint"),
        (8, "p99 latency by endpoint"),
        (9, "p99 latency by endpoint, the slowest 8 of 9"),
    ],
)
def test_up_to_eight_endpoints_have_a_line_each(endpoints: int, title: str | None) -> None:
    many = [windows(f"GET /{number}", seconds=9) for number in range(endpoints)]
    charts = drawn(*many)
    assert [chart.title for chart in charts][2:] == ([] if title is None else [title])
    if title is not None:
        assert len(charts[2].curves) == min(endpoints, 8)


def test_an_endpoint_without_a_success_is_the_fastest() -> None:
    lost = windows("GET /lost", requests=5, failures=5, seconds=9)
    by_endpoint = drawn(
        lost, windows("GET /a", seconds=9), windows("GET /b", latency=2.0, seconds=9)
    )
    assert [curve.label for curve in by_endpoint[2].curves] == ["GET /b", "GET /a", "GET /lost"]


def test_the_slowest_is_so_by_its_p99_whatever_its_fastest_requests_take() -> None:
    mixed = np.where(np.arange(9) % 2 == 0, 0.001, 5.0)
    load = [windows("GET /a", seconds=9), windows("GET /mixed", latency=mixed, seconds=9)]
    assert [curve.label for curve in drawn(*load)[2].curves] == ["GET /mixed", "GET /a"]


@pytest.mark.parametrize(("kinds", "last"), [(8, "kind 7"), (9, "1 more kinds")])
def test_up_to_eight_kinds_of_failure_have_a_curve_each(kinds: int, last: str) -> None:
    failed = {f"kind {number}": np.array([[0, 100 - number]]) for number in range(kinds)}
    load = replace(windows(seconds=9), seconds=np.full(9, 4.0), failed=failed)
    chart = drawn(load)[-1]
    assert chart.curves[-1].values[0] == (100 - (kinds - 1)) / 4
    assert [curve.label for curve in chart.curves][-1] == last
    assert len(chart.curves) == kinds


def test_failures_are_drawn_per_second_over_all_endpoints() -> None:
    load = replace(windows(seconds=3), seconds=np.full(3, 4.0))
    first = replace(load, failed={"a": np.array([[0, 8], [2, 4]])})
    second = replace(load, failed={"a": np.array([[2, 4]]), "b": np.array([[1, 40], [1, 20]])})
    chart = drawn(first, second)[-1]
    assert {curve.label: curve.values.tolist() for curve in chart.curves} == {
        "b": [0.0, 15.0, 0.0],
        "a": [2.0, 0.0, 2.0],
    }
    assert (chart.unit, chart.group) == ("failures/s", "Load and errors")


def histogram(
    times: Sequence[float], seconds: Sequence[float], cells: Sequence[dict[int, int]]
) -> EndpointWindows:
    """Windows with these counts by bucket."""
    load = windows(seconds=len(times))
    return replace(
        load,
        times=np.array(times),
        seconds=np.array(seconds),
        offsets=np.concatenate(([0], np.cumsum([len(each) for each in cells]))).astype(np.int64),
        buckets=np.array([bucket for each in cells for bucket in each], np.int64),
        counts=np.array([count for each in cells for count in each.values()], np.int64),
    )


def test_a_heat_map_has_five_buckets_a_row_from_the_lowest_that_has_any() -> None:
    """Of windows of 1, 3 and 2 s from 4 to 10 s; the middles 4.5, 6.5 and 9 s are in columns 0, 1 and 2 of three."""
    load = histogram([5.0, 8.0, 10.0], [1.0, 3.0, 2.0], [{10: 1, 14: 2}, {15: 4}, {20: 8, 24: 16}])
    heat = heat_map(load)
    assert (heat.start, heat.end) == (4.0, 10.0)
    assert heat.counts.tolist() == [[3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 24.0]]
    assert heat.low == pytest.approx(LOWEST * GROWTH**9)
    assert heat.high == pytest.approx(LOWEST * GROWTH**24)
    one = heat_map(histogram([5.0], [1.0], [{12: 3}]))
    assert one.counts.tolist() == [[3.0]]
    assert one.high == pytest.approx(LOWEST * GROWTH**14)


def test_a_window_belongs_to_the_column_of_its_middle() -> None:
    """Of four windows from 0 to 8 s the columns are 2 s wide; the middle of each long one lies in the next but one."""
    load = histogram([1.0, 6.0, 7.0, 8.0], [1.0, 5.0, 1.0, 1.0], [{0: 1}, {0: 2}, {0: 4}, {0: 8}])
    assert heat_map(load).counts.tolist() == [[1.0, 2.0, 0.0, 12.0]]


def test_a_window_that_took_no_time_at_the_end_is_in_the_last_column() -> None:
    load = histogram([1.0, 2.0, 2.0], [1.0, 1.0, 0.0], [{0: 1}, {0: 2}, {0: 4}])
    assert heat_map(load).counts.tolist() == [[1.0, 0.0, 6.0]]


def test_a_heat_map_has_no_more_than_180_columns() -> None:
    for seconds, columns in ((180, 180), (181, 180), (360, 180), (90, 90)):
        heat = heat_map(windows(seconds=seconds, requests=1))
        assert heat.counts.shape == (1, columns)
        assert heat.counts.sum() == seconds
        assert heat.counts.max() == (1 if seconds <= 180 else 2)
