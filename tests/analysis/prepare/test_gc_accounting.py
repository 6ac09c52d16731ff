"""Growth that may be garbage: what full collections, or none, say of a heap and of the memory around it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.gc_accounting import (
    _rise,
    are_counted,
    collections_between,
    collections_of,
    more_collections,
    sooner_by,
    uncollected,
    with_few_collections,
    with_live_heap,
)
from soak.formats import read_recording
from soak.model import Analysis, Finding, RuleName, Series, Trend, Verdict
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
    ("ran", "few"),
    [
        ({}, False),
        ({"a": 0.0}, True),
        ({"a": 1.0}, True),
        ({"a": 2.0}, False),
        ({"a": 99.0}, False),
        ({"": 0.0}, True),
        ({"a": 2.0, "": 0.0}, False),
    ],
)
def test_a_heap_says_nothing_where_too_few_collections_were_counted(
    ran: dict[str, float], few: bool
) -> None:
    assert uncollected(ran, (("instance", "a"),)) is few


def test_collections_are_counted_of_a_process_or_of_the_only_one() -> None:
    assert are_counted({"a": 0.0}, (("instance", "a"),))
    assert are_counted({"": 0.0}, (("instance", "a"),))
    assert not are_counted({"b": 0.0}, (("instance", "a"),))


def short(name: str, *values: float, start: Any = 0.0, counts: Any = True, **labels: str) -> Series:
    """A counter (or a gauge) of one value a second from `start` on."""
    make = counter if counts else gauge
    made = make(name, values, **labels)
    return replace(made, times=made.times + start)


GOAL, GOGC, MEMORY_LIMIT, LIVE_HEAP = (
    "go_memstats_next_gc_bytes",
    "go_gc_gogc_percent",
    "go_gc_gomemlimit_bytes",
    "go_gc_heap_live_bytes",
)


@pytest.mark.parametrize(
    ("percent", "factor"),
    [
        (100.0, 2.0),
        (50.0, 1.5),
        (300.0, 4.0),
        (0.5, 1.005),
        (0.0, 2.0),  # not known, so the usual 100
        (-1.0, 2.0),
        (-0.5, 2.0),
        (999_999.5, 1 + 9999.995),
        (1e6, 2.0),
        (np.inf, 2.0),
        (np.nan, 2.0),
        (None, 2.0),
    ],
)
def test_the_live_heap_is_the_goal_without_what_gogc_adds(
    percent: float | None, factor: float
) -> None:
    goal = short(GOAL, 3e6, 6e6, counts=False)
    beside = [] if percent is None else [short(GOGC, 40.0, percent, counts=False)]
    *given, live = with_live_heap([goal, *beside])
    assert given == [goal, *beside]
    assert (live.name, live.labels) == (LIVE_HEAP, ())
    assert live.values == pytest.approx([3e6 / factor, 6e6 / factor])


@pytest.mark.parametrize(
    ("limit", "known"),
    [
        (100.0, [True, True, False]),
        (101.2, [True, True, True]),
        (0.0, [True, True, True]),
        (2.0, [False, False, False]),
        (None, [True, True, True]),
    ],
)
def test_near_the_memory_limit_the_live_heap_is_unknown(
    limit: float | None, known: list[bool]
) -> None:
    """The goals are 80, 90 and 91; nine tenths of the limit is the last that tells the live heap."""
    beside = [] if limit is None else [short(MEMORY_LIMIT, limit, counts=False)]
    *_, live = with_live_heap([short(GOAL, 80.0, 90.0, 91.0, counts=False), *beside])
    assert np.isfinite(live.values).tolist() == known


@pytest.mark.parametrize(("limit", "known"), [(2.0**60, True), (2.0**59.5, False)])
def test_the_largest_integer_is_no_memory_limit(limit: float, known: bool) -> None:
    beside = short(MEMORY_LIMIT, limit, counts=False)
    *_, live = with_live_heap([short(GOAL, 2.0**60, counts=False), beside])
    assert np.isfinite(live.values).tolist() == [known]


def test_only_a_process_without_a_live_heap_is_given_one_by_its_own_gogc() -> None:
    a, b = {"instance": "a"}, {"instance": "b"}
    known = short(LIVE_HEAP, 7.0, counts=False, **a)
    rows = [
        short(GOAL, 30.0, counts=False, **a),
        short(GOAL, 30.0, counts=False, **b),
        known,
        short(GOGC, 100.0, counts=False, **a),
        short(GOGC, counts=False, **b),
        short(GOGC, 200.0, counts=False, **b),
    ]
    derived = list(with_live_heap(rows))[len(rows) :]
    assert [(live.labels, live.values.tolist()) for live in derived] == [
        ((("instance", "b"),), [10.0])
    ]


CYCLES, YOUNG_AND_OLD, MAJOR = (
    "go_gc_duration_seconds_count",
    "jvm_gc_pause_seconds_count",
    {"action": "end of major GC"},
)


@pytest.mark.parametrize(
    ("recorded", "ran"),
    [
        ([short(CYCLES, 5, 6, 8, 9)], {"": 4.0}),
        ([short(CYCLES, 5, 6, 8, 9, start=-1)], {"": 3.0}),  # 6 at 0 s is the first inside
        ([short(CYCLES, 5, 6, 8, 9, start=8)], {"": 3.0}),  # 8 at 10 s is the last
        ([short(CYCLES, 5, 9, 1, 2)], {"": 5.0}),  # a new process
        ([short(CYCLES, 5, 9, 8.5)], {"": 4.0}),
        ([short(CYCLES, 5, np.nan, 8)], {"": 3.0}),
        ([short(CYCLES, 5, 9, counts=False)], {}),
        ([short("requests_total", 5, 9)], {}),
        # The larger one of two counters of the same collections.
        ([short(CYCLES, 5, 9), short("go_gc_cycles_total_gc_cycles_total", 5, 7)], {"": 4.0}),
        ([short(CYCLES, 5, 7), short("go_gc_cycles_total_gc_cycles_total", 5, 9)], {"": 4.0}),
        ([short(YOUNG_AND_OLD, 5, 9, action="end of minor GC")], {"": 0.0}),
        ([short(YOUNG_AND_OLD, 5, 9, **MAJOR)], {"": 4.0}),
        ([short(LIVE, 5, 5, 9, 5, 5, 6, counts=False)], {"": 3.0}),
        ([short(LIVE, 5, 5, 9, 5, 6, start=8, counts=False)], {"": 1.0}),
        ([short(LIVE, 5, 5, counts=False)], {"": 0.0}),
        ([short(LIVE, 5, 9, 5, counts=False), short(YOUNG_AND_OLD, 1, 4, **MAJOR)], {"": 3.0}),
        ([short(LIVE, 5, 9, 5, counts=False), short(YOUNG_AND_OLD, 1, 2, **MAJOR)], {"": 2.0}),
        ([short(CYCLES, 5, 6, instance="a"), short(CYCLES, 5, 9)], {"a": 1.0, "": 4.0}),
    ],
)
def test_full_collections_are_counted_within_the_judged_stretch(
    recorded: list[Series], ran: dict[str, float]
) -> None:
    assert collections_between(recorded, 0.0, 10.0) == ran


@pytest.mark.parametrize(
    ("start", "beside", "ran"),
    [
        (0.0, [short("x", 1.0)], 5.0),  # 3 at 5 s, which its page at 0 s did not have
        (4.9, [short("x", 1.0)], 5.0),
        (5.0, [short("x", 1.0)], 2.0),  # seen when judging begins: it may have counted before
        (0.0, [], 2.0),  # its page was read first when it was there
        (0.0, [short("x", 1.0, start=5.0)], 2.0),
        (0.0, [replace(short("x", 1.0), source="other")], 2.0),
        (0.0, [short("x")], 2.0),
    ],
)
def test_a_counter_that_appears_late_has_counted_from_nothing(
    start: float, beside: list[Series], ran: float
) -> None:
    late = short(CYCLES, 3, 5, start=5.0)
    assert collections_between([late, *beside], start, 10.0) == {"": ran}
    hidden = short(CYCLES, np.nan, np.nan, 3, 5, start=3.0)
    assert collections_between([hidden, *beside], start, 10.0) == {
        "": ran if beside and ran > 2 else 5.0 if start < 5 else 2.0
    }
    once = short(CYCLES, 2, start=5.0)
    assert collections_between([once, *beside], start, 10.0) == {"": 2.0 if ran > 2 else 0.0}
    unknown = short(CYCLES, np.nan, np.nan)
    assert collections_between([unknown, *beside], start, 10.0) == {"": 0.0}


def test_collections_that_update_a_live_heap_are_those_of_its_process_young_ones_too() -> None:
    level = short("dotnet_gc_last_collection_heap_size_bytes", 6, 6, counts=False, instance="a")
    name = "dotnet_gc_collections_total"
    rows = [
        short(name, 1, 4, instance="a", gc_heap_generation="gen0"),
        short(name, 1, 2, instance="a", gc_heap_generation="gen2"),
        short(name, 1, 90, instance="b", gc_heap_generation="gen2"),
        short(name, 1, 90, counts=False, instance="a"),
        short("requests_total", 1, 90, instance="a"),
    ]
    assert collections_of(rows, level, 0.0, 10.0) == 3.0
    assert collections_of(rows[1:], level, 0.0, 10.0) == 1.0
    assert collections_of(rows[2:], level, 0.0, 10.0) == np.inf
    late = short(name, 3, 4, start=5.0, instance="a", gc_heap_generation="gen2")
    assert collections_of([late, level], level, 0.0, 10.0) == 4.0


def test_a_live_heap_after_full_collections_is_updated_by_these_alone() -> None:
    level = short(LIVE, 6, 7, 7, counts=False, instance="a")
    young = short(YOUNG_AND_OLD, 1, 40, action="end of minor GC", instance="a")
    assert collections_of([young, level], level, 0.0, 10.0) == 1.0
    assert collections_of([young, replace(level, values=level.values * 0)], level, 0.0, 10.0) == 0


def test_what_makes_a_collector_run_sooner_is_told_by_its_counters() -> None:
    assert sooner_by({CYCLES, "x"}).startswith("Go collects at least every 2 minutes")
    assert sooner_by({"ruby_major_gc_ops_total"}) == ""
    assert sooner_by({"go_goroutines"}) == ""


@pytest.mark.parametrize(
    ("ran", "seconds", "told"),
    [
        (0.0, 60.0, "5 min more, or 6 times as many collections in that time,"),
        (1.0, 60.0, "5 min more, or 6 times as many collections in that time,"),
        (2.0, 60.0, "120 s more, or 3 times as many collections in that time,"),
        (4.0, 600.0, "5 min more, or 1.5 times as many collections in that time,"),
    ],
)
def test_how_many_more_collections_would_tell(ran: float, seconds: float, told: str) -> None:
    text, longer = more_collections(ran, seconds)
    assert text == told.replace("120 s", "2 min")
    assert longer == pytest.approx(seconds * (6 / max(ran, 1.0) - 1))


HEAP = {"area": "heap"}


def judged_by_few(
    ran: float,
    verdict: Verdict = Verdict.FAIL,
    *,
    name: str = RSS,
    unit: str = "bytes",
    low: float = 1.0,
    level: float = 100.0,
    rise: float = 40.0,
    heap: float | None = 40.0,
    seconds: float = 600.0,
    missing: bool = False,
    change: Callable[[Finding], Finding] = lambda finding: finding,
) -> Finding | None:
    """What few collections make of a finding whose series, and whose heap, rise by so much; None if it stays as it is."""
    labels = (("instance", "a"), *HEAP.items()) if name == USED else (("instance", "a"),)
    trend = Trend(2.0, low, 3.0, 1.0, 0.0, level)
    finding = change(Finding(RuleName.GROWTH, name, verdict, "", labels, unit=unit, trend=trend))
    whole = short(name, 0.0, rise, counts=False, **dict(labels))
    others = [
        short(USED, 0.0, 1e3, counts=False, instance="b", **HEAP),
        short("x_bytes", 0.0, 1e3, counts=False, instance="a"),
    ]
    if heap is not None and name != USED:
        others.append(short(USED, 0.0, heap, counts=False, instance="a", **HEAP))
    series = others if missing else [*others, whole]
    after = with_few_collections(finding, "resident memory", series, {"a": ran}, seconds)
    return None if after is finding else after


@pytest.mark.parametrize(
    ("ran", "more", "adjusted"),
    [
        (0.0, {}, True),
        (1.0, {}, True),
        (2.0, {}, False),  # two floors may fail
        (1.0, {"low": 0.0}, False),
        (1.0, {"low": 0.5}, True),
        (1.0, {"unit": "threads"}, False),
        (1.0, {"unit": "objects", "name": "x_objects"}, True),
        (1.0, {"unit": "bytes per request"}, True),
        (1.0, {"change": lambda finding: replace(finding, trend=None)}, False),
        # Memory outside of the heap, in a process that is no longer young.
        (1.0, {"heap": 20.0}, True),
        (1.0, {"heap": 19.0}, False),
        (1.0, {"heap": 19.0, "seconds": 599.0}, True),
        (1.0, {"heap": 19.0, "seconds": 700.0}, False),
        (1.0, {"heap": None}, True),
        (1.0, {"heap": 19.0, "missing": True}, True),
        (1.0, {"heap": 19.0, "name": "x_bytes"}, True),  # not of the whole process
        (1.0, {"verdict": Verdict.INCONCLUSIVE}, True),
        (4.0, {"verdict": Verdict.PASS}, True),
        (5.0, {"verdict": Verdict.PASS}, False),
        (6.0, {"verdict": Verdict.PASS}, False),
        (4.0, {"verdict": Verdict.PASS, "rise": 10.0}, False),
        (4.0, {"verdict": Verdict.PASS, "rise": 11.0}, True),
        (4.0, {"verdict": Verdict.PASS, "rise": 11.0, "level": -100.0}, True),
        (4.0, {"verdict": Verdict.PASS, "rise": 10.0, "level": -100.0}, False),
        (4.0, {"verdict": Verdict.PASS, "missing": True}, False),
        (4.0, {"verdict": Verdict.PASS, "name": USED}, True),
        (4.0, {"verdict": Verdict.PASS, "name": "y_bytes"}, False),
    ],
)
def test_few_collections_make_a_rise_inconclusive(
    ran: float, more: dict[str, Any], adjusted: bool
) -> None:
    after = judged_by_few(ran, **more)
    assert (after is not None) is adjusted
    if after is not None:
        assert after.verdict is Verdict.INCONCLUSIVE
        assert after.adjustments[-1].by == "garbage collections"


@pytest.mark.parametrize(
    ("ran", "times"),
    [
        (0.0, "did not run in full"),
        (1.0, "ran in full only once"),
        (2.0, "ran in full only 2 times"),
    ],
)
def test_the_reason_says_how_often_the_collector_ran_and_what_would_tell(
    ran: float, times: str
) -> None:
    after = judged_by_few(ran, Verdict.PASS)
    assert after is not None
    factor = {0.0: "50 min more, or 6", 1.0: "50 min more, or 6", 2.0: "20 min more, or 3"}[ran]
    assert after.reason == (
        f"Resident memory grew, but the garbage collector {times} meanwhile, so this may be garbage and no leak: "
        f"{factor} times as many collections in that time, would tell."
    )


def test_the_reason_says_what_makes_the_collector_run_sooner() -> None:
    trend = Trend(2.0, 1.0, 3.0, 1.0, 0.0, 100.0)
    finding = Finding(RuleName.GROWTH, RSS, Verdict.FAIL, "", unit="bytes", trend=trend)
    series = [short(RSS, 0, 9, counts=False), short(CYCLES, 0, 1)]
    after = with_few_collections(finding, "resident memory", series, {"": 1.0}, 60.0)
    assert after.reason.endswith(
        " would tell; Go collects at least every 2 minutes, and more often with a lower GOGC."
    )


@pytest.mark.parametrize(
    ("values", "rise"),
    [
        ([3.0], 0.0),
        ([], 0.0),
        ([np.nan], 0.0),
        ([1.0, 5.0, 7.0], 6.0),
        ([1.0, np.nan, 5.0, 7.0, 9.0], 8.0),
        ([float(value**2) for value in range(8)], 42.0),  # (36 + 49) / 2 - (0 + 1) / 2
        ([float(value**2) for value in range(12)], 99.0),  # 100 - 1
        ([float(value**2) for value in range(20)], 285.0),  # 17^2 - 2^2
    ],
)
def test_a_rise_is_from_the_first_quarter_s_median_to_the_last_one_s(
    values: list[float], rise: float
) -> None:
    assert _rise(short(RSS, *values, counts=False)) == rise


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("go_heap_after_gc_bytes", Verdict.FAIL),
        ("nodejs_heap_live_bytes", Verdict.FAIL),
        ("go_memstats_heap_inuse_bytes", Verdict.INCONCLUSIVE),
    ],
)
def test_a_heap_measured_after_forced_collections_is_no_garbage(
    name: str, verdict: Verdict
) -> None:
    """However few the metrics page counts: it may have stopped answering."""
    grows = Trend(2.0, 1.0, 3.0, 1.0, 0.0, 100.0)
    finding = Finding(RuleName.GROWTH, name, Verdict.FAIL, "", unit="bytes/h", trend=grows)
    series = [short(name, 0.0, 40.0, counts=False)]
    assert with_few_collections(finding, "the heap", series, {"": 0.0}, 600.0).verdict is verdict
