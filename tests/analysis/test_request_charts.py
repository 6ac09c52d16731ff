"""What is drawn of requests: percentiles, the slowest endpoints, a heat map, failures by kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.request_charts import MOST_CURVES, heat_map, request_charts
from soak.latency import bucket_of, bucket_seconds

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
