"""The rule gc: advice by default, a rule where a limit asks, silence over small heaps."""

from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.model import Analysis, Finding, Kind, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

BIG = gauge("process_resident_memory_bytes", 500e6 + noise(2e5))
SMALL = gauge("process_resident_memory_bytes", 30e6 + noise(2e4))
T = np.arange(SECONDS, dtype=np.float64)


def judged(*series: Series, **limits: Any) -> Analysis:
    return analyze(recording(*series), Limits.model_validate(limits))


def gc_of(analysis: Analysis) -> Finding:
    [gc_finding] = [finding for finding in analysis.findings if finding.rule == "gc"]
    return gc_finding


def advice(analysis: Analysis) -> list[str]:
    return [text for text in analysis.warnings if "advised" in text]


OFTEN = counter("go_gc_cycles_total_gc_cycles_total", 3 * T)  # 180 a minute
SELDOM = counter("go_gc_cycles_total_gc_cycles_total", T // 10)


def test_many_collections_are_advised_against_and_fail_nothing() -> None:
    analysis = judged(BIG, OFTEN)
    assert analysis.verdict is Verdict.PASS
    [told] = advice(analysis)
    assert told.startswith(
        "The garbage collector ran 180 times a minute, more than the 100 a minute that is advised"
    )
    assert told.endswith("limits.gc turns the advice into a limit")
    assert gc_of(analysis).reason.endswith("at most 100 a minute is advised, and no limit is set.")
    assert gc_of(analysis).observed == pytest.approx(180, rel=0.01)


def test_few_collections_are_a_quiet_pass() -> None:
    analysis = judged(BIG, SELDOM)
    assert advice(analysis) == []
    assert gc_of(analysis).verdict is Verdict.PASS


def test_a_small_heap_is_collected_often_and_nobody_minds() -> None:
    analysis = judged(SMALL, OFTEN)
    assert advice(analysis) == []
    assert "a small heap" in gc_of(analysis).reason


def test_a_limit_makes_a_rule_of_it_whatever_the_size() -> None:
    assert judged(SMALL, OFTEN, gc={"cycles": "100/m"}).verdict is Verdict.FAIL
    assert judged(BIG, OFTEN, gc={"cycles": "200/m"}).verdict is Verdict.PASS


@pytest.mark.parametrize("key", ["cycles", "pause", "live"])
def test_a_limit_on_what_nobody_recorded_is_never_a_pass(key: str) -> None:
    value = {"cycles": "100/m", "pause": "100ms", "live": "80%"}[key]
    analysis = judged(BIG, gc={key: value})
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert f"limits.gc.{key} is set" in gc_of(analysis).reason


def test_the_longest_pause() -> None:
    pause = gauge("go_gc_duration_seconds", np.where(T == 150, 0.25, 0.001), quantile="1")
    other = gauge("go_gc_duration_seconds", 9.0, quantile="0.5")
    assert (
        "longest pause of the garbage collector was 250 ms"
        in gc_of(judged(BIG, pause, other)).reason
    )
    assert judged(BIG, pause, gc={"pause": "100ms"}).verdict is Verdict.FAIL
    assert judged(BIG, pause, gc={"pause": "300ms"}).verdict is Verdict.PASS


def test_a_mean_pause_where_no_longest_is_told() -> None:
    total = counter("jvm_gc_pause_seconds_sum", np.cumsum(np.where(T == 100, 0.4, 0.01)))
    count = counter("jvm_gc_pause_seconds_count", T + 1.0)
    analysis = judged(BIG, total, count)
    pauses = [
        finding
        for finding in analysis.findings
        if finding.rule == "gc" and finding.unit == "seconds"
    ]
    assert pauses[0].observed == pytest.approx(0.4)


def test_collections_of_a_jvm_that_snapshots_ask_for_are_none_of_the_programs() -> None:
    """Neither how often they run nor how long they take."""
    asked = (("cause", "Heap Inspection Initiated GC"),)
    own = (("cause", "G1 Evacuation Pause"),)
    series = [
        Series(f"jvm_gc_pause_seconds_{name}", T, values, labels, kind, "p")
        for labels, often, pause in ((asked, 5.0, 0.7), (own, 0.1, 0.02))
        for name, values, kind in (
            ("count", often * T, Kind.COUNTER),
            ("max", np.full(len(T), pause), Kind.GAUGE),
        )
    ]
    by_unit = {
        finding.unit: finding for finding in judged(BIG, *series).findings if finding.rule == "gc"
    }
    assert by_unit["collections/min"].observed == pytest.approx(6.0)
    assert by_unit["seconds"].observed == 0.02


def test_minor_collections_of_node_do_not_count() -> None:
    minor = Series(
        "nodejs_gc_duration_seconds_count", T, 5.0 * T, (("kind", "minor"),), Kind.COUNTER, "p"
    )
    major = Series(
        "nodejs_gc_duration_seconds_count", T, T // 30, (("kind", "major"),), Kind.COUNTER, "p"
    )
    findings = [
        finding
        for finding in judged(BIG, minor, major).findings
        if finding.rule == "gc" and "/min" in finding.unit
    ]
    assert [round(collections.observed or 0) for collections in findings] == [2]


def test_the_live_share_of_what_was_taken() -> None:
    live, taken = gauge("go_gc_heap_live_bytes", 450e6), gauge("go_memstats_sys_bytes", 500e6)
    analysis = judged(BIG, live, taken)
    assert "90% of the memory taken from the system is live" in advice(analysis)[0]
    released = gauge("go_memstats_heap_released_bytes", 0)
    assert judged(BIG, live, taken, released, gc={"live": "80%"}).verdict is Verdict.FAIL


def test_a_tiny_heap_that_is_mostly_alive_means_nothing() -> None:
    live, taken = gauge("go_gc_heap_live_bytes", 3.5e6), gauge("go_memstats_sys_bytes", 4e6)
    assert advice(judged(SMALL, live, taken)) == []


def test_replicas_have_their_own_collectors() -> None:
    often = Series(
        "go_gc_cycles_total_gc_cycles_total", T, 3.0 * T, (("instance", "a"),), Kind.COUNTER, "p"
    )
    seldom = Series(
        "go_gc_cycles_total_gc_cycles_total", T, T / 10, (("instance", "b"),), Kind.COUNTER, "p"
    )
    findings = [finding for finding in judged(BIG, often, seldom).findings if finding.rule == "gc"]
    assert {collections.labels: round(collections.observed or 0) for collections in findings} == {
        (("instance", "a"),): 180,
        (("instance", "b"),): 6,
    }
