"""What is counted of a run while it goes on."""

import numpy as np
import pytest

from soak.latency import Histogram, bucket_seconds
from soak.live.progress import MOST_ENDPOINTS, MOST_POINTS, OTHERS, Live
from soak.model import Sample, Scrape
from soak.windows import EndpointWindow, Window


def feed(live: Live, seconds: int, slope: float, start: int = 0) -> None:
    rng = np.random.default_rng(3)
    for second in range(start, start + seconds):
        seen = EndpointWindow(
            "GET /", 50, {"timeout": 1}, 10, Histogram({200: 49}), Histogram({300: 1})
        )
        live.saw(Window(float(second), 1.0, 7, (seen,)))
        value = 50e6 + slope * second + rng.normal(0, 1e4)
        samples = (
            Sample("process_resident_memory_bytes", value),
            Sample("process_open_fds", 30.0),
            Sample("what", 1.0),
        )
        live.saw(Scrape("process", float(second), 0.0, 0.0, samples))


def test_the_last_window_and_counts_since_the_start() -> None:
    live = Live()
    feed(live, 120, 5000.0)
    live.saw(Scrape("prometheus", 120.0, 0.25, 0.0, (), "refused"))
    progress = live.progress()
    assert (progress.users, progress.rate, progress.error_ratio) == (7, 50.0, 0.02)
    assert (progress.requests, progress.failures, progress.failed_scrapes) == (6000, 120, 1)
    assert progress.p99 is not None
    assert live.elapsed == 121.0
    totals = live.totals()
    assert (totals.sources["prometheus"].failed, totals.sources["prometheus"].late) == (1, 0.25)
    counts = totals.endpoints["GET /"]
    assert (counts.requests, counts.failures, counts.latency.total()) == (
        6000,
        {"timeout": 120},
        49 * 120,
    )
    assert counts.latency_sum == pytest.approx(49 * 120 * bucket_seconds(200), rel=1e-9)


def test_before_anything_is_known_it_says_nothing() -> None:
    progress = Live().progress()
    assert (progress.rate, progress.p99) == (0.0, None)


def test_memory_stays_the_same_however_long_the_run() -> None:
    live = Live()
    feed(live, 5000, 0.0)
    assert {len(track.times) <= MOST_POINTS for track in live._tracks.values()} == {True}
    assert len(live._tracks) == 2
    seen = (
        EndpointWindow(f"GET /{number}", 1, {}, 1, Histogram({1: 1}), Histogram())
        for number in range(700)
    )
    live.saw(Window(5000.0, 1.0, 1, tuple(seen)))
    endpoints = live.totals().endpoints
    assert len(endpoints) == MOST_ENDPOINTS + 1
    assert endpoints[OTHERS].requests == 700 - (MOST_ENDPOINTS - 1)


def test_a_sparkline_rises_with_its_series() -> None:
    live = Live()
    feed(live, 300, 5000.0)
    values = live.sparkline("process_resident_memory_bytes", (), 12)
    assert len(values) == 12
    assert values == sorted(values)
    assert live.sparkline("what", (), 12) == []
