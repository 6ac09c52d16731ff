"""Live heaps beside their exact size after forced collections."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.rules.live_heaps import BESIDE_EXACT, explain_live_heaps
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding, RuleName, Series, Trend, Verdict
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


def grown(low: float, high: float, verdict: Verdict, series: str = LIVE) -> Finding:
    trend = Trend((low + high) / 2, low, high, high, 0.0, 10e6)
    return Finding(RuleName.GROWTH, series, verdict, f"{series} may have settled.", trend=trend)


@pytest.mark.parametrize(
    ("exact_size", "after"),
    [
        (grown(4.0, 6.0, Verdict.INCONCLUSIVE, EXACT), Verdict.INCONCLUSIVE),
        (grown(3.0, 7.0, Verdict.INCONCLUSIVE, EXACT), Verdict.INCONCLUSIVE),
        (grown(3.0, 7.1, Verdict.INCONCLUSIVE, EXACT), Verdict.FAIL),  # it tells less
        (grown(4.0, 6.0, Verdict.FAIL, EXACT), Verdict.FAIL),
        (grown(4.0, 6.0, Verdict.PASS, EXACT), Verdict.FAIL),
        (replace(grown(4.0, 6.0, Verdict.INCONCLUSIVE, EXACT), trend=None), Verdict.FAIL),
        (grown(4.0, 6.0, Verdict.INCONCLUSIVE, "other"), Verdict.FAIL),
    ],
)
def test_a_live_heap_that_grows_is_undecided_while_its_exact_size_may_have_settled(
    exact_size: Finding, after: Verdict
) -> None:
    """A cache that fills for most of two minutes: the noisy level fits a line, the exact one bends."""
    found = grown(3.0, 7.0, Verdict.FAIL)
    pair = [
        Subject(Series(each.series, np.zeros(1), np.zeros(1)), "the heap", "bytes")
        for each in (found, exact_size)
    ]
    [judged, other] = explain_live_heaps(pair, [found, exact_size], [found, exact_size], 120.0)
    assert judged.verdict is after
    assert other is exact_size
    if after is Verdict.INCONCLUSIVE:
        assert judged.reason.endswith(f"the same heap is undecided: {exact_size.reason}")
        assert judged.adjustments[-1].by == BESIDE_EXACT
    else:
        assert judged is found


def test_a_live_heap_that_tells_enough_is_judged_on_itself() -> None:
    seen = live(gauge(LIVE, 10e6 + noise(1e4)), exact(0.0))
    assert seen.verdict is Verdict.PASS
    assert seen.reason.startswith("The live heap is steady")


def test_a_level_that_no_collection_of_the_runtime_set_is_judged_by_what_snapshots_forced() -> None:
    """Under a light load a JVM collects once in minutes: its level stands still for want of collections."""
    after, live_classes = "jvm_gc_live_data_size_bytes", "jvm_live_classes_bytes"
    still = gauge(after, np.where(TIMES < 30, 5e6, 6e6))
    pauses = counter(
        "jvm_gc_pause_seconds_count", 1.0 + (TIMES >= 30) + (TIMES > 200), action="end of major GC"
    )

    def judged(hourly: float) -> Finding:
        levels = replace(exact(hourly), name=live_classes)
        analysis = analyze(recording(still, pauses, levels), Limits())
        [finding] = [
            each for each in analysis.findings if each.series == after and each.rule == "growth"
        ]
        return finding

    assert judged(0.0).verdict is Verdict.PASS
    assert judged(0.0).adjustments[-1].by == BESIDE_EXACT
    assert judged(300e6).verdict is Verdict.INCONCLUSIVE


def test_a_pool_of_old_objects_is_the_same_heap_as_what_snapshots_measured() -> None:
    """Its labels name the pool; those of the exact size none."""
    pool = "jvm_memory_pool_collection_used_bytes"
    noisy = gauge(pool, 10e6 + UNDER_WAY, pool="G1 Old Gen")
    done = counter("jvm_gc_collection_seconds_count", TIMES, gc="G1 Old Generation")
    levels = replace(exact(0.0), name="jvm_live_classes_bytes")
    found = analyze(recording(noisy, done, levels), Limits()).findings
    [finding] = [each for each in found if each.series == pool and each.rule == "growth"]
    assert finding.verdict is Verdict.PASS
    assert finding.adjustments[-1].by == BESIDE_EXACT


@pytest.mark.parametrize(
    ("held", "after"),
    [
        (grown(-1.0, 6.0, Verdict.PASS, "python_held_bytes"), Verdict.PASS),
        (grown(-1.0, 6.0, Verdict.INCONCLUSIVE, "python_held_bytes"), Verdict.INCONCLUSIVE),
        (grown(-1.0, 2.9, Verdict.PASS, "python_held_bytes"), Verdict.INCONCLUSIVE),
    ],
)
def test_what_python_traced_says_no_more_than_all_that_python_holds(
    held: Finding, after: Verdict
) -> None:
    traced = grown(3.0, 7.0, Verdict.INCONCLUSIVE, "python_traced_memory_bytes")
    nothing = np.zeros(1)
    pair = [
        Subject(Series(each.series, nothing, nothing, source=SNAPSHOT_SOURCE), noun, "bytes")
        for each, noun in ((traced, "what was traced"), (held, "all that Python holds"))
    ]
    [judged, _] = explain_live_heaps(pair, [traced, held], [traced, held], 120.0)
    assert judged.verdict is after
    if after is Verdict.PASS:
        assert judged.reason == "What was traced is part of all that Python holds, which is steady."
