"""The rule gc: advice by default, a rule where a limit asks, silence over small heaps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.rules import gc_pressure
from soak.analysis.rules.gc_pressure import COLLECTIONS, _Measure
from soak.analysis.rules.rule import RuleInput
from soak.model import Analysis, Finding, Kind, RuleName, Series, Verdict
from soak.profile import Limits
from tests.analysis.prepared import prepared
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

BIG = gauge("process_resident_memory_bytes", 500e6 + noise(2e5))
SMALL = gauge("process_resident_memory_bytes", 30e6 + noise(2e4))
T = np.arange(SECONDS, dtype=np.float64)


def measure(value: float, asked: float | None = None, unit: str = "seconds") -> _Measure:
    """A pause of a second is advised at most, or as many collections as one a minute."""
    return _Measure(gauge("some_gauge", 1.0, job="a"), value, unit, f"It took {value}", 1.0, asked)


def test_a_limit_takes_the_place_of_the_advice() -> None:
    assert (measure(9.0).limit, measure(9.0, 0.0).limit, measure(9.0, 5.0).limit) == (1.0, 0.0, 5.0)
    assert (measure(9.0).shown_limit, measure(9.0, unit=COLLECTIONS).shown_limit) == (
        "1 s",
        "1 a minute",
    )


EXCUSED = " (a small heap, or a short time, to which the advice does not apply)"


@pytest.mark.parametrize(
    ("seen", "applies", "verdict", "reason", "warned"),
    [
        (measure(1.0), True, "pass", "It took 1.0; at most 1 s is advised.", False),
        (measure(1.5), True, "pass", "It took 1.5; at most 1 s is advised, and no limit is set.", True),
        (measure(1.5), False, "pass", f"It took 1.5; at most 1 s is advised{EXCUSED}.", False),
        (measure(1.0), False, "pass", "It took 1.0; at most 1 s is advised.", False),
        (measure(5.0, 5.0), True, "pass", "It took 5.0; 5 s is allowed.", False),
        (measure(5.5, 5.0), True, "fail", "It took 5.5; 5 s is allowed.", False),
        (measure(0.5, 0.0), True, "fail", "It took 0.5; 0 s is allowed.", False),
    ],
)  # fmt: skip
def test_a_figure_of_the_collector_is_judged_by_its_limit_or_advised_on(
    seen: _Measure,
    applies: bool,
    verdict: str,
    reason: str,
    warned: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gc_pressure, "_measures", lambda *_: iter([seen]))
    monkeypatch.setattr(gc_pressure, "_advice_applies", lambda _: applies)
    asked = RuleInput(prepared(), Limits())
    assert list(gc_pressure.gc_findings(asked)) == [
        Finding(
            RuleName.GC,
            "some_gauge",
            Verdict(verdict),
            reason,
            (("job", "a"),),
            seen.limit,
            seen.value,
            "seconds",
        )
    ]
    said = f"{seen.sentence}, more than the 1 s that is advised; limits.gc turns the advice into a limit"
    assert list(gc_pressure.gc_warnings(asked, ())) == [said] * warned


def test_a_limit_on_what_was_recorded_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc_pressure, "_measures", lambda *_: iter([measure(1.0, 5.0)]))
    limits = Limits.model_validate({"gc": {"pause": "5s", "live": "90%"}})
    found = list(gc_pressure.gc_findings(RuleInput(prepared(), limits)))
    assert [each.series for each in found] == ["some_gauge", "gc_live"]
    assert found[1] == Finding(
        RuleName.GC,
        "gc_live",
        Verdict.INCONCLUSIVE,
        "limits.gc.live is set, but nothing that measures it was recorded; watch the runtime's own metrics page.",
        (),
        0.9,
    )


def resident(*bytes_: float, **labels: str) -> Series:
    return at_seconds("process_resident_memory_bytes", bytes_, **labels)


def at_seconds(name: str, values: Sequence[float], **labels: str) -> Series:
    column = np.array(values, dtype=np.float64)
    return Series(name, np.arange(float(len(column))), column, tuple(labels.items()))


MIB = 2.0**20


@pytest.mark.parametrize(
    ("series", "small"),
    [
        ([], False),
        ([resident(63 * MIB)], True),
        ([resident(64 * MIB)], False),
        ([resident(1.0, np.nan, 64 * MIB, 1.0)], False),
        ([resident(np.nan)], False),
        ([resident(32 * MIB, instance="a"), resident(32 * MIB, instance="b")], False),
        ([resident(32 * MIB, instance="a"), resident(31 * MIB, instance="b")], True),
        # What the runtime reports comes before what the process takes.
        ([at_seconds("go_memstats_sys_bytes", [9 * MIB]), resident(99 * MIB)], True),
        ([at_seconds("go_memstats_sys_bytes", [99 * MIB]), resident(9 * MIB)], False),
        ([at_seconds("go_memstats_sys_bytes", [np.nan]), resident(9 * MIB)], True),
    ],
)
def test_a_heap_is_small_below_64_mib_in_all(series: list[Series], small: bool) -> None:
    assert gc_pressure._small(prepared(series=series)) is small


@pytest.mark.parametrize(
    ("mib", "seconds", "applies"), [(64, 60.0, True), (63, 60.0, False), (64, 59.0, False)]
)
def test_the_advice_is_for_large_heaps_and_a_minute_of_load(
    mib: int, seconds: float, applies: bool
) -> None:
    run = prepared(series=[resident(mib * MIB)], end=seconds)
    assert gc_pressure._advice_applies(run) is applies


LIVE = at_seconds("live", [10.0, 20.0, 30.0, 90.0])


@pytest.mark.parametrize(
    ("live", "taken", "released", "share"),
    [
        (LIVE, None, None, None),
        (LIVE, [100.0, 100.0, 100.0], None, None),
        (LIVE, [100.0] * 4, None, 0.3),
        (LIVE, [100.0] * 4, [50.0] * 4, 0.6),
        (LIVE, [100.0] * 4, [50.0] * 3, 0.3),
        (LIVE, [100.0, 100.0, 100.0, 0.0], None, 0.25),
        (LIVE, [100.0] * 4, [0.0, 0.0, 0.0, 100.0], 0.25),
        (LIVE, [0.0] * 4, None, None),
        (at_seconds("live", [9.0, np.nan, np.nan, np.nan]), [100.0] * 4, None, None),
        (at_seconds("live", [9.0, 1.0, np.nan, np.nan]), [100.0] * 4, None, 0.01),
        (LIVE, [1.0] * 4, [0.5] * 4, 60.0),
    ],
)
def test_the_live_share_is_the_median_of_what_was_kept_from_the_beginning_of_judging_on(
    live: Series, taken: list[float] | None, released: list[float] | None, share: float | None
) -> None:
    """Judging begins at the second of four samples."""
    seen = gc_pressure._share(
        prepared(judged_from=1.0),
        live,
        None if taken is None else at_seconds("taken", taken),
        None if released is None else at_seconds("released", released),
    )
    assert seen == (None if share is None else pytest.approx(share))


def test_each_process_has_its_collections_its_pause_and_its_live_share() -> None:
    collections = Series(
        "go_gc_cycles_total_gc_cycles_total", T[:31], 0.5 * T[:31], (), Kind.COUNTER, "p"
    )
    pause = at_seconds("go_gc_duration_seconds", [0.1, 0.25, 0.1], quantile="1")
    heap, taken = (
        at_seconds("go_gc_heap_live_bytes", [45.0]),
        at_seconds("go_memstats_sys_bytes", [90.0]),
    )
    released = at_seconds("go_memstats_heap_released_bytes", [40.0])
    run = prepared(series=[collections, pause, heap, taken, released])
    advised = [
        (measured.series.name, measured.unit, measured.sentence, measured.limit)
        for measured in gc_pressure._measures(run, Limits())
    ]
    assert advised == [
        (
            collections.name,
            COLLECTIONS,
            "The garbage collector ran 30 times a minute",
            pytest.approx(100.0),
        ),
        (pause.name, "seconds", "The longest pause of the garbage collector was 250 ms", 0.1),
        (heap.name, "ratio", "90% of the memory taken from the system is live", 0.8),
    ]
    limits = Limits.model_validate({"gc": {"cycles": "30/m", "pause": "250ms", "live": "90%"}})
    assert [(each.value, each.asked) for each in gc_pressure._measures(run, limits)] == [
        (pytest.approx(30.0), pytest.approx(30.0)),
        (0.25, 0.25),
        (0.9, 0.9),
    ]


def test_the_series_that_are_looked_at_are_there_by_name() -> None:
    assert list(gc_pressure._measures(prepared(), Limits())) == []
    assert all(collector.live and collector.taken for collector in gc_pressure.HEAPS)
    assert gc_pressure._small(prepared()) is False
    assert all(gc_pressure.FOOTPRINTS)
    assert gc_pressure.FOOTPRINTS[-1] == "process_resident_memory_bytes"
    assert "go_memstats_sys_bytes" in gc_pressure.FOOTPRINTS


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
