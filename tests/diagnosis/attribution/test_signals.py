"""What surely grows: series that fail, places on the heap, groups of goroutines, and how much per request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution import levels as levels_module
from soak.diagnosis.attribution import signals as module
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import Amount, Attribution
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.attribution.levels import Levels
from soak.diagnosis.attribution.signals import (
    GROUP,
    PLACE,
    Signal,
    _each,
    _group_signal,
    _growing_groups,
    _matters,
    _may_grow,
    _place_signal,
    _series_signals,
    _total_signal,
    growing,
    signals,
)
from soak.diagnosis.profiles.frames import Frame
from soak.growth_views import HourlyRate
from soak.model import Finding, RuleName, Series, Trend, Verdict

MEMORY, FDS, GOROUTINES = "process_resident_memory_bytes", "process_open_fds", "go_goroutines"
HEAP, OF_HEAP = "go_gc_heap_live_bytes", "go_memstats_stack_inuse_bytes"
HANDLES, RESOURCES = "nodejs_active_handles_total", "nodejs_active_resources_total"
TREND = Trend(10.0, 5.0, 20.0, 1.0, 0.0, 9.0)
NOTHING = Amount("", 0.0, 0.0, 0.0)
A = Amount("GET /a", 2.0, 1.0, 3.0, 1.0)


def finding(
    series: str = MEMORY,
    verdict: Verdict = Verdict.FAIL,
    rule: RuleName = RuleName.GROWTH,
    trend: Trend | None = TREND,
) -> Finding:
    return Finding(rule, series, verdict, f"{series} grows.", trend=trend)


def signal(what: Any, each: float = 0.0, unit: str = "bytes", of: Finding | None = None) -> Signal:
    return Signal(what, "x", unit, Amount("", each, 0.0, 0.0), (), "", of)


def site(*levels: float, place: str = "main.f", requests: Any = None) -> AllocationSite:
    steps = np.arange(float(len(levels)))
    done = steps if requests is None else np.array(requests)
    frame = Frame(place, "/src/main.go", 7, True)
    stacks = (Stack((Frame("runtime.chansend"), frame), np.array(levels)),)
    return AllocationSite(frame, 10 * steps, done, np.array(levels), stacks)


def group_of(place: AllocationSite, blocked: str = "in a select") -> BlockedGroup:
    return BlockedGroup(blocked, place.place, place.place, place)


def sure(slope: float, is_sure: bool = True, levels: tuple[float, ...] = (0.0, 99.0)) -> Any:
    """A place (or the place of a group) with this slope."""
    return SimpleNamespace(
        slope=(slope, slope - 5.0, slope + 5.0), sure=is_sure, levels=np.array(levels)
    )


@pytest.mark.parametrize(
    ("what", "unit", "counted"),
    [
        (ResourceKind.DESCRIPTORS, "descriptors", True),
        (ResourceKind.POOL, "connections", True),
        (GROUP, "goroutines", True),
        (ResourceKind.MEMORY, "bytes", False),
        (GROUP, "bytes", False),
        (ResourceKind.HEAP, "objects", False),
        (ResourceKind.MEMORY, "objects", False),
        (ResourceKind.TIMERS, "timers", False),
        (ResourceKind.METRICS, "series", False),
        (ResourceKind.REQUESTS, "requests", False),
    ],
)
def test_what_counts_whole_things_beside_the_heap_is_counted(
    what: Any, unit: str, counted: bool
) -> None:
    assert signal(what, unit=unit).counted is counted
    assert signal(what, unit=unit).points == 0  # unless it is said


@pytest.mark.parametrize(
    ("what", "of", "resident"),
    [
        (ResourceKind.MEMORY, None, True),
        (ResourceKind.MEMORY, finding(MEMORY), True),
        (ResourceKind.MEMORY, finding("no_known_series"), True),
        (ResourceKind.MEMORY, finding(OF_HEAP), False),
        (ResourceKind.HEAP, finding(MEMORY), False),
        (PLACE, None, False),
    ],
)
def test_all_memory_of_a_process_is_resident(what: Any, of: Finding | None, resident: bool) -> None:
    assert signal(what, of=of).resident is resident


def test_places_that_surely_grow_by_a_tenth_of_all_growth_are_kept() -> None:
    places = [sure(50.0), sure(30.0, False), sure(10.0), sure(9.95), sure(0.05), sure(-70.0)]
    assert growing(places) == [places[0], places[2]]
    assert growing([sure(0.0)]) != []
    assert growing([]) == []
    many = [sure(10.0) for _ in range(6)]
    assert growing(many) == many[:4]


def test_groups_that_surely_grow_by_a_tenth_and_by_eight_are_kept() -> None:
    def groups(*sites: Any) -> list[Any]:
        return [SimpleNamespace(site=each) for each in sites]

    every = groups(
        sure(50.0),
        sure(20.0, False),
        sure(10.0, levels=(2.0, 3.0, 10.0)),
        sure(10.0, levels=(2.0, 11.0, 9.0)),
        sure(9.95),
        sure(0.05, levels=(0.0, 8.0)),
        sure(-70.0),
    )
    assert _growing_groups(every) == [every[0], every[2]]
    many = groups(*(sure(10.0) for _ in range(6)))
    assert _growing_groups(many) == many[:4]


BLOCKS = replace(signal(ResourceKind.HEAP), unit="blocks")


@pytest.mark.parametrize(
    ("failing", "slopes", "matters"),
    [
        ([], [], True),
        ([signal(ResourceKind.DESCRIPTORS)], [], True),
        ([signal(ResourceKind.HEAP), signal(ResourceKind.MEMORY, 100.0)], [], True),
        ([signal(ResourceKind.MEMORY, 100.0)], [15.0, 5.0], True),
        ([BLOCKS, signal(ResourceKind.MEMORY, 100.0)], [10.0], True),
        ([BLOCKS, signal(ResourceKind.MEMORY, 100.0)], [9.9], False),
        ([BLOCKS], [], True),
        ([signal(ResourceKind.MEMORY, 100.0)], [15.0, 4.9], False),
        ([signal(ResourceKind.MEMORY, 100.0)], [], False),
        ([signal(ResourceKind.MEMORY, 900.0), signal(ResourceKind.MEMORY, 100.0)], [20.0], True),
        ([signal(ResourceKind.MEMORY, 900.0), signal(ResourceKind.MEMORY, 110.0)], [20.0], False),
    ],
)
def test_places_matter_where_a_heap_fails_or_they_explain_a_fifth_of_memory(
    failing: list[Signal], slopes: list[float], matters: bool
) -> None:
    assert _matters([sure(slope) for slope in slopes], failing) is matters


@pytest.mark.parametrize(
    ("findings", "may"),
    [
        ([], True),
        ([finding(MEMORY, Verdict.PASS)], True),
        ([finding(GOROUTINES, Verdict.PASS)], False),
        ([finding(GOROUTINES, Verdict.PASS, RuleName.MAX)], True),
        ([finding(GOROUTINES, Verdict.INCONCLUSIVE)], True),
        ([finding(GOROUTINES, Verdict.FAIL)], True),
        ([finding(GOROUTINES, Verdict.PASS), finding(GOROUTINES, Verdict.FAIL)], True),
        ([finding(GOROUTINES, Verdict.PASS), finding(MEMORY, Verdict.FAIL)], False),
        ([finding("no_known_series", Verdict.FAIL), finding(GOROUTINES, Verdict.PASS)], False),
    ],
)
def test_groups_may_grow_unless_their_count_is_steady(findings: list[Finding], may: bool) -> None:
    assert _may_grow(findings) is may


def all_signals(
    findings: list[Finding],
    places: list[AllocationSite],
    *,
    only: AllocationSite | None = None,
    matters: bool = True,
    kept: tuple[int, ...] = (0,),
) -> list[str]:
    """The names of the signals, where every place and group is one, and a total stands for all places."""

    def placed(_: Any, place: AllocationSite, _endpoint: str = "") -> Signal:
        return Signal(PLACE, place.place.function, "bytes", NOTHING, (A,), "")

    def total(_: Any, places: Any, so_far: list[Signal]) -> list[Signal]:
        return [Signal(ResourceKind.HEAP, f"total after {len(so_far)}", "bytes", NOTHING, (), "")]

    with (
        mock.patch.object(module, "_series_signals", return_value=[signal(ResourceKind.MEMORY)]),
        mock.patch.object(module, "_matters", return_value=matters),
        mock.patch.object(module, "growing", lambda places: [places[i] for i in kept]),
        mock.patch.object(module, "_place_signal", placed),
        mock.patch.object(module, "only_gaining", return_value=only),
        mock.patch.object(module, "_total_signal", total),
        mock.patch.object(module, "_growing_groups", lambda groups: groups),
        mock.patch.object(
            module, "_group_signal", lambda _, name: Signal(GROUP, name, "", NOTHING, (), "")
        ),
    ):
        told = signals(cast("Any", None), findings, places, cast("Any", ["group"]))
    return [f"{each.name}{'' if each.contributors else ' of nobody'}" for each in told]


OWN, ONLY = site(0, 1, 2, place="main.own"), site(0, 1, 2, place="main.only")
FOREIGN = AllocationSite(Frame("lib.f"), OWN.times, OWN.requests, OWN.levels, ())


def test_series_come_first_then_places_their_total_and_groups() -> None:
    assert all_signals([finding()], [OWN]) == [
        *("x of nobody", "main.own", "total after 2 of nobody", "group of nobody")
    ]


def test_without_a_failed_growth_nothing_is_a_signal() -> None:
    for harmless in (
        finding(verdict=Verdict.INCONCLUSIVE),
        finding(verdict=Verdict.PASS),
        finding(rule=RuleName.MAX),
    ):
        assert all_signals([harmless], [OWN]) == []
        assert all_signals([harmless, finding()], [OWN])
    assert all_signals([], [OWN]) == []


def test_places_that_do_not_matter_and_groups_that_cannot_grow_are_left_out() -> None:
    assert all_signals([finding()], [OWN], matters=False) == ["x of nobody", "group of nobody"]
    steady = finding(GOROUTINES, Verdict.PASS)
    assert all_signals([finding(), steady], [OWN], matters=False) == ["x of nobody"]


def test_the_only_place_that_gained_is_nobody_s_and_asked_for_where_no_own_place_grows() -> None:
    assert all_signals([finding()], [FOREIGN], only=ONLY) == [
        "x of nobody",
        "lib.f",
        "main.only of nobody",
        "total after 3 of nobody",
        "group of nobody",
    ]
    for places, kept in (([OWN], (0,)), ([OWN, FOREIGN], (1, 0)), ([FOREIGN, OWN], (0, 1))):
        assert "main.only of nobody" not in all_signals([finding()], places, only=ONLY, kept=kept)
    assert "main.only of nobody" in all_signals([finding()], [FOREIGN], only=ONLY, kept=())
    assert len(all_signals([finding()], [FOREIGN])) == 4


@contextmanager
def attributed(told: Attribution) -> Iterator[Any]:
    with mock.patch.object(module, "attribute_by_endpoint", return_value=told) as asked:
        yield asked


REFUSED = Attribution("x", "bytes", (), refused="too few")
TOLD = Attribution("x", "bytes", (A,), HourlyRate(1.0, 0.5, 2.0), doubt="it may be time")


def series_signals(
    *findings: Finding, told: Attribution = TOLD, absent: bool = False, levels: Any = ()
) -> list[Signal]:
    known = Levels(np.arange(5.0), np.arange(5.0), np.arange(5.0)) if levels == () else levels
    prepared = SimpleNamespace(
        beside=lambda name, labels: None if absent else Series(name, np.arange(5.0), np.arange(5.0))
    )
    with (
        mock.patch.object(
            levels_module, "at_usual_load", side_effect=lambda _, series, metric: series
        ),
        mock.patch.object(levels_module, "levels_of", return_value=known),
        mock.patch.object(module, "_each", return_value=NOTHING),
        attributed(told),
    ):
        return list(_series_signals(cast("Any", prepared), findings))


def test_a_failing_series_is_a_signal_with_what_is_known_of_it() -> None:
    failing = finding()
    [only] = series_signals(failing)
    assert (only.what, only.name, only.unit) == (ResourceKind.MEMORY, MEMORY, "bytes")
    assert (only.each, only.contributors) == (NOTHING, (A,))
    assert (only.words, only.finding) == (failing.reason, failing)
    assert (only.refused, only.doubt) == (None, "it may be time")
    assert (only.per_hour, only.points) == (HourlyRate(1.0, 0.5, 2.0), 5)
    [refused] = series_signals(failing, told=REFUSED)
    assert (refused.refused, refused.contributors) == ("too few", ())


@pytest.mark.parametrize(
    ("passed_over", "more"),
    [
        (finding(verdict=Verdict.PASS), {}),
        (finding(FDS, Verdict.PASS), {}),
        (finding(rule=RuleName.MAX), {}),
        (finding(trend=None), {}),
        (finding("no_known_series"), {}),
        (finding("go_memstats_heap_objects"), {}),
        (finding("process_cpu_seconds_total"), {}),
        (finding(verdict=Verdict.INCONCLUSIVE), {}),
        (finding(HEAP, verdict=Verdict.INCONCLUSIVE), {}),
        (finding(FDS, Verdict.INCONCLUSIVE), {"told": REFUSED}),
        (finding(), {"absent": True}),
        (finding(), {"levels": None}),
    ],
)
def test_what_does_not_surely_grow_is_passed_over_and_what_follows_is_not(
    passed_over: Finding, more: dict[str, Any]
) -> None:
    assert series_signals(passed_over, **more) == []
    if not more:
        assert [each.name for each in series_signals(passed_over, finding(HEAP))] == [HEAP]


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        (FDS, Verdict.FAIL),
        (FDS, Verdict.INCONCLUSIVE),
        (GOROUTINES, Verdict.INCONCLUSIVE),
        (HEAP, Verdict.FAIL),
        (HANDLES, Verdict.FAIL),
        (HANDLES, Verdict.INCONCLUSIVE),
        (RESOURCES, Verdict.FAIL),
    ],
)
def test_counts_are_signals_where_an_endpoint_adds_to_them(name: str, verdict: Verdict) -> None:
    assert [each.name for each in series_signals(finding(name, verdict))] == [name]


def test_a_missing_level_ends_the_search_for_its_series_alone() -> None:
    prepared = SimpleNamespace(
        beside=lambda name, _: None if name == FDS else Series(name, np.zeros(1), np.zeros(1))
    )
    known = Levels(np.arange(5.0), np.arange(5.0), np.arange(5.0))
    with (
        mock.patch.object(
            levels_module, "at_usual_load", side_effect=lambda _, series, metric: series
        ),
        mock.patch.object(
            levels_module,
            "levels_of",
            side_effect=lambda _, each: None if each.name == HEAP else known,
        ),
        mock.patch.object(module, "_each", return_value=NOTHING),
        attributed(TOLD),
    ):
        told = list(
            _series_signals(cast("Any", prepared), [finding(FDS), finding(HEAP), finding()])
        )
    assert [each.name for each in told] == [MEMORY]


@pytest.mark.parametrize(
    ("descriptors", "kept"),
    [
        (finding(FDS, Verdict.PASS), [MEMORY]),
        (finding(FDS, Verdict.INCONCLUSIVE), [FDS, HANDLES, RESOURCES, MEMORY]),
        (finding(GOROUTINES, Verdict.PASS), [HANDLES, RESOURCES, MEMORY]),
    ],
)
def test_handles_of_node_are_no_signals_beside_steady_descriptors(
    descriptors: Finding, kept: list[str]
) -> None:
    every = [descriptors, finding(HANDLES), finding(RESOURCES), finding()]
    assert [each.name for each in series_signals(*every)] == kept


PREPARED = cast("Any", SimpleNamespace(recording=SimpleNamespace(snapshots=()), requests=None))


def test_a_place_is_a_signal_with_what_it_holds_more_than_at_first() -> None:
    place = site(2048.0, 9000.0, 4096.0, 6144.0, requests=[0.0, 1.0, 2.0, 3.0])
    with attributed(TOLD) as asked:
        told = _place_signal(PREPARED, place)
    assert (told.what, told.name, told.unit) == (PLACE, "main.f main.go:7", "bytes")
    assert told.words == (
        "4 KiB more that was allocated at main.f main.go:7 is kept over 4 snapshots: 738 B per request of any kind."
    )
    assert (told.each.per_request, told.each.low, told.each.high) == place.slope
    assert (told.contributors, told.refused, told.points) == ((A,), None, 4)
    assert told.site is place
    assert asked.call_args.args[1].values.tolist() == [2048, 9000, 4096, 6144]
    assert asked.call_args.kwargs == {}
    with attributed(REFUSED):
        assert _place_signal(PREPARED, place).refused == "too few"


def test_a_group_is_a_signal_with_its_count_and_where_it_waits() -> None:
    waiting = group_of(site(2.0, 900.0, 1500.0))
    with attributed(TOLD) as asked:
        told = _group_signal(PREPARED, waiting)
    assert (told.what, told.name, told.unit) == (GROUP, "main.f main.go:7", "goroutines")
    assert told.words == ("1,500 goroutines wait at main.f main.go:7, in a select; 2 did at first.")
    assert (told.each.per_request, told.each.low, told.each.high) == waiting.site.slope
    assert (told.contributors, told.points) == ((A,), 3)
    assert (told.site, told.group) == (waiting.site, waiting)
    assert asked.call_args.kwargs == {"integer": True}
    elsewhere = BlockedGroup("in a select", Frame("main.g"), Frame("main.g"), waiting.site)
    with attributed(REFUSED):
        told = _group_signal(PREPARED, elsewhere)
    assert told.refused == "too few"
    assert told.words == ("1,500 goroutines wait at main.g, in a select in main.f; 2 did at first.")


LARGE, SMALL = site(50.0, 1050.0, 2050.0), site(0.0, 500.0, 1000.0)


@pytest.mark.parametrize(
    ("places", "so_far", "refused", "named"),
    [
        ([LARGE, SMALL], [ResourceKind.MEMORY], False, True),
        ([LARGE, SMALL], [ResourceKind.MEMORY], True, False),
        ([LARGE], [ResourceKind.MEMORY], False, False),
        ([LARGE, SMALL], [], False, False),
        ([LARGE, SMALL], [ResourceKind.DESCRIPTORS], False, False),
        ([LARGE, SMALL], [ResourceKind.MEMORY, ResourceKind.HEAP], False, False),
        ([], [ResourceKind.MEMORY], False, False),
        ([LARGE, site(0.0, 0.0, 900.0)], [ResourceKind.MEMORY], False, False),
        # Together they grow by 1500 surely, and the first one by 1000, give or take 408.
        (
            [site(0.0, 1000.0, 1700.0, 3100.0), site(0.0, 500.0, 1300.0, 1400.0)],
            [ResourceKind.MEMORY],
            False,
            False,
        ),
    ],
)
def test_the_heap_as_a_whole_is_a_signal_where_it_grows_beyond_any_place(
    places: list[AllocationSite], so_far: list[ResourceKind], refused: bool, named: bool
) -> None:
    with attributed(REFUSED if refused else TOLD):
        told = _total_signal(PREPARED, places, [signal(what) for what in so_far])
    assert bool(told) is named


def test_the_total_of_the_heap_is_that_of_all_places() -> None:
    with attributed(TOLD) as asked:
        [told] = _total_signal(PREPARED, [LARGE, SMALL], [signal(ResourceKind.MEMORY)])
    assert (told.what, told.name, told.unit) == (ResourceKind.HEAP, "the heap", "bytes")
    assert told.words == "2.93 KiB more are alive in all over 3 snapshots."
    assert (told.each, told.contributors) == (Amount("", 1500.0, 1500.0, 1500.0), (A,))
    levels = asked.call_args.args[1]
    assert levels.times.tolist() == [0, 10, 20]
    assert levels.values.tolist() == [50, 1550, 3050]
    assert levels.requests.tolist() == [0, 1, 2]


@pytest.mark.parametrize("beyond", [False, True])
def test_the_total_must_grow_by_more_than_a_tenth_beyond_the_largest_place(beyond: bool) -> None:
    places = [site(0.0, 1000.0, 2000.0), site(0.0, 100.0 + beyond, 200.0 + 2 * beyond)]
    with attributed(TOLD):
        assert bool(_total_signal(PREPARED, places, [signal(ResourceKind.MEMORY)])) is beyond


def test_the_error_of_sampling_is_in_the_total_s_interval() -> None:
    sampled = [
        AllocationSite(each.place, each.times, each.requests, each.levels, (), 1e4)
        for each in (LARGE, SMALL)
    ]
    with attributed(TOLD):
        assert _total_signal(PREPARED, sampled, [signal(ResourceKind.MEMORY)]) == []


def each_of(times: list[float], done: list[float], trend: Trend = TREND, start: float = 0.0) -> Any:
    requests = Series("requests", np.array(times), np.array(done))
    told = _each(
        finding(trend=trend), cast("Any", SimpleNamespace(requests=requests, judged_from=start))
    )
    return told.per_request, told.low, told.high


def test_growth_a_request_is_that_an_hour_by_the_requests_an_hour_in_the_judged_time() -> None:
    # 20 requests within 10 s are 7200 an hour.
    assert each_of([0.0, 5.0, 10.0], [100.0, 105.0, 120.0]) == (
        10 / 7200,
        5 / 7200,
        20 / 7200,
    )
    assert each_of([0.0, 5.0, 10.0], [100.0, 110.0, 120.0], start=5.0)[0] == 10 / 7200
    assert each_of([-5.0, 0.0, 10.0], [0.0, 100.0, 120.0])[0] == 10 / 7200
    # One request within 0.5 s.
    assert each_of([0.0, 0.5], [0.0, 1.0])[0] == 10 / 7200


@pytest.mark.parametrize(
    ("times", "done", "start", "slope_high"),
    [
        ([0.0, 5.0, 10.0], [1.0, 2.0, 3.0], 6.0, 20.0),  # a single sample
        ([0.0, 5.0, 10.0], [1.0, 2.0, 3.0], 11.0, 20.0),
        ([0.0, 5.0, 10.0], [3.0, 3.0, 3.0], 0.0, 20.0),
        ([0.0, 5.0, 10.0], [3.0, 3.0, 2.0], 0.0, 20.0),
        ([0.0, 5.0, 10.0], [1.0, 2.0, 3.0], 0.0, np.inf),
    ],
)
def test_growth_a_request_is_unknown_without_requests(
    times: list[float], done: list[float], start: float, slope_high: float
) -> None:
    trend = Trend(10.0, 5.0, slope_high, 1.0, 0.0, 9.0)
    assert each_of(times, done, trend, start) == (0.0, 0.0, 0.0)


def test_requests_that_were_not_counted_tell_nothing() -> None:
    prepared = cast("Any", SimpleNamespace(requests=None, judged_from=0.0))
    assert _each(finding(), prepared) == NOTHING
    # A tenth of a request within an hour is still one.
    assert each_of([0.0, 3600.0], [0.0, 0.5]) == (20.0, 10.0, 40.0)


@pytest.mark.parametrize(
    ("tasks", "kept"),
    [
        ((), ["tasks", "threads"]),
        ((Verdict.PASS,), ["threads"]),
        ((Verdict.PASS, Verdict.INCONCLUSIVE), ["tasks", "threads"]),
        ((Verdict.FAIL,), ["tasks", "threads"]),
    ],
)
def test_tasks_that_are_steady_in_number_wait_nowhere_for_ever(
    tasks: tuple[Verdict, ...], kept: list[str]
) -> None:
    """A server has one for each open connection, and these come and go."""
    waiting = [SimpleNamespace(noun=noun) for noun in ("tasks", "threads")]
    findings = [finding(), *(finding("python_asyncio_tasks", verdict) for verdict in tasks)]
    with (
        mock.patch.object(module, "_series_signals", return_value=[]),
        mock.patch.object(module, "_matters", return_value=False),
        mock.patch.object(module, "_growing_groups", lambda groups: groups),
        mock.patch.object(module, "_group_signal", lambda _, group: group.noun),
    ):
        told = signals(cast("Any", None), findings, [], cast("Any", waiting))
    assert cast("Any", told) == kept


def test_memory_goes_through_the_endpoints_that_surely_leave_something() -> None:
    """The others fill caches first, until these are full."""
    b = replace(A, endpoint="GET /b")

    def through(what: Any, *amounts: Amount, exact: set[str]) -> tuple[Amount, ...]:
        told = replace(signal(what), contributors=amounts)
        return module._through_exact(told, exact).contributors

    for what in (ResourceKind.HEAP, ResourceKind.MEMORY):
        assert through(what, A, b, exact={"GET /a"}) == (A,)
        assert through(what, b, exact={"GET /a"}) == ()
        assert through(what, A, b, exact=set()) == (A, b)
    assert through(ResourceKind.DESCRIPTORS, A, b, exact={"GET /a"}) == (A, b)
