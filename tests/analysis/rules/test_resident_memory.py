"""Resident memory beside what bounds it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules import resident_memory
from soak.analysis.rules.resident_memory import (
    Judge,
    _alone,
    _alone_above_steady_heap,
    _heap_beside,
    _in_the_light,
    _kept,
    _passed,
    _taken,
    _until_alone,
    beside_failing_heaps,
    explain_resident_memory,
)
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.vouch import bound
from soak.catalog.metrics import COLLECTORS
from soak.model import Analysis, Finding, RuleName, Series, Trend, Verdict
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

TIMES = np.arange(SECONDS)
COLLECTED = counter("go_gc_cycles_total_gc_cycles_total", TIMES // 3)
STEADY_HEAP = gauge("go_gc_heap_live_bytes", 10e6 + noise(1e4, 3))
CREEP = gauge("process_resident_memory_bytes", 50e6 + 2e4 * TIMES + noise(1e4))
SYSTEM = gauge("go_memstats_sys_bytes", np.full(SECONDS, 80e6) + noise(10, 4))


def judged(*series: Series, **limits: object) -> Analysis:
    return analyze(recording(*series, COLLECTED), Limits.model_validate(limits))


def resident(analysis: Analysis) -> tuple[Verdict, str]:
    [growth] = [
        finding
        for finding in analysis.findings
        if finding.series == "process_resident_memory_bytes"
    ]
    return growth.verdict, growth.reason


def test_alone_a_steady_rise_is_a_leak() -> None:
    assert resident(judged(CREEP))[0] is Verdict.FAIL


def test_pages_of_files_are_no_leak() -> None:
    files = gauge("process_resident_anonymous_bytes", 30e6 + noise(1e4, 5))
    verdict, reason = resident(judged(CREEP, files))
    assert verdict is Verdict.PASS
    assert "pages of files" in reason
    growing = gauge("process_resident_anonymous_bytes", 30e6 + 2e4 * TIMES + noise(1e4, 5))
    assert resident(judged(CREEP, growing))[0] is Verdict.FAIL


def test_below_a_steady_total_of_the_runtime_a_rise_must_end() -> None:
    verdict, reason = resident(judged(CREEP, STEADY_HEAP, SYSTEM))
    assert verdict is Verdict.PASS
    assert "fills memory that the runtime reserved earlier" in reason


def test_above_the_total_of_the_runtime_memory_leaks_outside_the_heap() -> None:
    small = gauge("go_memstats_sys_bytes", np.full(SECONDS, 20e6) + noise(10, 4))
    fast = gauge("process_resident_memory_bytes", 50e6 + 3e5 * TIMES + noise(1e4))
    assert resident(judged(fast, STEADY_HEAP, small))[0] is Verdict.FAIL


def test_under_a_growing_total_or_heap_nothing_is_excused() -> None:
    growing = gauge("go_memstats_sys_bytes", 80e6 + 2e4 * TIMES + noise(10, 4))
    assert resident(judged(CREEP, STEADY_HEAP, growing))[0] is not Verdict.PASS
    heap = gauge("go_gc_heap_live_bytes", 10e6 + 2e4 * TIMES + noise(1e4, 3))
    analysis = judged(CREEP, heap, SYSTEM)
    assert analysis.verdict is Verdict.FAIL
    assert resident(analysis)[0] is Verdict.FAIL


def test_a_small_rise_over_a_steady_heap_alone_is_open() -> None:
    verdict, reason = resident(judged(CREEP, STEADY_HEAP))
    assert verdict is Verdict.INCONCLUSIVE
    assert "under a live heap that is steady" in reason
    fast = gauge("process_resident_memory_bytes", 50e6 + 3e5 * TIMES + noise(1e4))
    assert resident(judged(fast, STEADY_HEAP))[0] is Verdict.FAIL


def test_an_explicit_limit_is_never_softened() -> None:
    limit = {"process_resident_memory_bytes": "1MiB/h"}
    assert resident(judged(CREEP, STEADY_HEAP, SYSTEM, growth=limit))[0] is Verdict.FAIL


def test_a_heap_that_climbed_in_steps_excuses_nothing() -> None:
    steps = gauge("go_gc_heap_live_bytes", np.select([TIMES < 60, TIMES < 140], [2e6, 4e6], 8e6))
    assert resident(judged(CREEP, steps, SYSTEM))[0] is Verdict.FAIL


def test_a_few_steps_over_a_steady_heap_are_arenas() -> None:
    """A healthy Go service's first 40 seconds, as recorded: alone, its resident memory leaves the question open."""
    recorded = [
        *(
            12.32,
            14.11,
            14.26,
            14.66,
            14.87,
            14.74,
            14.55,
            14.56,
            14.56,
            14.76,
            14.7,
            14.84,
            14.9,
            14.9,
            14.91,
            14.97,
        ),
        *(
            14.85,
            14.85,
            14.79,
            14.79,
            14.79,
            14.79,
            14.79,
            14.99,
            14.99,
            14.99,
            15.0,
            15.0,
            15.0,
            15.0,
            15.03,
            15.0,
        ),
        *(15.03, 15.0, 15.0, 15.01, 15.01, 15.02, 15.54),
    ]
    memory = gauge("process_resident_memory_bytes", np.array(recorded) * 1e6)
    heap = gauge("go_gc_heap_live_bytes", np.full(len(recorded), 2e6))
    collected = counter("go_gc_cycles_total_gc_cycles_total", np.arange(len(recorded)) // 4)
    run = recording(memory, heap, collected, seconds=len(recorded))
    assert resident(analyze(run, Limits()))[0] is Verdict.PASS


def test_a_heap_that_was_never_collected_excuses_nothing() -> None:
    never = counter("go_gc_cycles_total_gc_cycles_total", np.zeros(SECONDS))
    run = recording(CREEP, STEADY_HEAP, SYSTEM, never)
    assert resident(analyze(run, Limits()))[0] is Verdict.INCONCLUSIVE


def test_a_heap_that_creeps_like_a_young_one_is_steady_enough() -> None:
    rows = json.loads((Path(__file__).parents[2] / "data" / "young_heaps.json").read_text())
    [row] = [row for row in rows if row["minutes"] == 6 and row["series"].startswith("nodejs")]
    levels = gauge("go_gc_heap_live_bytes", np.array(row["values"], float))
    heap = replace(levels, times=np.array(row["times"]))
    seconds = np.arange(360.0)
    memory = gauge("process_resident_memory_bytes", 50e6 + 2e4 * seconds)
    collected = counter("go_gc_cycles_total_gc_cycles_total", seconds // 3)
    run = recording(heap, memory, collected, seconds=360)
    verdict, reason = resident(analyze(run, Limits()))
    assert verdict is Verdict.INCONCLUSIVE
    assert "under a live heap that is steady" in reason


EVERY_5 = np.arange(2.0, SECONDS, 5.0)
GARBAGE = np.random.default_rng(7).gamma(1.0, 40e6, SECONDS)
SWINGING = gauge("process_resident_memory_bytes", 80e6 + GARBAGE)


def after_collections(hourly: float) -> Series:
    """Resident memory as snapshots read it just after a collection, growing by so many bytes an hour."""
    levels = 80e6 + hourly * EVERY_5 / 3600 + noise(2e5, 6)[: len(EVERY_5)]
    read = gauge("process_resident_after_gc_bytes", levels, SNAPSHOT_SOURCE)
    return replace(read, times=EVERY_5)


def test_garbage_alone_leaves_nothing_certain() -> None:
    assert resident(judged(SWINGING))[0] is Verdict.INCONCLUSIVE


def test_resident_memory_is_judged_as_it_is_just_after_collections() -> None:
    analysis = judged(SWINGING, after_collections(0.0))
    assert resident(analysis) == (
        Verdict.PASS,
        "Resident memory just after a collection is steady; the rest of it is garbage.",
    )
    [growth] = [each for each in analysis.findings if each.series == RSS]
    assert growth.trend is not None
    assert growth.trend.level == pytest.approx(80e6, rel=0.02)
    assert growth.trend.slope_high < 30e6
    assert growth.vouched_seconds == pytest.approx(3600 * 40e6 / bound(growth.trend), rel=0.02)
    assert growth.planted is None  # what is planted in garbage is not caught
    assert resident(judged(SWINGING, after_collections(600e6)))[0] is not Verdict.PASS


def test_what_rises_ever_more_slowly_after_collections_is_a_young_process() -> None:
    creep = after_collections(0.0)
    young = replace(creep, values=creep.values + 7e5 * np.log(1 + EVERY_5))
    verdict, reason = resident(judged(SWINGING, young))
    assert verdict is Verdict.PASS, reason


def outside(hourly: float) -> tuple[Series, ...]:
    """A Go process with wide swings of its heap, and memory outside of it that grows by so many bytes an hour."""
    heap = 10e6 + GARBAGE
    rest = 20e6 + hourly * TIMES / 3600 + noise(2e5, 8)
    return (
        gauge("process_resident_memory_bytes", heap + rest),
        gauge("go_memstats_heap_sys_bytes", np.full(SECONDS, 500e6)),
        gauge("go_memstats_heap_released_bytes", 500e6 - heap),
    )


def test_beside_a_steady_heap_what_is_outside_of_it_tells() -> None:
    verdict, reason = resident(judged(*outside(0.0), STEADY_HEAP))
    assert verdict is Verdict.PASS
    assert reason.startswith("Resident memory outside of the heap is steady")
    assert resident(judged(*outside(600e6), STEADY_HEAP))[0] is not Verdict.PASS
    growing = gauge("go_gc_heap_live_bytes", 10e6 + 2e4 * TIMES + noise(1e4, 3))
    assert resident(judged(*outside(0.0), growing))[0] is not Verdict.PASS


def test_what_snapshots_read_outside_of_the_heap_tells_as_well() -> None:
    """A JVM touches ever more pages of its heap, and they are resident after a collection as well."""

    def told(hourly: float, heap: Series = STEADY_HEAP) -> tuple[Verdict, str]:
        touched = after_collections(900e6)
        read = replace(after_collections(hourly), name="process_resident_outside_heap_bytes")
        swinging = gauge(RSS, 60e6 + 900e6 * TIMES / 3600 + GARBAGE)
        return resident(judged(swinging, touched, read, heap))

    verdict, reason = told(0.0)
    assert verdict is Verdict.PASS
    assert reason.startswith("Resident memory outside of the heap is steady")
    assert told(600e6)[0] is not Verdict.PASS
    growing = gauge("go_gc_heap_live_bytes", 10e6 + 2e4 * TIMES + noise(1e4, 3))
    assert told(0.0, growing)[0] is not Verdict.PASS


def test_a_limit_on_resident_memory_is_judged_on_itself() -> None:
    limit = {"process_resident_memory_bytes": "1MiB/h"}
    assert resident(judged(SWINGING, after_collections(0.0), growth=limit))[0] is not Verdict.PASS


def at(name: str, values: Any, **labels: str) -> Series:
    column = np.asarray(values, np.float64)
    return Series(name, np.arange(float(len(column))), column, tuple(labels.items()))


RSS, ANONYMOUS = "process_resident_memory_bytes", "process_resident_anonymous_bytes"
LIVE, SYS = "go_gc_heap_live_bytes", "go_memstats_sys_bytes"
RELEASED = "go_memstats_heap_released_bytes"
MIB = 2.0**20
RISING = Trend(9.0, 8.0, 11.0, 1.0, 0.0, 100.0, p_no_growth=0.1)
STEADY = Trend(0.0, -1.0, 2.0, 1.0, 0.0, 8 * MIB)


def growth(
    name: str = RSS, verdict: Verdict = Verdict.FAIL, trend: Trend | None = RISING, **labels: str
) -> Finding:
    return Finding(RuleName.GROWTH, name, verdict, "It grows.", tuple(labels.items()), trend=trend)


def ready(*series: Series, **more: Any) -> Prepared:
    return replace(prepare(recording(requests=[]), 0.0), series=series, **more)


def subject(series: Series, **more: Any) -> Subject:
    return Subject(series, "resident memory", "bytes", **more)


def judge_as(verdicts: dict[str, Verdict]) -> Judge:
    """A judge that knows each series' verdict by its name."""
    return lambda each: growth(each.series.name, verdicts[each.series.name], STEADY)


def never(_: Subject) -> Finding:
    raise AssertionError("nothing further is to be judged")


def compared_with(monkeypatch: pytest.MonkeyPatch, *companions: str) -> str:
    """The heap that resident memory is compared with beside findings of these series."""

    def light(
        _: Prepared, __: Subject, given: Finding, heap: Finding | None, ___: Judge
    ) -> Finding:
        return given.adjusted("light", Verdict.PASS, heap.series if heap else "no heap")

    monkeypatch.setattr(resident_memory, "_in_the_light", light)
    own, rows = subject(at(RSS, [1.0])), [growth(name) for name in companions]
    [seen] = explain_resident_memory(ready(), [own], [growth()], rows, never)
    return seen.reason


def test_a_heap_in_use_counts_for_processes_that_report_no_live_heap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for collector in COLLECTORS:
        heap, live = (name.partition("{")[0] for name in (collector.heap, collector.live))
        if "{" not in collector.heap and heap:
            seen = compared_with(monkeypatch, heap)
            assert (seen == heap) is not collector.live_after_full
        if "{" not in collector.live and live:
            assert compared_with(monkeypatch, live) == live
    assert compared_with(monkeypatch, "") == "no heap"
    assert compared_with(monkeypatch, "go_memstats_heap_inuse_bytes", LIVE) == LIVE


def test_the_heap_just_after_a_forced_collection_comes_before_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = {
        "go_heap_after_gc_bytes": LIVE,
        "jvm_live_classes_bytes": "jvm_gc_live_data_size_bytes",
        "nodejs_heap_live_bytes": "nodejs_heap_size_used_bytes",
        "python_held_bytes": "python_traced_memory_bytes",
    }
    assert set(measured) == {each.collected for each in COLLECTORS if each.collected}
    for collected, other in measured.items():
        assert compared_with(monkeypatch, other, collected) == collected


OLD = "jvm_memory_pool_collection_used_bytes"


@pytest.mark.parametrize(
    ("resident", "heaps", "verdict"),
    [
        ({}, [({"pool": "G1 Old Gen"}, Verdict.PASS)], Verdict.PASS),
        (
            {"instance": "a"},
            [({"instance": "a", "pool": "G1 Old Gen"}, Verdict.PASS)],
            Verdict.PASS,
        ),
        ({"instance": "a"}, [({"instance": "b", "pool": "G1 Old Gen"}, Verdict.PASS)], None),
        ({}, [({"instance": "b", "pool": "G1 Old Gen"}, Verdict.PASS)], None),
        ({}, [({"pool": "G1 Survivor Space"}, Verdict.PASS)], None),
        (
            {},  # none of several may grow
            [({"pool": "G1 Old Gen"}, Verdict.PASS), ({"pool": "Tenured"}, Verdict.INCONCLUSIVE)],
            Verdict.INCONCLUSIVE,
        ),
    ],
)
def test_a_live_heap_with_more_labels_is_one_of_the_same_process(
    resident: dict[str, str],
    heaps: list[tuple[dict[str, str], Verdict]],
    verdict: Verdict | None,
) -> None:
    companions = [
        replace(growth(OLD, each), labels=tuple(labels.items())) for labels, each in heaps
    ]
    heap = _heap_beside(replace(growth(), labels=tuple(resident.items())), companions)
    assert (heap.verdict if heap else None) is verdict


@pytest.mark.parametrize(
    ("finding", "limit", "explained"),
    [
        (growth(instance="a"), None, "go_gc_heap_live_bytes"),
        (growth(instance="a", verdict=Verdict.INCONCLUSIVE), None, "go_gc_heap_live_bytes"),
        (growth(instance="b"), None, "no heap"),
        (growth(instance="a", verdict=Verdict.PASS), None, None),
        (growth(instance="a"), 5.0, None),
        (growth(LIVE, instance="a"), None, None),  # no whole process
        (growth("unheard_of", instance="a"), None, None),
    ],
)
def test_only_growth_of_a_whole_process_is_explained_by_its_own_heap(
    monkeypatch: pytest.MonkeyPatch, finding: Finding, limit: float | None, explained: str | None
) -> None:
    def light(
        _: Prepared, __: Subject, given: Finding, heap: Finding | None, ___: Judge
    ) -> Finding:
        return given.adjusted("light", Verdict.PASS, heap.series if heap else "no heap")

    monkeypatch.setattr(resident_memory, "_in_the_light", light)
    companions = [growth("unheard_of", instance="a"), growth(LIVE, instance="a")]
    own = subject(at(finding.series, [1.0], **dict(finding.labels)), limit=limit)
    [seen] = explain_resident_memory(ready(), [own], [finding], companions, never)
    assert seen == finding if explained is None else seen.reason == explained


def in_the_light(
    *series: Series,
    heap: Finding | None = growth(LIVE, Verdict.PASS),
    rss: Any = (5 * MIB,) * 8,
    verdicts: dict[str, Verdict] | None = None,
    since: float = 0.0,
    **more: Any,
) -> Finding:
    own = subject(at(RSS, rss), judged_from=since, floor=at("floor", [1.0]))
    prepared = ready(own.series, *series, **more)
    return _in_the_light(prepared, own, growth(), heap, judge_as(verdicts or {}))


CALM = at(LIVE, [2 * MIB] * 8)


def test_beside_steady_anonymous_memory_only_pages_of_files_grew() -> None:
    anonymous = at(ANONYMOUS, [3 * MIB] * 8)
    for heap in (None, growth(LIVE)):
        seen = in_the_light(anonymous, heap=heap, verdicts={ANONYMOUS: Verdict.PASS})
        assert seen.verdict is Verdict.PASS
        assert seen.reason == (
            "Resident memory grew only by pages of files, which the system can drop: the rest of it is steady."
        )
        # Half of 8 MiB may be added, at 2 B/h.
        assert seen.vouched_seconds == min(3600 * 4 * MIB / 2, 3650 * 86400.0)
        assert seen.adjustments[-1].by == "resident memory beside the rest of the process"
    assert in_the_light(anonymous, heap=None, verdicts={ANONYMOUS: Verdict.FAIL}) == growth()


@pytest.mark.parametrize(
    ("series", "more"),
    [
        ((CALM,), {"heap": None}),
        ((CALM,), {"heap": growth(LIVE, Verdict.FAIL)}),
        ((CALM,), {"heap": growth(LIVE, Verdict.INCONCLUSIVE)}),
        ((), {}),
        ((at(LIVE, [MIB] * 6 + [2 * MIB] * 2),), {}),
        ((CALM,), {"collections": {"": 1.0}}),
    ],
)
def test_without_a_heap_that_is_known_to_be_steady_nothing_is_excused(
    series: tuple[Series, ...], more: dict[str, Any]
) -> None:
    taken = at(SYS, [9 * MIB] * 8)
    assert in_the_light(*series, taken, verdicts={SYS: Verdict.PASS}, **more) == growth()


@pytest.mark.parametrize(
    ("rss", "taken", "verdict", "fits"),
    [
        ([5 * MIB] * 8, [4 * MIB] * 8, Verdict.PASS, True),  # 1 MiB lies outside of the heap
        ([5 * MIB + 1] * 8, [4 * MIB] * 8, Verdict.PASS, False),
        ([np.nan] + [5 * MIB] * 7, [4 * MIB] * 7 + [np.nan], Verdict.PASS, True),
        ([5 * MIB] * 8, [4 * MIB] * 8, Verdict.FAIL, False),
        ([5 * MIB] * 8, [4 * MIB] * 6 + [6 * MIB] * 2, Verdict.PASS, False),
    ],
)
def test_below_what_the_runtime_took_a_rise_must_end(
    rss: list[float], taken: list[float], verdict: Verdict, fits: bool
) -> None:
    seen = in_the_light(CALM, at(SYS, taken), rss=rss, verdicts={SYS: verdict})
    assert ("reserved earlier" in seen.reason) is fits
    if fits:
        assert seen.verdict is Verdict.PASS
        assert seen.reason == (
            "Resident memory still fills memory that the runtime reserved earlier (5 MiB), "
            "which is steady, as is the live heap."
        )
        assert seen.vouched_seconds == min(3600 * 4 * MIB / 2, 3650 * 86400.0)


def test_only_the_judged_stretch_must_fit() -> None:
    rss = [9 * MIB] + [5 * MIB] * 7
    for since, fits in ((1.0, True), (0.0, False)):
        seen = in_the_light(
            CALM, at(SYS, [4 * MIB] * 8), rss=rss, verdicts={SYS: Verdict.PASS}, since=since
        )
        assert ("reserved earlier" in seen.reason) is fits


def test_anonymous_memory_is_what_must_fit_where_it_is_known() -> None:
    series = (CALM, at(SYS, [4 * MIB] * 8), at(ANONYMOUS, [4 * MIB] * 8))
    verdicts = {SYS: Verdict.PASS, ANONYMOUS: Verdict.FAIL}
    assert "earlier" in in_the_light(*series, rss=[9 * MIB] * 8, verdicts=verdicts).reason


def test_what_was_given_back_counts_first_and_then_not() -> None:
    """Of 6 MiB 1 was given back; where that is not steady, all of it is."""
    given_back = at(RELEASED, [MIB] * 8)
    for rss, room in ((6, "6 MiB"), (7, "7 MiB")):
        seen = in_the_light(
            CALM,
            at(SYS, [6 * MIB] * 8),
            given_back,
            rss=[rss * MIB] * 8,
            verdicts={SYS: Verdict.PASS},
        )
        assert f"earlier ({room})" in seen.reason


def test_the_floor_of_resident_memory_is_not_that_of_its_bound() -> None:
    floors: list[Series | None] = []

    def judge(each: Subject) -> Finding:
        floors.append(each.floor)
        return growth(each.series.name, Verdict.FAIL)

    own = subject(at(RSS, [MIB] * 8), floor=at("floor", [1.0]))
    prepared = ready(CALM, at(SYS, [9 * MIB] * 8), at(ANONYMOUS, [MIB] * 8))
    _in_the_light(prepared, own, growth(), growth(LIVE, Verdict.PASS), judge)
    assert floors == [None, None]


def alone(trend: Trend | None, seconds: float, verdict: Verdict = Verdict.FAIL) -> Finding:
    prepared = ready(judged_from=10.0, end=10.0 + seconds)
    return _alone_above_steady_heap(prepared, growth(verdict=verdict, trend=trend))


@pytest.mark.parametrize(
    ("slope", "level", "seconds", "small"),
    [
        # Of an hour, a tenth of the level is small; of half an hour, three tenths.
        (9.9, 100.0, 3600.0, True),
        (9.999, 100.0, 3600.0, True),
        (59.995, 100.0, 1800.0, True),
        (10.0, 100.0, 3600.0, False),
        (9.9, -100.0, 3600.0, True),
        (4.9, 100.0, 7200.0, True),
        (5.1, 100.0, 7200.0, False),
        (59.0, 100.0, 1800.0, True),
        (61.0, 100.0, 1800.0, False),
        (-9.9, 100.0, 3600.0, True),
    ],
)
def test_a_small_rise_above_a_steady_heap_that_fails_is_left_open(
    slope: float, level: float, seconds: float, small: bool
) -> None:
    trend = replace(RISING, slope_per_hour=slope, level=level)
    assert alone(trend, seconds).verdict is (Verdict.INCONCLUSIVE if small else Verdict.FAIL)
    opened = alone(trend, seconds, Verdict.INCONCLUSIVE)
    assert opened == growth(verdict=Verdict.INCONCLUSIVE, trend=trend)


def test_how_long_a_run_would_tell_of_a_small_rise() -> None:
    seen = alone(RISING, 3600.0)
    assert seen.reason == (
        "Resident memory creeps by 9 B/h under a live heap that is steady: settling, or growth outside the managed heap; "
        "15 min more would tell."
    )
    slow = alone(replace(RISING, slope_per_hour=39.0), 1800.0)
    assert slow.reason.endswith("; 15 min more would tell.")


@pytest.mark.parametrize(
    ("more", "passes"),
    [
        ({"p_no_growth": 0.51}, True),
        ({"p_no_growth": 0.5}, False),
        ({"p_no_growth": 0.51, "doubt": "too few steps"}, False),
        ({"p_no_growth": 0.51, "slope_per_hour": 10.0}, False),
        ({"p_no_growth": 0.51, "slope_high": np.inf}, False),
        ({"p_no_growth": 0.1, "stepwise": True}, True),
        ({"p_no_growth": 0.1, "stepwise": True, "slope_high": np.inf}, True),
    ],
)
def test_what_most_likely_settled_or_moved_in_steps_passes(
    more: dict[str, Any], passes: bool
) -> None:
    seen = alone(replace(RISING, **more), 3600.0, Verdict.INCONCLUSIVE)
    assert (seen.verdict is Verdict.PASS) is passes
    if passes:
        arenas = "moved in a few steps" if more.get("stepwise") else "has most likely settled"
        assert seen.reason.startswith(f"Resident memory {arenas}")
        assert seen.vouched_seconds is None


def test_without_a_trend_nothing_is_said() -> None:
    assert alone(None, 3600.0) == growth(trend=None)
    unbound = replace(RISING, slope_high=np.inf)
    assert alone(unbound, 3600.0) == growth(trend=unbound)


@pytest.mark.parametrize(
    ("slope", "level", "seconds", "more"),
    [
        (5.0, 100.0, 3600.0, 3600.0),
        (8.0, 100.0, 3600.0, 900.0),
        (8.0, -100.0, 3600.0, 900.0),
        (7.9985, 100.0, 3600.0, 1800.0),
        (20.0, 100.0, 3600.0, 900.0),  # at least a quarter of the run is advised
        (0.01, 100.0, 3600.0, 90000.0),
        (0.3885, 100.0, 3600.0, 89100.0),
        (0.381, 100.0, 3600.0, 90000.0),
        # After 0.625 h a quarter of the level is no longer small, after 0.75 h a fifth.
        (41.0, 100.0, 1800.0, 450.0),
        (39.0, 100.0, 1800.0, 900.0),
    ],
)
def test_after_which_time_a_rise_is_no_longer_small(
    slope: float, level: float, seconds: float, more: float
) -> None:
    assert _until_alone(replace(RISING, slope_per_hour=slope, level=level), seconds) == more


@pytest.mark.parametrize(
    ("seconds", "share"), [(0.0, 0.5), (900.0, 0.4), (1800.0, 0.3), (3600.0, 0.1), (7200.0, 0.1)]
)
def test_what_resident_memory_may_rise_by_fades_within_an_hour(
    seconds: float, share: float
) -> None:
    assert _alone(seconds) == pytest.approx(share)


def test_a_pass_vouches_as_long_as_the_series_that_bounds_it() -> None:
    beside = subject(at(ANONYMOUS, [1.0]))
    trend = replace(STEADY, slope_high=2e6)
    passed = _passed(growth(), "It is steady", beside, growth(trend=trend))
    assert (passed.reason, passed.vouched_seconds) == ("It is steady.", 3600 * 4 * MIB / 2e6)
    for other, judged_ in ((None, growth()), (beside, None), (beside, growth(trend=None))):
        assert _passed(growth(), "It is steady", other, judged_).vouched_seconds is None


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([100, 100, 500, 500, 500, 500, 105, 105], True),
        ([100, 100, 500, 500, 500, 500, 106, 106], False),
        ([100, 900, 500, 500, 500, 500, 500, 550], True),
        ([100, 900, 500, 500, 500, 500, 500, 552], False),
        ([100, 200, 300, 400, 500, 500, 500, 500, 220, 220, 220, 220], False),
        ([100, 500, 500, 105], True),
        ([100, 500, 500, 106], False),
        ([100, 500, 105, np.nan], True),
        ([100, 200, 100], True),
        ([100, 1000, 106], False),
        ([100], True),
        ([np.nan], False),
        ([], False),
    ],
)
def test_a_level_was_kept_if_its_last_quarter_is_hardly_above_its_first(
    values: list[float], kept: bool
) -> None:
    assert _kept(at(SYS, [1e9, *values]), subject(CREEP, judged_from=1.0)) is kept


def test_what_the_runtime_took_is_known_of_runtimes_that_say_what_they_give_back() -> None:
    own = subject(at(RSS, [1.0]))
    total, short = at(SYS, [7.0, 8.0]), at(RELEASED, [1.0])
    assert _taken(ready(), own) == []
    assert _taken(ready(total), own) == [total]
    assert _taken(ready(total, short), own) == [total]
    less, whole = _taken(ready(total, at(RELEASED, [1.0, 3.0])), own)
    assert (less.values.tolist(), whole) == ([6.0, 5.0], total)
    assert _taken(ready(at(SYS, [7.0], instance="b")), own) == []


def slopes(low: float, high: float, verdict: Verdict, series: str = RSS) -> Finding:
    trend = Trend((low + high) / 2, low, high, high, 0.0, 50e6)
    return replace(growth(series, verdict), trend=trend, reason="It may have settled.")


AFTER_GC = "nodejs_heap_live_bytes"


@pytest.mark.parametrize(
    ("heap", "verdict"),
    [
        (slopes(1.0, 9.0, Verdict.INCONCLUSIVE, AFTER_GC), Verdict.INCONCLUSIVE),
        (slopes(1.0, 8.0, Verdict.INCONCLUSIVE, AFTER_GC), Verdict.INCONCLUSIVE),
        (slopes(1.0, 7.9, Verdict.INCONCLUSIVE, AFTER_GC), Verdict.FAIL),  # it explains a part
        (slopes(0.0, 9.0, Verdict.INCONCLUSIVE, AFTER_GC), Verdict.FAIL),  # or nothing
        (slopes(1.0, 9.0, Verdict.FAIL, AFTER_GC), Verdict.FAIL),
        (slopes(1.0, 9.0, Verdict.INCONCLUSIVE, "go_memstats_heap_inuse_bytes"), Verdict.FAIL),
        (
            replace(slopes(1.0, 9.0, Verdict.INCONCLUSIVE, AFTER_GC), trend=None),
            Verdict.FAIL,
        ),
    ],
)
def test_memory_that_grows_as_a_live_heap_does_is_as_undecided(
    heap: Finding, verdict: Verdict
) -> None:
    found = slopes(8.0, 12.0, Verdict.FAIL)
    judged = resident_memory._with_heap(found, heap)
    assert judged.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert judged.reason.endswith("which is undecided: It may have settled.")
    passed = slopes(8.0, 12.0, Verdict.PASS)
    assert resident_memory._with_heap(passed, heap) is passed


def test_an_undecided_rise_refers_to_the_heap_in_it_that_fails() -> None:
    rises = Trend(5e6, -1e6, 9e6, 1e6, 0.1, 50e6, None, ())
    undecided = replace(
        growth(verdict=Verdict.INCONCLUSIVE), trend=rises, more_seconds=600.0, reason="Perhaps."
    )
    heap = growth(LIVE, verdict=Verdict.FAIL)
    told, other = beside_failing_heaps([undecided, heap])
    assert other is heap
    assert (told.verdict, told.more_seconds) == (Verdict.INCONCLUSIVE, None)
    assert told.reason == (
        "Resident memory is undecided by itself: in it, the live heap surely grows."
    )
    for kept in (
        replace(undecided, limit=0.0),
        replace(undecided, trend=replace(rises, slope_per_hour=-1.0)),
        replace(undecided, verdict=Verdict.FAIL),
        replace(undecided, trend=None),
    ):
        assert beside_failing_heaps([kept, heap])[0] is kept
    assert beside_failing_heaps([undecided])[0] is undecided
    steady = growth(LIVE, verdict=Verdict.PASS)
    assert beside_failing_heaps([undecided, steady])[0] is undecided
