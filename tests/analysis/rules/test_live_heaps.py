"""Live heaps beside their exact size after forced collections."""

from dataclasses import replace

import numpy as np

from soak.analysis import analyze
from soak.model import Finding, Series, Verdict
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

LIVE, EXACT = "go_gc_heap_live_bytes", "go_heap_after_gc_bytes"
TIMES = np.arange(SECONDS)
EVERY_5 = np.arange(2.0, SECONDS, 5.0)
COLLECTED = counter("go_gc_cycles_total_gc_cycles_total", TIMES)
UNDER_WAY = 20e6 * np.random.default_rng(3).poisson(0.7, SECONDS)


def exact(hourly: float) -> Series:
    """The heap's exact size at snapshots, growing by so many bytes an hour."""
    levels = 10e6 + hourly * EVERY_5 / 3600 + noise(1e4, 4)[: len(EVERY_5)]
    return replace(gauge(EXACT, levels, SNAPSHOT_SOURCE), times=EVERY_5)


def live(*series: Series, **limits: object) -> Finding:
    analysis = analyze(recording(*series, COLLECTED), Limits.model_validate(limits))
    [finding] = [
        each for each in analysis.findings if each.series == LIVE and each.rule == "growth"
    ]
    return finding


def test_large_answers_under_way_hide_what_the_exact_size_shows() -> None:
    noisy = gauge(LIVE, 10e6 + UNDER_WAY)
    assert live(noisy).verdict is Verdict.INCONCLUSIVE
    seen = live(noisy, exact(0.0))
    assert seen.verdict is Verdict.PASS
    assert seen.reason.startswith("The live heap moves with requests under way")
    assert seen.trend is not None
    assert seen.trend.slope_high < 5e6
    assert seen.vouched_seconds is not None
    assert seen.vouched_seconds > 1800


def test_an_exact_size_that_grows_excuses_nothing() -> None:
    assert live(gauge(LIVE, 10e6 + UNDER_WAY), exact(300e6)).verdict is not Verdict.PASS


def test_a_live_heap_that_certainly_grows_is_not_excused() -> None:
    growing = gauge(LIVE, 10e6 + 2e5 * TIMES + noise(1e5))
    assert live(growing, exact(0.0)).verdict is Verdict.FAIL
    assert live(gauge(LIVE, 10e6 + UNDER_WAY), exact(0.0), growth={LIVE: "1MiB/h"}).verdict is (
        Verdict.INCONCLUSIVE
    )


def test_a_live_heap_that_tells_enough_is_judged_on_itself() -> None:
    seen = live(gauge(LIVE, 10e6 + noise(1e4)), exact(0.0))
    assert seen.verdict is Verdict.PASS
    assert seen.reason.startswith("The live heap is steady")
