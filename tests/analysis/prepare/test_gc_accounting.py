"""Growth that may be garbage: what full collections, or none, say of a heap and of the memory around it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.gc_accounting import collections_between, uncollected
from soak.formats import read_recording
from soak.model import Analysis, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

OPEN = Path(__file__).parents[1] / "data" / "open"
T = np.arange(SECONDS)
RSS, LIVE, USED = (
    "process_resident_memory_bytes",
    "jvm_gc_live_data_size_bytes",
    "jvm_memory_used_bytes",
)
OLD = {"area": "heap", "id": "Tenured Gen"}
STEADY, GROWING = 150e6 + noise(2e4), 20e6 + 5e4 * T + noise(2e4)
MINOR = counter("jvm_gc_pause_seconds_count", T // 3, action="end of minor GC")


def judged(*series: Series) -> Analysis:
    return analyze(recording(*series), Limits())


def verdicts(analysis: Analysis) -> dict[str, Verdict]:
    return {
        finding.series: finding.verdict for finding in analysis.findings if finding.rule == "growth"
    }


def test_live_data_that_no_collection_brought_up_to_date_excuses_nothing() -> None:
    stale = gauge(LIVE, np.full(SECONDS, 6e6))
    analysis = judged(gauge(RSS, 100e6 + GROWING), stale, gauge(USED, GROWING, **OLD), MINOR)
    assert verdicts(analysis) == {RSS: Verdict.INCONCLUSIVE, USED: Verdict.INCONCLUSIVE}
    assert (
        "the garbage collector did not run in full meanwhile, so this may be garbage"
        in analysis.reason
    )


def test_live_data_that_collections_bring_up_to_date_speaks_for_the_heap() -> None:
    steps = np.repeat(np.arange(SECONDS // 10), 10)
    teeth = gauge(USED, 20e6 + 1e6 * (T % 10), **OLD)
    healthy = judged(gauge(RSS, STEADY), gauge(LIVE, 6e6 + 1e3 * (steps % 7)), teeth, MINOR)
    assert verdicts(healthy) == {RSS: Verdict.PASS, LIVE: Verdict.PASS}
    leaking = judged(gauge(RSS, STEADY), gauge(LIVE, 6e6 + 5e5 * steps), teeth, MINOR)
    assert verdicts(leaking)[LIVE] is Verdict.FAIL


def test_memory_that_grows_beside_its_heap_is_open_without_a_collection_in_a_process_s_first_minutes() -> (
    None
):
    flat = gauge(USED, 20e6 + noise(2e4), **OLD)
    assert verdicts(judged(gauge(RSS, 100e6 + GROWING), flat, MINOR))[RSS] is Verdict.INCONCLUSIVE


def test_compiled_code_and_young_objects_are_only_shown() -> None:
    code = gauge(USED, 5e6 + 3e4 * T, area="nonheap", id="CodeHeap 'profiled nmethods'")
    eden = gauge(USED, 5e6 + 3e4 * T, area="heap", id="G1 Eden Space")
    assert verdicts(judged(gauge(RSS, STEADY), code, eden)) == {RSS: Verdict.PASS}
    metaspace = gauge(USED, 5e6 + 3e4 * T, area="nonheap", id="Metaspace")
    assert verdicts(judged(gauge(RSS, STEADY), metaspace))[USED] is Verdict.FAIL


def test_full_collections_are_counted_for_each_instance() -> None:
    nodes = "nodejs_gc_duration_seconds_count"
    major = counter(nodes, T // 100, kind="major", instance="b")
    counters = [
        counter("go_gc_duration_seconds_count", T // 10, instance="a"),
        counter("go_gc_cycles_total_gc_cycles_total", T // 10, instance="a"),
        counter(nodes, T, kind="minor", instance="b"),
        replace(major, times=major.times[150:], values=major.values[150:]),
        counter("jvm_gc_pause_seconds_count", T, action="end of minor GC", instance="c"),
    ]
    # Node's first counter of full ones begins with 1 in the midst, and reaches 2.
    assert collections_between(counters, 0.0, SECONDS) == {"a": 29.0, "b": 2.0, "c": 0.0}


@pytest.mark.parametrize(
    "name", [path.name.removesuffix(".csv.gz") for path in sorted(OPEN.glob("*.csv.gz"))]
)
def test_real_collectors_cause_no_false_alarm_and_hide_no_leak(name: str) -> None:
    analysis = analyze(read_recording(OPEN / f"{name}.csv.gz"), Limits(), judge_unknown=True)
    allowed = (
        {Verdict.PASS, Verdict.INCONCLUSIVE}
        if "none" in name
        else {Verdict.FAIL, Verdict.INCONCLUSIVE}
    )
    assert analysis.verdict in allowed, analysis.reason
    code = [
        finding
        for finding in analysis.findings
        if finding.rule == "growth" and "Code" in dict(finding.labels).get("id", "")
    ]
    assert not code


def test_live_data_that_no_collection_measured_since_it_settled_does_not_pass() -> None:
    ran = np.searchsorted([*range(5, 60, 5), SECONDS - 30], T, side="right")
    majors = counter("jvm_gc_pause_seconds_count", ran, action="end of major GC")
    seldom = judged(gauge(LIVE, 6e6 + 1e3 * (ran % 3)), MINOR, majors)
    [judged_used] = [
        finding
        for finding in seldom.findings
        if finding.rule == "growth" and finding.series == LIVE
    ]
    assert judged_used.verdict is Verdict.INCONCLUSIVE, judged_used.reason
    assert "may grow unseen: it is measured only at collections" in judged_used.reason
    assert (
        "not seen to grow" not in judged_used.reason
    )  # it may well have climbed before it settled
    assert "-XX:G1PeriodicGCInterval" in judged_used.reason


@pytest.mark.parametrize(
    ("cycles", "verdict"), [(T // 10, Verdict.PASS), (T // 100, Verdict.INCONCLUSIVE)]
)
def test_a_live_heap_that_stands_still_passes_only_where_collections_measured_it(
    cycles: np.ndarray, verdict: Verdict
) -> None:
    heap = "go_gc_heap_live_bytes"
    ran = counter("go_gc_duration_seconds_count", cycles)
    analysis = judged(gauge(heap, np.full(SECONDS, 6e6)), ran)
    assert verdicts(analysis)[heap] is verdict


def test_a_last_collection_s_heap_that_a_young_collection_sets_is_measured_by_it() -> None:
    heap = "dotnet_gc_last_collection_heap_size_bytes"
    level = gauge(heap, np.full(SECONDS, 6e6), gc_heap_generation="gen2")
    young = counter("dotnet_gc_collections_total", T // 10, gc_heap_generation="gen0")
    assert verdicts(judged(level, young))[heap] is Verdict.PASS
    old = counter("dotnet_gc_collections_total", T // 100, gc_heap_generation="gen2")
    assert verdicts(judged(level, old))[heap] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("ran", "few"), [({}, False), ({"a": 0.0}, True), ({"a": 99.0}, False), ({"": 0.0}, True)]
)
def test_a_heap_says_nothing_where_too_few_collections_were_counted(
    ran: dict[str, float], few: bool
) -> None:
    assert uncollected(ran, (("instance", "a"),)) is few
