"""What is known of a run while it goes on."""

import numpy as np

from soak.latency import Histogram
from soak.live import Live
from soak.model import Sample, Scrape, Verdict
from soak.windows import EndpointWindow, Window


def feed(live: Live, moments: list[float], seconds: int, slope: float, start: int = 0) -> None:
    rng = np.random.default_rng(3)
    for second in range(start, start + seconds):
        moments[0] = float(second)
        seen = EndpointWindow("GET /", 50, {"timeout": 1}, 10, Histogram({200: 49}), Histogram({300: 1}))
        live.saw(Window(float(second), 1.0, 7, (seen,)))
        value = 50e6 + slope * second + rng.normal(0, 1e4)
        samples = (
            Sample("process_resident_memory_bytes", value),
            Sample("process_open_fds", 30.0),
            Sample("what", 1.0),
        )
        live.saw(Scrape("process", float(second), 0.0, 0.0, samples))


def test_the_last_window_and_the_worst_series() -> None:
    moments = [0.0]
    live = Live(5.0, 30 * 86400, clock=lambda: moments[0])
    feed(live, moments, 120, 5000.0)
    live.saw(Scrape("prometheus", 120.0, 0.0, 0.0, (), "refused"))
    progress = live.progress()
    assert (progress.users, progress.rate, progress.error_ratio) == (7, 50.0, 0.02)
    assert (progress.requests, progress.failures, progress.failed_scrapes) == (6000, 120, 1)
    assert progress.p99 is not None
    assert progress.worst is not None
    assert progress.worst.series == "process_resident_memory_bytes"
    assert progress.worst.verdict is Verdict.FAIL


def test_before_anything_is_known_it_says_nothing() -> None:
    progress = Live(5.0, 30 * 86400).progress()
    assert (progress.rate, progress.p99, progress.worst) == (0.0, None, None)


def test_memory_stays_the_same_however_long_the_run() -> None:
    moments = [0.0]
    live = Live(5.0, 30 * 86400, clock=lambda: moments[0])
    feed(live, moments, 5000, 0.0)
    assert {len(track.times) <= 512 for track in live._tracks.values()} == {True}
    assert len(live._tracks) == 2


def test_after_judging_it_rests() -> None:
    moments = [0.0]
    live = Live(5.0, 30 * 86400, clock=lambda: moments[0])
    feed(live, moments, 60, 0.0)
    first = live.progress().worst
    feed(live, moments, 3, 0.0, start=60)
    assert live.progress().worst is first
